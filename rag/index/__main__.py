"""Build, change, check and export indexes: ``python -m rag.index build PATH… --index DIR``."""

from __future__ import annotations

import argparse
import dataclasses
import errno
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rag.command import EXIT_BAD_INPUT, available_cores, report, run_command
from rag.index.layout import EMBEDDED, Manifest
from rag.index.progress import progress_bar
from rag.index.writing import IndexChange

EXIT_PROBLEMS = 1
_MOST_WORKERS = 4  # one process reads, encodes and stores for all of them


def build(arguments: argparse.Namespace) -> int:
    """Build an index, or build it anew."""
    from rag.index.writing import build_index
    from rag.profile import load_profile

    profile = load_profile(arguments.profile)
    with progress_bar() as progress:
        change = build_index(
            arguments.paths,
            arguments.index,
            profile.index,
            profile=profile.name,
            store=arguments.store,
            workers=_workers(),
            progress=progress,
        )
    _print_change(change)
    return 0


def add(arguments: argparse.Namespace) -> int:
    """Add documents, or replace changed ones."""
    from rag.index.writing import add_documents

    with progress_bar() as progress:
        change = add_documents(arguments.paths, arguments.index, workers=_workers(), progress=progress)
    _print_change(change)
    return 0


def remove(arguments: argparse.Namespace) -> int:
    """Remove documents."""
    from rag.index.writing import remove_documents

    with progress_bar() as progress:
        _print_change(remove_documents(arguments.doc_id, arguments.index, progress=progress))
    return 0


def info(arguments: argparse.Namespace) -> int:
    """Say what an index is."""
    from rag.index.layout import read_current

    generation = read_current(arguments.index)
    size = sum(path.stat().st_size for path in generation.path.rglob("*") if path.is_file())
    facts = _facts(arguments.index, generation.manifest, size)
    if arguments.json:
        _print(json.dumps(facts, ensure_ascii=False))
    else:
        width = max(map(len, facts))
        for name, value in facts.items():
            _print(f"{name:<{width}}  {json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value}")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Check that an index is whole and its parts agree."""
    from rag.index.verify import verify_index

    problems = verify_index(arguments.index)
    if arguments.json:
        rows = [dataclasses.asdict(problem) for problem in problems]
        _print(json.dumps({"index": str(arguments.index), "problems": rows}, ensure_ascii=False))
    else:
        for problem in problems:
            _print(f"{problem.part}: {problem.message}")
        _print(f"{len(problems)} problems found" if problems else "the index is sound")
    return EXIT_PROBLEMS if problems else 0


def export(arguments: argparse.Namespace) -> int:
    """Write the documents as JSON Lines."""
    from rag.index.export import export_index

    count = export_index(arguments.index, arguments.out)
    _print(f"{count} documents written to {arguments.out}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 when ``verify`` finds problems; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command

    def body() -> int:
        try:
            return command(arguments)
        except BrokenPipeError:
            raise
        except OSError as error:
            if error.errno is None:
                raise
            full = "; the index is as it was before" if error.errno == errno.ENOSPC else ""
            report(OSError(f"{error.strerror}{f': {error.filename}' if error.filename else ''}{full}"))
            return EXIT_BAD_INPUT

    return run_command(body)


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m rag.index", description="Build, change, check and export indexes.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        added.add_argument("--index", type=Path, required=True, metavar="DIR", help="index directory")
        added.set_defaults(command=function)
        return added

    inputs = "files (.jsonl, .jsonl.gz, .csv, .parquet, .txt, .md, .html, .pdf, .docx) and folders of documents"
    for function in (build, add):
        command(function).add_argument("paths", nargs="+", type=Path, metavar="PATH", help=inputs)
    building = commands.choices["build"]
    building.add_argument("--store", metavar="URL", help="Chroma server for the vectors (default: inside the index)")
    building.add_argument(
        "--profile", default="offline", metavar="NAME", help="profile to build for (default: offline)"
    )
    command(remove).add_argument("--doc-id", nargs="+", required=True, metavar="ID", help="documents to remove")
    for function in (info, verify):
        command(function).add_argument("--json", action="store_true", help="print one JSON object")
    command(export).add_argument(
        "--out", type=Path, required=True, metavar="FILE", help="JSON Lines file (.jsonl[.gz])"
    )
    return parser


def _facts(directory: Path, manifest: Manifest, size: int) -> dict[str, Any]:
    encoder, store = manifest.encoder, manifest.store
    return {
        "index": str(directory),
        "documents": manifest.documents,
        "chunks": manifest.chunks,
        "profile": manifest.profile,
        "encoder": encoder.name if encoder else None,
        "dimension": encoder.dimension if encoder else None,
        "store": None if store is None else EMBEDDED if store.location == EMBEDDED else store.location,
        "generation": manifest.generation,
        "created": manifest.created,
        "created_by": manifest.created_by,
        "format": manifest.format,
        "bytes": size,
        "options": manifest.options.model_dump(mode="json"),
    }


def _print_change(change: IndexChange) -> None:
    counts = {
        "added": change.added,
        "changed": change.changed,
        "unchanged": change.unchanged,
        "removed": change.removed,
    }
    done = ", ".join(f"{count} {what}" for what, count in counts.items() if count) or "nothing changed"
    manifest = change.manifest
    _print(f"{change.directory}: {done}; documents: {manifest.documents}, chunks: {manifest.chunks}")


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _workers() -> int:
    return min(available_cores(), _MOST_WORKERS)


if __name__ == "__main__":
    sys.exit(main())
