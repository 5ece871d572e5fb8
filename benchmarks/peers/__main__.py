"""Quality and speed beside what a user would pick instead, out of the box, on the same chunks and questions.

    python -m benchmarks.peers --index DIR --questions rubq_dev.jsonl [--limit N] [--folds]

Needs the extra ``peers``. Every contender indexes the chunks of the index (title, heading path and text, so that only
text processing and scoring differ) and gives 50 chunks a question, one question at a time. Each peer is compared with
the one of ours that does the same work: lexical search with ``bm25``, the ensemble with ``hybrid``. Ours are asked from
the opened index; their index seconds are those of making its terms, BM25 weights and vectors anew in this process.

The offline scorer was fitted on this project's question files: on these ``--folds`` gives the quality of weights fitted
without the question's document.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from benchmarks.peers import contenders, ours
from benchmarks.peers.contenders import DEPTH, Search
from benchmarks.retrieval import cross_validated, quality, relevant_by_question
from evals.dataset import Question, read_questions
from evals.metrics import ndcg_at_k, rank_documents
from evals.statistics import compare_pairs, holm
from rag.command import run_command
from rag.index import Index, open_index
from rag.profile import Profile, RetrieverKind, load_profile
from retrievers.documents import chunk_id_of, search_text
from retrievers.errors import InputError

_COLUMNS = ("hit@1", "hit@5", "hit@10", "MRR@10", "nDCG@10", "par@5", "par@20")
_MEASURES = ("q/s", "ours/its q/s", "index, s")
_NOTE = (
    "to ours: nDCG@10 less that of ours at the same work, with its paired 95 % bootstrap interval; * p < .05 in the "
    "paired randomisation test, Holm's correction for all comparisons of the table"
)
_SEED = 0
_ALPHA = 0.05
_BM25, _HYBRID = "ours: bm25", "ours: hybrid"
_COMPRESSED = f"{_HYBRID} + compressor"


@dataclass(frozen=True, slots=True)
class Contender:
    """Who is measured.

    Args:
        name: in the table.
        build: indexes the chunks and gives the search.
        ours: which of ours does the same work; None for ours.
        indexes: whether ``build`` indexes anything that another contender has not indexed already.
    """

    name: str
    build: Callable[[Sequence[Document]], Search]
    ours: str | None = None
    indexes: bool = True


@dataclass(frozen=True, slots=True)
class Run:
    """What one contender gave.

    Args:
        contender: who.
        rankings: chunks by question, best first.
        rate: questions a second.
        index_seconds: of indexing the chunks; None where another contender has them.
    """

    contender: Contender
    rankings: list[list[Document]]
    rate: float
    index_seconds: float | None


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--profile", default=None, metavar="NAME", help="of ours (default: the index's own)")
    parser.add_argument("--limit", type=int, default=None, metavar="N", help="only the first N questions")
    parser.add_argument("--folds", action="store_true", help="cross-validate the offline scorer")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _compare(arguments))


def _compare(arguments: argparse.Namespace) -> int:
    versions = contenders.versions()
    os.environ.update(contenders.NO_TELEMETRY)
    questions = [question for question in read_questions(arguments.questions) if question.gold_doc_ids]
    questions = questions[: arguments.limit]
    if not questions:
        raise InputError(f"{arguments.questions}: expected questions with gold_doc_ids, found none")
    with open_index(arguments.index) as index:
        name = arguments.profile or index.manifest.profile
        profile = load_profile(name, {"retrieval": {"retriever": RetrieverKind.HYBRID.value}})
        chunks = {chunk_id_of(chunk): chunk for chunk in index.chunks}
        runs = [measure(contender, questions, chunks) for contender in _contenders(index, profile)]
        if arguments.folds:
            runs = [_with_folds(run, index, profile, questions) for run in runs]
        relevant = relevant_by_question(index, questions)
    title = f"{len(questions)} questions, {len(chunks)} chunks, {DEPTH} chunks a question, ours: {profile.name}"
    values = [quality(run.rankings, questions, relevant) for run in runs]
    console = Console(width=160)
    console.print(_table(title, runs, values, _differences(runs, questions)))
    footer = ", ".join(f"{package} {number}" for package, number in versions.items())
    console.print(_NOTE, footer, sep="\n", highlight=False, soft_wrap=True)
    return 0


def _differences(runs: Sequence[Run], questions: Sequence[Question]) -> dict[str, str]:
    """By the name of every peer, how its nDCG@10 differs from ours."""
    names = [run.contender.name for run in runs]
    pairs = [(names.index(run.contender.ours), at) for at, run in enumerate(runs) if run.contender.ours]
    scores = [
        [ndcg_at_k(rank_documents(run.rankings[at]), question.gold_doc_ids, 10) for run in runs]
        for at, question in enumerate(questions)
    ]
    found = compare_pairs(np.array(scores), pairs, seed=_SEED)
    marks = ["* " if p < _ALPHA else "" for p in holm([difference.p for difference in found])]
    return {
        names[peer]: f"{mark}{each.difference:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"
        for (_, peer), each, mark in zip(pairs, found, marks, strict=True)
    }


def _table(
    title: str, runs: Sequence[Run], values: Sequence[Mapping[str, float]], differences: Mapping[str, str]
) -> Table:
    rates = {run.contender.name: run.rate for run in runs}
    table = Table(title=title)
    table.add_column("", no_wrap=True)
    for column in (*_COLUMNS, "to ours", *_MEASURES):
        table.add_column(column, justify="right", no_wrap=True)
    for run, means in zip(runs, values, strict=True):
        name, own = run.contender.name, run.contender.ours
        table.add_row(
            name,
            *(f"{means[column]:.3f}" for column in _COLUMNS),
            escape(differences.get(name, "")),
            f"{run.rate:.1f}",
            f"{rates[own] / run.rate:.1f}" if own else "",
            "" if run.index_seconds is None else f"{run.index_seconds:.2f}",
        )
    return table


def measure(contender: Contender, questions: Sequence[Question], chunks: Mapping[str, Document]) -> Run:
    """Let a contender index and answer, once on a few chunks beforehand: imports and dictionaries are not counted.

    Args:
        contender: who.
        questions: at least one.
        chunks: of the index by id.
    """
    bare = [Document(id=chunk_id, page_content=search_text(chunk)) for chunk_id, chunk in chunks.items()]
    contender.build(bare[:DEPTH])(questions[0].question)
    gc.collect()  # the contender before has left millions of objects
    started = time.perf_counter()
    search = contender.build(bare)
    index_seconds = time.perf_counter() - started
    search(questions[0].question)
    found, seconds = [], 0.0
    for question in track(questions, contender.name, console=Console(stderr=True), disable=not sys.stderr.isatty()):
        started = time.perf_counter()
        found.append(search(question.question))
        seconds += time.perf_counter() - started
    rankings = [[chunks[chunk_id] for chunk_id in ids] for ids in found]
    return Run(contender, rankings, len(questions) / seconds, index_seconds if contender.indexes else None)


def _contenders(index: Index, profile: Profile) -> list[Contender]:
    return [
        Contender(_BM25, lambda chunks: ours.bm25(index, chunks)),
        Contender("LangChain BM25", contenders.langchain_bm25, _BM25),
        Contender("LlamaIndex BM25", contenders.llamaindex_bm25, _BM25),
        Contender("LlamaIndex BM25, Russian", contenders.llamaindex_russian_bm25, _BM25),
        Contender("Haystack BM25", contenders.haystack_bm25, _BM25),
        Contender("rank-bm25", contenders.rank_bm25, _BM25),
        Contender(_HYBRID, lambda chunks: ours.hybrid(index, profile, chunks)),
        Contender(
            "LangChain ensemble, our encoder",
            lambda chunks: contenders.langchain_ensemble(chunks, index.embeddings()),
            _HYBRID,
        ),
        Contender(_COMPRESSED, lambda _: ours.compressed(index, profile), indexes=False),
    ]


def _with_folds(run: Run, index: Index, profile: Profile, questions: Sequence[Question]) -> Run:
    if run.contender.name != _COMPRESSED:
        return run
    contender = replace(run.contender, name=f"{_COMPRESSED}, folds")
    return replace(run, contender=contender, rankings=cross_validated(index, profile, questions))


if __name__ == "__main__":
    sys.exit(main())
