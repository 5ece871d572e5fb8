"""Cost of building and asking as an index grows, each leg by itself, each size in a process of its own.

python -m benchmarks.scale.growth --index DIR --questions rubq_dev.jsonl --out growth.json --plot growth.svg

For every size: building, saving and asking BM25; writing the documents and reading ten chunks; writing and asking the
vectors (up to --dense chunks). The exponent of a cost is the slope of its logarithm over that of the size, by least
squares over the sizes from 10,000 chunks on: 1 is linear, 0 does not grow.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.table import Table

from benchmarks.scale.corpus import Grown
from rag.index import open_index
from rag.index.chunk_table import ChunkTable
from rag.index.segments import DOCUMENTS, SOURCES, open_segment, save_array
from rag.index.sources import SourceWriter
from retrievers.bm25 import BM25Index, BM25Segment
from retrievers.stores.interface import Batch
from retrievers.stores.opening import open_chunk_store

_SEGMENT = 200_000  # chunks: the default of an index
_BATCH = 2_000
_FROM = 10_000  # chunks: below, fixed costs hide the growth
_MEASURES = {
    "bm25_build_s": "BM25 build, s",
    "bm25_bytes": "BM25 on disk, bytes",
    "bm25_open_s": "BM25 open, s",
    "bm25_ask_ms": "BM25 question, ms",
    "bm25_ask_p95_ms": "BM25 question p95, ms",
    "documents_write_s": "documents write, s",
    "documents_bytes": "documents on disk, bytes",
    "documents_read_ms": "ten chunks read, ms",
    "vectors_write_s": "vectors write, s",
    "vectors_bytes": "vectors on disk, bytes",
    "vectors_ask_ms": "vectors question, ms",
    "peak_mib": "peak memory, MiB",
}


def measure(grown: Grown, questions: Sequence[list[str]], size: int, *, dense: bool, folder: Path) -> dict[str, float]:
    """What one size costs."""
    figures = _bm25(grown, questions, size, folder / "bm25")
    figures |= _documents(grown, size, folder / "documents")
    if dense:
        figures |= _vectors(grown, size, folder / "vectors")
    return {"size": size, **figures, "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _bm25(grown: Grown, questions: Sequence[list[str]], size: int, folder: Path) -> dict[str, float]:
    started = time.perf_counter()
    rows = grown.term_lists(size)
    for number in range(-(-size // _SEGMENT)):
        part = (row for row, _ in zip(rows, range(min(_SEGMENT, size - number * _SEGMENT)), strict=False))
        BM25Segment.build(part).save(folder / f"{number:03d}")
    built = time.perf_counter() - started
    made = time.perf_counter()
    for _ in grown.term_lists(size):
        pass
    built -= time.perf_counter() - made  # making the chunks up is not building
    started = time.perf_counter()
    index = BM25Index([BM25Segment.load(path) for path in sorted(folder.iterdir())])
    opened = time.perf_counter() - started
    seconds = _each(questions, lambda terms: index.top(terms, 10))
    return {
        "bm25_build_s": built,
        "bm25_bytes": _bytes(folder),
        "bm25_open_s": opened,
        "bm25_ask_ms": 1000 * statistics.median(seconds),
        "bm25_ask_p95_ms": 1000 * float(np.percentile(seconds, 95)),
    }


def _documents(grown: Grown, size: int, folder: Path) -> dict[str, float]:
    folder.mkdir()
    made = list(grown.documents(min(size, 50_000)))  # so many at once in memory, again and again
    started = time.perf_counter()
    writer = SourceWriter(folder / SOURCES)
    position = 0
    while writer.chunks < size:
        for source, chunks in made:
            named = type(source)(f"{source.doc_id}-{position}", source.title, source.text, source.metadata)
            writer.put(position, named, chunks)
            position += 1
            if writer.chunks >= size:
                break
    save_array(folder / DOCUMENTS, writer.finish())
    writer.close()
    written = time.perf_counter() - started
    with closing(ChunkTable([open_segment(folder)])) as table:
        rows = np.random.default_rng(7).integers(0, len(table), (200, 10)).tolist()
        read = _each(rows, table.get_many)
    return {
        "documents_write_s": written,
        "documents_bytes": _bytes(folder),
        "documents_read_ms": 1000 * statistics.median(read),
    }


def _vectors(grown: Grown, size: int, folder: Path) -> dict[str, float]:
    folder.mkdir()
    store = open_chunk_store("chroma", index_id="growth", folder_of=folder.joinpath, dimension=grown.vectors.shape[1])

    def batches() -> Iterator[Batch]:
        for number, vectors in enumerate(grown.unit_vectors(size, _BATCH)):
            names = [f"d{number}_{row}" for row in range(len(vectors))]
            chunks = [Document(id=name, page_content="", metadata={"chunk_id": name, "doc_id": "d"}) for name in names]
            yield Batch(chunks, vectors, [[] for _ in names])

    class Chunks:
        def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
            return [Document(id=name, page_content="", metadata={}) for name in chunk_ids]

    with closing(store):
        started = time.perf_counter()
        store.write("one", batches())
        written = time.perf_counter() - started
        reader = store.reader({"one": ()}, None, Chunks())
        asked = [vector.tolist() for vector in grown.vectors[:: max(1, len(grown.vectors) // 200)][:200]]
        seconds = _each(asked, lambda vector: reader.similarity_search_with_score_by_vector(vector, k=10))
    return {
        "vectors_write_s": written,
        "vectors_bytes": _bytes(folder),
        "vectors_ask_ms": 1000 * statistics.median(seconds),
    }


def _each(items: Sequence[object], work: Callable[..., object]) -> list[float]:
    """Seconds of the work on each item, after one that does not count."""
    work(items[0])
    seconds = []
    for item in items:
        started = time.perf_counter()
        work(item)
        seconds.append(time.perf_counter() - started)
    return seconds


def _bytes(folder: Path) -> float:
    return float(sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Slope of the logarithm of the cost over that of the size, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(np.maximum(costs, 1e-9)), 1)[0])


def exponents(rows: Sequence[dict[str, float]]) -> dict[str, float]:
    """The exponent of every cost that two sizes or more have, from 10,000 chunks on."""
    found = {}
    for name in _MEASURES:
        points = [(row["size"], row[name]) for row in rows if name in row and row["size"] >= _FROM]
        if len(points) > 1:
            found[name] = exponent(*zip(*points, strict=True))
    return found


def plot(rows: Sequence[dict[str, float]], path: Path) -> None:
    """Draw building and asking over the size, both axes logarithmic."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    growing = exponents(rows)
    for axis, names, title in (
        (axes[0], ("bm25_build_s", "documents_write_s", "vectors_write_s"), "Building, seconds"),
        (axes[1], ("bm25_ask_ms", "documents_read_ms", "vectors_ask_ms"), "Asking, milliseconds"),
    ):
        for name in names:
            points = [(row["size"], row[name]) for row in rows if name in row]
            label = f"{_MEASURES[name].rpartition(',')[0]} (exponent {growing.get(name, math.nan):.2f})"
            axis.plot(*zip(*points, strict=True), marker="o", label=label)
        axis.set(xscale="log", yscale="log", xlabel="chunks", title=title)
        axis.grid(alpha=0.3)
        axis.legend()
    figure.savefig(path)
    plt.close(figure)


