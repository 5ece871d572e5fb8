"""Words a second of the analyser beside a plain pymorphy3 loop, on the chunks of an index, in one run.

    python -m benchmarks.analysis --index DIR [--sample 1000]

Ours analyses every chunk once, starting with nothing remembered, as a build in one process does. The loop asks
pymorphy3 for each word's first normal form; what a word costs it does not depend on how many there are, so it goes
through evenly spread chunks alone.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from rag.index import open_index
from retrievers.analysis import lemma, morph, stem, words
from retrievers.documents import search_text


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.analysis", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--sample", type=int, default=1000, metavar="N", help="chunks for the plain loop")
    arguments = parser.parse_args(argv)
    with open_index(arguments.index) as index:
        texts = [search_text(chunk) for chunk in index.chunks]
        analyzer = index.analyzer()
    sample = texts[:: max(1, len(texts) // arguments.sample)]
    parse = morph().parse
    lemma.cache_clear()
    stem.cache_clear()
    ours = _rate(analyzer, texts)
    plain = _rate(lambda text: [parse(word)[0].normal_form for word in words(text)], sample)
    table = Table(title=f"{len(texts)} chunks, {len(sample)} of them for the plain loop")
    for column in ("", "words/s", "ratio"):
        table.add_column(column, justify="right")
    table.add_row("analyser", f"{ours:.0f}", f"{ours / plain:.1f}x")
    table.add_row("plain pymorphy3 loop", f"{plain:.0f}", "1.0x")
    Console(width=120).print(table)
    return 0


def _rate(analyze: Callable[[str], object], texts: Sequence[str]) -> float:
    count = sum(len(words(text)) for text in texts)
    started = time.perf_counter()
    for text in texts:
        analyze(text)
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    sys.exit(main())
