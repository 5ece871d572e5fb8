"""What stores cost: writing, opening and asking each with the vectors of one index, beside exact search.

python -m benchmarks.stores --index DIR --questions FILE [--store chroma --store milvus:FILE.db …]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from evals.dataset import read_questions
from rag.index import Index, open_index
from retrievers.engine import TermSearching
from retrievers.stores import Batch, SegmentedVectors, open_chunk_store
from retrievers.stores.milvus.ranking import EngineRanker

_COLUMNS = (
    "store",
    "write, s",
    "MB",
    "first, ms",
    "dense, ms",
    "recall@10",
    "==, ms",
    "!=, ms",
    "BM25, ms",
    "both, ms",
)
_K = 10
_BATCH = 2_000
_FEW = 20  # questions with a filter, which some stores are slow on


@dataclass(frozen=True, slots=True)
class Sample:
    """Chunks of an index with all that a store is given, and questions."""

    chunks: list[Document]
    vectors: NDArray[np.float32]
    terms: list[list[str]]
    questions: NDArray[np.float32]
    asked: list[list[str]]

    @classmethod
    def of(cls, index: Index, questions: Sequence[str], size: int) -> Sample:
        """The first ``size`` chunks."""
        chunks = index.chunks[:size]
        found = index.vectors().vectors([str(chunk.id) for chunk in chunks])
        vectors = np.stack([found[str(chunk.id)] for chunk in chunks])
        terms = list(itertools.islice(index.chunks.terms(), len(chunks)))
        encoder, analyzer = index.embeddings(), index.analyzer()
        asked = np.asarray([encoder.embed_query(question) for question in questions], np.float32)
        return cls(chunks, vectors, terms, asked, [analyzer(question) for question in questions])

    def batches(self) -> Iterator[Batch]:
        """All of it."""
        for start in range(0, len(self.chunks), _BATCH):
            part = slice(start, start + _BATCH)
            yield Batch(self.chunks[part], self.vectors[part], self.terms[part])

    def nearest(self) -> list[set[str]]:
        """Ids of the ten chunks nearest to each question, by comparing with all."""
        unit = self.vectors / np.maximum(np.linalg.norm(self.vectors, axis=1, keepdims=True), 1e-9)
        rows = np.argsort(-(self.questions @ unit.T), axis=1)[:, :_K]
        return [{str(self.chunks[row].id) for row in best} for best in rows.tolist()]


class Shelf:
    """The chunks of a sample by id, in memory: reading them from disk is no part of a store."""

    def __init__(self, chunks: Sequence[Document]) -> None:
        self._chunks = {str(chunk.id): chunk for chunk in chunks}

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks in the order asked for."""
        return [self._chunks[chunk_id] for chunk_id in chunk_ids]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.stores", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--chunks", type=int, default=10_000, metavar="N", help="the first N chunks (default: 10000)")
    parser.add_argument("--store", action="append", metavar="URL", help="{} stands for a folder (default: chroma)")
    arguments = parser.parse_args(argv)
    questions = [question.question for question in read_questions(arguments.questions)][:200]
    with open_index(arguments.index) as index:
        sample = Sample.of(index, questions, arguments.chunks)
    table = Table(title=f"{len(sample.chunks)} chunks, {len(questions)} questions; CPU time of all threads")
    for column in _COLUMNS:
        table.add_column(column)
    for url in arguments.store or ["chroma"]:
        with TemporaryDirectory() as folder:
            table.add_row(url, *measured(url.format(folder), Path(folder), sample))
    Console(width=140).print(table)
    return 0


def measured(url: str, folder: Path, sample: Sample) -> list[str]:
    """One row of the table."""

    def opened() -> Any:
        options = {"index_id": "benchmark", "folder_of": folder.joinpath, "dimension": sample.vectors.shape[1]}
        return closing(open_chunk_store(url, **options))

    with opened() as store:
        writing = seconds(lambda: store.write("000001", sample.batches()))
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6
    with opened() as store:
        reader = store.reader({"000001": ()}, None, Shelf(sample.chunks))
        first = seconds(lambda: reader.search_vector(sample.questions[0], _K))
        found: list[set[str]] = []

        def ask() -> None:
            for question in sample.questions:
                found.append({str(chunk.id) for chunk, _ in reader.search_vector(question, _K)})

        dense = seconds(ask) / len(sample.questions)
        recall = np.mean([len(ours & exact) / _K for ours, exact in zip(found, sample.nearest(), strict=True)])
        return [
            f"{writing:.1f}",
            f"{size:.0f}",
            *(f"{1e3 * value:.1f}" for value in (first, dense)),
            f"{recall:.3f}",
            *(f"{1e3 * filtered(reader, sample, sign):.1f}" for sign in ("$eq", "$ne")),
            *by_terms(reader, sample),
        ]


def filtered(reader: SegmentedVectors, sample: Sample, sign: str) -> float:
    """Seconds of a question with a filter on the title."""
    where = {"title": {sign: sample.chunks[0].metadata["title"]}}
    asked = sample.questions[:_FEW]
    return seconds(lambda: [reader.search_vector(question, _K, where) for question in asked]) / len(asked)


def by_terms(reader: SegmentedVectors, sample: Sample) -> list[str]:
    """Milliseconds of the engine's BM25 and of its fusion, where it has them."""
    if not isinstance(reader, TermSearching):
        return ["–", "–"]
    pairs = list(zip(sample.questions[:_FEW], sample.asked, strict=False))
    ranker = EngineRanker()
    bm25 = seconds(lambda: [reader.search_terms(terms, _K) for _, terms in pairs])
    hybrid = seconds(lambda: [reader.search_fused(v, terms, _K, depth=100, ranker=ranker) for v, terms in pairs])
    return [f"{1e3 * value / len(pairs):.1f}" for value in (bm25, hybrid)]


def seconds(work: Callable[[], object]) -> float:
    """CPU time: other work on the machine is no part of it."""
    start = time.process_time()
    work()
    return time.process_time() - start


if __name__ == "__main__":
    sys.exit(main())
