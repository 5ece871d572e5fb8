"""BM25 questions a second beside rank-bm25 and LangChain's own BM25 retriever, on the same lemmas, in one run.

    python -m benchmarks.bm25_speed --index DIR --questions rubq_dev.jsonl [--peer-questions 20]

Needs the extra ``bench``. Every contender gets the same terms of the same chunks and returns ten chunks a question; the
peers score all chunks in Python, so they are asked fewer questions.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from evals.dataset import read_questions
from rag.index import open_index

_K = 10


def _rate(ask: Callable[[str], object], questions: Sequence[str]) -> float:
    ask(questions[0])
    started = time.perf_counter()
    for question in questions:
        ask(question)
    return len(questions) / (time.perf_counter() - started)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bm25_speed", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--peer-questions", type=int, default=20, metavar="N")
    arguments = parser.parse_args(argv)
    import bm25s
    from rank_bm25 import BM25Okapi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community announces its sunset
        from langchain_community.retrievers import BM25Retriever as CommunityBM25

    index = open_index(arguments.index)
    analyzer = index.analyzer()
    questions = [question.question for question in read_questions(arguments.questions)]
    few = questions[: arguments.peer_questions]
    terms = [list(row) for row in index.chunks.terms()]
    documents = index.chunks[:]
    ours, core = index.bm25(k=_K), index.bm25(k=_K).index
    okapi = BM25Okapi(terms)
    community = CommunityBM25(vectorizer=okapi, docs=documents, k=_K, preprocess_func=analyzer)
    bare = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    bare.index(terms, show_progress=False)
    analyzed = {question: analyzer(question) for question in questions}
    rates = {
        "BM25Retriever.invoke (ours)": _rate(lambda question: ours.invoke(question), questions),
        "BM25Index.top on terms (ours)": _rate(lambda question: core.top(analyzed[question], _K), questions),
        "bm25s on terms, bare": _rate(
            lambda question: bare.retrieve([analyzed[question]], k=_K, show_progress=False), questions
        ),
        "rank-bm25 get_top_n on terms": _rate(lambda question: okapi.get_top_n(analyzed[question], documents, _K), few),
        "langchain-community BM25Retriever.invoke": _rate(lambda question: community.invoke(question), few),
    }
    table = Table(
        title=f"{len(documents)} chunks, {len(questions)} questions (peers: {len(few)}), {_K} chunks a question"
    )
    for column in ("", "questions/s", "ours invoke is faster by"):
        table.add_column(column, justify="right")
    first = next(iter(rates.values()))
    for name, rate in rates.items():
        table.add_row(name, f"{rate:.1f}", f"{first / rate:.1f}x")
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
