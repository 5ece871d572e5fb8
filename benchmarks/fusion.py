"""Choice of BM25's parameters and of the hybrid's fusion: what each setting gives on development questions.

python -m benchmarks.fusion --index DIR --questions rubq_dev.jsonl [--k1 1.2 --b 0.5]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from langchain_core.documents import Document
from rich.console import Console
from rich.table import Table

from benchmarks.retrieval import quality, relevant_by_question
from evals.dataset import read_questions
from rag.index import open_index
from retrievers.bm25 import BM25Options
from retrievers.documents import chunk_id_of, score_of
from retrievers.fusion import Normalization, reciprocal_rank_fusion, weighted_score_fusion

_DEPTH = 100
_SHOWN = 50
_WEIGHTS = (0.1, 0.2, 0.3, 0.5, 1.0)
Ranking = list[tuple[str, float]]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fusion", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--k1", type=float, default=BM25Options().k1)
    parser.add_argument("--b", type=float, default=BM25Options().b)
    arguments = parser.parse_args(argv)
    index = open_index(arguments.index)
    questions = [question for question in read_questions(arguments.questions) if question.gold_doc_ids]
    relevant = relevant_by_question(index, questions)
    bm25 = index.bm25(BM25Options(k1=arguments.k1, b=arguments.b))
    dense = index.dense()
    chunks: dict[str, Document] = {}

    def ranking(hits: list[Document], component: str) -> Ranking:
        chunks.update((chunk_id_of(hit), hit) for hit in hits)
        return [(chunk_id_of(hit), score_of(hit, component)) for hit in hits]

    lexical = [ranking(bm25.invoke(question.question, k=_DEPTH), "bm25") for question in questions]
    semantic = [ranking(dense.invoke(question.question, k=_DEPTH), "dense") for question in questions]
    runs: dict[str, list[Ranking]] = {"bm25": lexical, "dense": semantic}
    for weight in _WEIGHTS:
        for normalization in Normalization:
            runs[f"weighted, {normalization}, dense {weight}"] = [
                weighted_score_fusion(pair, [1.0, weight], normalization)
                for pair in zip(lexical, semantic, strict=True)
            ]
        runs[f"rrf, dense {weight}"] = [
            reciprocal_rank_fusion([[name for name, _ in leg] for leg in pair], [1.0, weight])
            for pair in zip(lexical, semantic, strict=True)
        ]
    table = Table(title=f"{len(questions)} questions, k1 {arguments.k1}, b {arguments.b}")
    table.add_column("fusion")
    for name, run in runs.items():
        values = quality([[chunks[chunk] for chunk, _ in row[:_SHOWN]] for row in run], questions, relevant)
        if not table.rows:
            for column in values:
                table.add_column(column, justify="right")
        table.add_row(name, *(f"{value:.3f}" for value in values.values()))
    Console(width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
