"""Quality of every retriever and of the compressor, by document and by paragraph.

    python -m benchmarks.retrieval --index DIR --questions rubq_dev.jsonl [--folds]

A paragraph is hit by a chunk of a gold document that holds more than half of its words. The offline scorer was fitted
on development questions: for these ``--folds`` reranks every question by weights fitted without its document.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.table import Table

from evals.dataset import Question, read_questions
from evals.metrics import hit_at_k, ndcg_at_k, rank_documents, reciprocal_rank_at_k
from evals.relevance import find_relevant
from rag.components import build_compressor, build_retriever
from rag.index import Index, open_index
from rag.profile import Profile, RetrieverKind, load_profile
from retrievers.documents import chunk_id_of

_DEPTH = 50
Search = Callable[[str], list[Document]]


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: means over the questions, and the 95th percentile of a search in milliseconds."""

    name: str
    values: dict[str, float]


def measure(name: str, search: Search, questions: Sequence[Question], relevant: Sequence[set[str]]) -> Row:
    """Run every question through ``search`` and average."""
    rankings, seconds = [], []
    for question in questions:
        started = time.perf_counter()
        rankings.append(search(question.question))
        seconds.append(time.perf_counter() - started)
    return Row(name, quality(rankings, questions, relevant) | {"p95, ms": 1000 * float(np.percentile(seconds, 95))})


def quality(
    rankings: Sequence[Sequence[Document]], questions: Sequence[Question], relevant: Sequence[set[str]]
) -> dict[str, float]:
    """Means over questions; one without a relevant chunk in the whole index is a miss by paragraph."""
    documents = [rank_documents(ranking) for ranking in rankings]
    chunks = [[chunk_id_of(chunk) for chunk in ranking] for ranking in rankings]
    values: dict[str, float] = {}
    for k in (1, 5, 10):
        values[f"hit@{k}"] = _mean(hit_at_k(d, q.gold_doc_ids, k) for d, q in zip(documents, questions, strict=True))
    for name, metric in (("MRR@10", reciprocal_rank_at_k), ("nDCG@10", ndcg_at_k)):
        values[name] = _mean(metric(d, q.gold_doc_ids, 10) for d, q in zip(documents, questions, strict=True))
    for k in (1, 5, 10, 20, 50):
        values[f"par@{k}"] = _mean(hit_at_k(c, r, k) if r else 0.0 for c, r in zip(chunks, relevant, strict=True))
    return values


def relevant_by_question(index: Index, questions: Sequence[Question]) -> list[set[str]]:
    """Ids of the chunks that answer each question; empty where none is known."""
    return [find_relevant(question, index.chunks.chunks_of) for question in questions]


def _mean(values: object) -> float:
    return float(np.mean(list(values)))  # type: ignore[call-overload]


def _searches(index: Index, profile_name: str) -> dict[str, Search]:
    searches: dict[str, Search] = {}
    for kind in RetrieverKind:
        profile = load_profile(profile_name, {"retrieval": {"retriever": kind.value}})
        retriever = build_retriever(index, profile.retrieval)
        searches[kind.value] = lambda question, r=retriever: r.invoke(question, k=_DEPTH)
        if kind in {RetrieverKind.BM25, RetrieverKind.HYBRID}:
            compressor = build_compressor(index, profile.compressor)
            if compressor is not None:
                searches[f"{kind.value} + compressor"] = lambda question, r=retriever, c=compressor: list(
                    c.compress_documents(r.invoke(question, k=_DEPTH), question)
                )
    return searches


def cross_validated(index: Index, profile: Profile, questions: Sequence[Question]) -> list[list[Document]]:
    """Every question's pool as reranked by weights of the offline scorer fitted without the question's document."""
    from training.light_scorer import collect_cases, cross_validate

    cases = collect_cases(index, profile, questions, keep_unfound=True)
    rankings = dict(zip((case.question.qid for case in cases), cross_validate(cases), strict=True))
    return [rankings.get(question.qid, []) for question in questions]  # a question without candidates is no case


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.retrieval", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--profile", default=None, metavar="NAME")
    parser.add_argument("--folds", action="store_true", help="cross-validate the offline scorer")
    arguments = parser.parse_args(argv)
    index = open_index(arguments.index)
    profile = arguments.profile or index.manifest.profile
    questions = [question for question in read_questions(arguments.questions) if question.gold_doc_ids]
    relevant = relevant_by_question(index, questions)
    rows = [measure(name, search, questions, relevant) for name, search in _searches(index, profile).items()]
    if arguments.folds:
        rankings = cross_validated(index, load_profile(profile), questions)
        rows.append(Row("pool + compressor, folds", quality(rankings, questions, relevant)))
    table = Table(title=f"{len(questions)} questions, {len(index.chunks)} chunks, {profile}")
    table.add_column("retriever")
    columns = list(rows[0].values)
    for column in columns:
        table.add_column(column, justify="right")
    for row in rows:
        cells = [
            (f"{row.values[c]:.0f}" if c == "p95, ms" else f"{row.values[c]:.3f}") if c in row.values else ""
            for c in columns
        ]
        table.add_row(row.name, *cells)
    Console(width=160).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
