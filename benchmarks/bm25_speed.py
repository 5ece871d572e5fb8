"""BM25 questions a second beside bm25s, rank-bm25 and LangChain's own BM25 retriever, on the same lemmas, in one run.

    python -m benchmarks.bm25_speed --index DIR --questions rubq_dev.jsonl [--paragraphs 57000] [--peer-questions 20]

Needs the extra ``bench``; with numba installed bm25s is measured with it too. Every contender gets the same terms of
the same chunks and returns the ten best for one question after the other; ours are read from files, as an index reads
them. rank-bm25 and LangChain score all chunks in Python, so they are asked fewer questions. ``--paragraphs`` makes a
larger corpus of the index's: the longest chunks are halved until there are so many.
"""

from __future__ import annotations

import argparse
import heapq
import importlib.util
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.table import Table

from evals.dataset import read_questions
from rag.index import open_index
from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Index, BM25Options, BM25Retriever, BM25Segment

_K = 10
_PASSES = 3  # over all questions; the fastest counts
_SEGMENTS = 8

Terms = list[str]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Chunks, their terms, and questions about them.

    Args:
        documents: chunks.
        terms: of each chunk.
        questions: as they are asked.
        analyzer: what made the terms.
    """

    documents: list[Document]
    terms: list[Terms]
    questions: list[str]
    analyzer: Analyzer


@dataclass(frozen=True, slots=True)
class Rate:
    """What one contender does.

    Args:
        name: of the contender.
        first: questions a second when every question is new.
        best: questions a second when all were asked before.
    """

    name: str
    first: float
    best: float


def halved(documents: Sequence[Document], terms: Sequence[Terms], count: int) -> tuple[list[Document], list[Terms]]:
    """``count`` chunks: the longest are cut in the middle, their terms and their text, until there are so many."""
    pieces = [(row, document.page_content) for row, document in zip(terms, documents, strict=True)]
    longest = [(-len(row), number) for number, (row, _) in enumerate(pieces)]
    heapq.heapify(longest)
    while len(pieces) < count:
        _, number = heapq.heappop(longest)
        row, text = pieces[number]
        term, character = len(row) // 2, len(text) // 2
        pieces[number] = (row[:term], text[:character])
        pieces.append((row[term:], text[character:]))
        for changed in (number, len(pieces) - 1):
            heapq.heappush(longest, (-len(pieces[changed][0]), changed))
    return [Document(text) for _, text in pieces], [row for row, _ in pieces]


def measure(corpus: Corpus, options: BM25Options, peer_questions: int, folder: Path) -> list[Rate]:
    """Rates of all contenders.

    Args:
        corpus: what is searched.
        options: scoring of ours and of bm25s.
        peer_questions: how many questions the slow ones are asked.
        folder: for the files of our index.
    """
    analyzed = {question: corpus.analyzer(question) for question in corpus.questions}
    lemmas = [terms for terms in analyzed.values() if terms]
    few = list(analyzed)[:peer_questions]
    return [
        *_ours(corpus, options, lemmas, folder),
        *_bm25s(corpus, options, lemmas),
        *_peers(corpus, few, analyzed),
    ]


def _ours(corpus: Corpus, options: BM25Options, lemmas: Sequence[Terms], folder: Path) -> list[Rate]:
    whole, parts = folder / "whole", []
    BM25Index.build(corpus.terms, options).save(whole)
    cuts = np.linspace(0, len(corpus.terms), _SEGMENTS + 1).astype(int).tolist()
    for number, (start, stop) in enumerate(pairwise(cuts)):
        BM25Segment.build(corpus.terms[start:stop]).save(folder / str(number))
        parts.append(BM25Segment.load(folder / str(number)))
    index, cut = BM25Index.load(whole), BM25Index(parts, options)
    retriever = BM25Retriever(index=BM25Index.load(whole), chunks=corpus.documents, analyzer=corpus.analyzer, k=_K)
    return [
        _rate("BM25Index.top", lambda terms: index.top(terms, _K), lemmas),
        _rate(f"BM25Index.top, {_SEGMENTS} segments", lambda terms: cut.top(terms, _K), lemmas),
        _rate("BM25Retriever.invoke, analysis included", lambda question: retriever.invoke(question), corpus.questions),
    ]


def _bm25s(corpus: Corpus, options: BM25Options, lemmas: Sequence[Terms]) -> list[Rate]:
    import bm25s
    from bm25s.selection import topk

    given = {"method": options.method.value, "k1": options.k1, "b": options.b, "delta": options.delta}
    plain = bm25s.BM25(**given)
    plain.index(corpus.terms, show_progress=False)
    known = [found for terms in lemmas if (found := [term for term in terms if term in plain.vocab_dict])]
    rates = [
        _rate("bm25s.retrieve", lambda terms: plain.retrieve([terms], k=_K, show_progress=False), known),
        _rate("bm25s.get_scores, topk", lambda terms: topk(plain.get_scores(terms), _K, backend="numpy"), known),
    ]
    if importlib.util.find_spec("numba"):
        fast = bm25s.BM25(**given, backend="numba")
        fast.index(corpus.terms, show_progress=False)
        quiet: dict[str, Any] = {"k": _K, "show_progress": False}
        rates += [
            _rate("bm25s.retrieve, numba", lambda terms: fast.retrieve([terms], **quiet), known),
            _rate(
                "bm25s.retrieve, numba, all at once", lambda asked: fast.retrieve(asked, **quiet), [known], len(known)
            ),
        ]
    return rates


def _peers(corpus: Corpus, few: Sequence[str], analyzed: dict[str, Terms]) -> list[Rate]:
    from rank_bm25 import BM25Okapi

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community announces its sunset
        from langchain_community.retrievers import BM25Retriever as CommunityBM25

    okapi = BM25Okapi(corpus.terms)
    community = CommunityBM25(vectorizer=okapi, docs=corpus.documents, k=_K, preprocess_func=analyzed.__getitem__)
    return [
        _rate("rank-bm25 get_top_n", lambda question: okapi.get_top_n(analyzed[question], corpus.documents, _K), few),
        _rate("langchain-community BM25Retriever.invoke", lambda question: community.invoke(question), few),
    ]


def _rate(name: str, ask: Callable[[Any], object], questions: Sequence[Any], asked: int | None = None) -> Rate:
    ask(questions[0])  # what is loaded or compiled on first use
    rates = []
    for _ in range(_PASSES):
        started = time.perf_counter()
        for question in questions:
            ask(question)
        rates.append((asked or len(questions)) / (time.perf_counter() - started))
    return Rate(name, rates[0], max(rates))


def table_of(rates: Sequence[Rate], title: str) -> Table:
    """Rates, and how many times faster ours are: the index on terms, and the retriever on questions."""
    table = Table(title=title)
    for column in ("", "questions/s, new", "again", "our top is faster by", "our invoke is faster by"):
        table.add_column(column, justify="right")
    best = {rate.name: rate.best for rate in rates}
    top, invoke = best["BM25Index.top"], best["BM25Retriever.invoke, analysis included"]
    for rate in rates:
        ratios = (f"{ours / rate.best:.1f}x" for ours in (top, invoke))
        table.add_row(rate.name, f"{rate.first:.1f}", f"{rate.best:.1f}", *ratios)
    return table


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bm25_speed", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--paragraphs", type=int, metavar="N", help="chunks of the corpus, at least those of the index")
    parser.add_argument("--peer-questions", type=int, default=20, metavar="N")
    arguments = parser.parse_args(argv)
    with open_index(arguments.index) as index, TemporaryDirectory() as folder:
        documents, terms = index.chunks[:], [list(row) for row in index.chunks.terms()]
        if arguments.paragraphs:
            documents, terms = halved(documents, terms, arguments.paragraphs)
        questions = [question.question for question in read_questions(arguments.questions)]
        corpus = Corpus(documents, terms, questions, index.analyzer())
        rates = measure(corpus, index.manifest.options.bm25, arguments.peer_questions, Path(folder))
    asked = f"{len(questions)} questions ({arguments.peer_questions} for the last two)"
    title = f"{len(terms)} chunks, {asked}, {_K} chunks a question"
    Console(width=120).print(table_of(rates, title))
    return 0


if __name__ == "__main__":
    sys.exit(main())