def show(rows: Sequence[dict[str, float]], console: Console) -> None:
    """Print the figures and their exponents."""
    growing = exponents(rows)
    table = Table("", *(f"{int(row['size']):,}" for row in rows), "exponent")
    for name, title in _MEASURES.items():
        cells = [f"{row[name]:,.3g}" if row.get(name, 0) < 1000 else f"{row[name]:,.0f}" for row in rows if name in row]
        cells += [""] * (len(rows) - len(cells))
        table.add_row(title, *cells, f"{growing[name]:.2f}" if name in growing else "")
    console.print(table)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every size and print, keep and draw the figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale.growth", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="index to grow from")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE", help="data set of questions to ask")
    parser.add_argument("--sizes", default="1000,10000,100000,1000000", metavar="N,N", help="chunks")
    parser.add_argument("--dense", type=int, default=100_000, metavar="N", help="most chunks with vectors")
    parser.add_argument("--out", type=Path, metavar="FILE", help="JSON file for the figures")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="picture to draw")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.one is not None:
        return _one(arguments)
    rows = []
    for size in arguments.sizes.split(","):
        command = [sys.executable, "-m", "benchmarks.scale.growth", *(argv or sys.argv[1:]), "--one", size]
        rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout))
    if arguments.out:
        arguments.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    if arguments.plot:
        plot(rows, arguments.plot)
    show(rows, Console())
    return 0


def _one(arguments: argparse.Namespace) -> int:
    from evals.dataset import read_questions

    with open_index(arguments.index) as index:
        analyzer = index.analyzer()
        questions = [terms for terms in (analyzer(q.question) for q in read_questions(arguments.questions)) if terms]
        grown = Grown.of(index)
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(grown, questions, arguments.one, dense=arguments.one <= arguments.dense, folder=Path(folder))
    sys.stdout.write(json.dumps(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
