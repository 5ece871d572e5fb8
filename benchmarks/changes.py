"""Seconds of adding, changing and removing one document of an index, on a copy of it.

python -m benchmarks.changes --index DIR [--changes 12]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rag.documents.rows import SourceDocument
from rag.index import IndexChange, add_documents, remove_documents


def main(argv: Sequence[str] | None = None) -> int:
    """Make the changes one after the other and print what they took."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changes", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--changes", type=int, default=12, metavar="N", help="documents to add, change and remove")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "index")
        shutil.copytree(arguments.index, copy)
        add_documents([_page(-1, 0)], copy)  # loads what every writer loads once
        rows = {
            "add": [_timed(lambda n=n: add_documents([_page(n, 0)], copy)) for n in range(arguments.changes)],  # type: ignore[misc]
            "change": [_timed(lambda n=n: add_documents([_page(n, 1)], copy)) for n in range(arguments.changes)],  # type: ignore[misc]
            "remove": [_timed(lambda n=n: remove_documents([f"page-{n}"], copy)) for n in range(arguments.changes)],  # type: ignore[misc]
        }
    table = Table("one document", "median, s", "longest, s", "of it with a merge", "segments at most")
    for name, made in rows.items():
        seconds = [taken for taken, _ in made]
        merging = [taken for taken, change in made if change.merged]
        table.add_row(
            name,
            f"{statistics.median(seconds):.2f}",
            f"{max(seconds):.2f}",
            f"{len(merging)} changes, {max(merging):.2f} s" if merging else "none",
            str(max(len(change.manifest.segments) for _, change in made)),
        )
    Console().print(table)
    return 0


def _page(number: int, version: int) -> SourceDocument:
    text = f"Маяк номер {number} стоит на берегу Белого моря. Высота {20 + version} метров.\n\nОн светит с 1900 года."
    return SourceDocument(f"page-{number}", f"Маяк {number}", text, {})


def _timed(change: Callable[[], IndexChange]) -> tuple[float, IndexChange]:
    started = time.perf_counter()
    made = change()
    return time.perf_counter() - started, made


if __name__ == "__main__":
    sys.exit(main())
