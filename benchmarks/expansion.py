"""What query expansion gives and costs: every method against the same retriever without one, question by question.

    python -m benchmarks.expansion --index DIR --questions rubq_dev.jsonl [--retriever hybrid]
    python -m benchmarks.expansion … --base-url http://127.0.0.1:8081/v1 --model local --limit 80 --replies FILE

Paragraph hit@10 is the measure; its difference has a 95 % bootstrap interval over the questions. With ``--base-url``
the methods that ask a language model are measured too, on ``--limit`` questions taken evenly from the file. What the
model said is kept in ``--replies``, so that a broken-off run goes on and a repeated one asks nothing.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.replies import ReplyFile
from benchmarks.retrieval import relevant_by_question
from evals.dataset import Question, read_questions
from evals.metrics import hit_at_k, rank_documents, reciprocal_rank_at_k
from evals.statistics import Difference, compare_pairs
from generators.chat import load_chat_model
from generators.options import GeneratorOptions
from generators.query_writer import LanguageModelWriter
from rag.command import run_command
from rag.components import build_compressor, build_query_writer, build_retriever
from rag.index import Index, open_index
from rag.profile import RetrieverKind, load_profile, parse_assignments
from retrievers.documents import chunk_id_of
from retrievers.expansion.options import ExpansionKind
from retrievers.expansion.report import EVENT

_DEPTH = 50
_SEED = 0
_METRICS = ("par@10", "doc@1", "MRR@10")


@dataclass
class _Events(BaseCallbackHandler):
    """Counts what was added to questions and what was left out."""

    expanded: int = 0
    added: int = 0
    dropped: Counter[str] = field(default_factory=Counter)

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        """A question was expanded."""
        if name == EVENT:
            self.expanded += bool(data["added"])
            self.added += len(data["added"])
            self.dropped.update(each["reason"] for each in data["dropped"])


@dataclass(frozen=True, slots=True)
class Run:
    """One method over all questions.

    Args:
        name: of the method.
        values: array of shape (n_questions, 3), by :data:`_METRICS`.
        milliseconds: of each search, array of shape (n_questions,).
        events: what the expansion did.
    """

    name: str
    values: np.ndarray
    milliseconds: np.ndarray
    events: _Events


def measure(
    index: Index,
    kind: ExpansionKind,
    questions: Sequence[Question],
    relevant: Sequence[set[str]],
    *,
    overrides: Mapping[str, Any],
    writer: LanguageModelWriter | None,
    rerank: bool,
) -> Run:
    """Search every question with one method.

    Args:
        index: searched.
        kind: the method.
        questions: with their gold documents.
        relevant: ids of the chunks that answer each.
        overrides: options of the profile.
        writer: of rewrites and passages.
        rerank: let the profile's compressor order the pool.
    """
    profile = load_profile(index.manifest.profile, overrides)
    expansion = profile.retrieval.expansion.model_copy(update={"kind": kind})
    retriever = build_retriever(index, profile.retrieval.model_copy(update={"expansion": expansion}), writer)
    compressor = build_compressor(index, profile.compressor) if rerank else None
    events, values, milliseconds = _Events(), [], []
    for question, answering in track(
        list(zip(questions, relevant, strict=True)), kind.value, console=Console(stderr=True), transient=True
    ):
        started = time.perf_counter()
        found = retriever.invoke(question.question, {"callbacks": [events]}, k=_DEPTH)
        if compressor is not None:
            found = list(compressor.compress_documents(found, question.question))
        milliseconds.append(1000 * (time.perf_counter() - started))
        values.append(quality(found, question, answering))
    return Run(kind.value, np.array(values), np.array(milliseconds), events)


def quality(found: Sequence[Document], question: Question, answering: set[str]) -> tuple[float, float, float]:
    """The three metrics of one ranking; a question without a relevant chunk in the whole index is a miss."""
    documents, chunks = rank_documents(found), [chunk_id_of(hit) for hit in found]
    return (
        hit_at_k(chunks, answering, 10) if answering else 0.0,
        hit_at_k(documents, question.gold_doc_ids, 1),
        reciprocal_rank_at_k(documents, question.gold_doc_ids, 10),
    )


def _writer(arguments: argparse.Namespace) -> LanguageModelWriter | None:
    if arguments.base_url is None:
        return None
    options = GeneratorOptions.model_validate(
        {
            "kind": "chat",
            "model": arguments.model,
            "base_url": arguments.base_url,
            "max_new_tokens": 160,
            "timeout": 600,
        }
    )
    llm = load_chat_model(options)
    if arguments.replies is not None:
        llm.cache = ReplyFile(arguments.replies)
    return build_query_writer(options, llm)


def _print(runs: Sequence[Run], title: str) -> None:
    baseline, *others = runs
    table = Table(title=title)
    table.add_column("expansion")
    columns = (*_METRICS, "Δ par@10", "95 %", "better/worse", "expanded", "p50, ms")
    for column in columns:
        table.add_column(column, justify="right")
    for run in runs:
        difference = _difference(baseline, run) if run in others else None
        table.add_row(
            run.name,
            *(f"{value:.3f}" for value in run.values.mean(axis=0)),
            *([""] * 3 if difference is None else _cells(difference)),
            f"{run.events.expanded}" if run in others else "",
            f"{np.median(run.milliseconds):.0f}",
        )
    console = Console(width=140)
    console.print(table)
    for run in others:
        if run.events.dropped:
            reasons = ", ".join(f"{reason}: {count}" for reason, count in run.events.dropped.most_common())
            console.print(f"{run.name}: {run.events.added} texts kept; left out: {reasons}")


def _difference(baseline: Run, run: Run) -> Difference:
    pair = np.column_stack([baseline.values[:, 0], run.values[:, 0]])
    return compare_pairs(pair, [(0, 1)], seed=_SEED)[0]


def _cells(difference: Difference) -> list[str]:
    interval = f"[{difference.low:+.3f}, {difference.high:+.3f}]"
    return [f"{difference.difference:+.3f}", interval, f"{difference.wins}/{difference.losses}"]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.expansion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--retriever", choices=[kind.value for kind in RetrieverKind], default="hybrid")
    parser.add_argument("--method", action="append", choices=[kind.value for kind in ExpansionKind], metavar="NAME")
    parser.add_argument("--set", action="append", default=[], metavar="OPTION=VALUE", help="as for rag.ask")
    parser.add_argument("--rerank", action="store_true", help="let the profile's compressor order the pool")
    parser.add_argument("--base-url", default=None, metavar="URL", help="OpenAI-compatible server of a language model")
    parser.add_argument("--model", default="local", metavar="NAME", help="its name there")
    parser.add_argument("--replies", type=Path, default=None, metavar="FILE", help="where its replies are kept")
    parser.add_argument("--limit", type=int, default=None, metavar="N", help="only N questions, taken evenly")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    writer = _writer(arguments)
    wanted = arguments.method or [kind for kind in ExpansionKind if writer is not None or not kind.needs_writer]
    kinds = dict.fromkeys([ExpansionKind.NONE, *map(ExpansionKind, wanted)])
    questions = [question for question in read_questions(arguments.questions) if question.gold_doc_ids]
    if arguments.limit is not None:
        count = min(arguments.limit, len(questions))
        questions = [questions[number * len(questions) // count] for number in range(count)]
    overrides = parse_assignments(arguments.set)
    overrides.setdefault("retrieval", {})["retriever"] = arguments.retriever
    with open_index(arguments.index) as index:
        relevant = relevant_by_question(index, questions)
        runs = [
            measure(index, kind, questions, relevant, overrides=overrides, writer=writer, rerank=arguments.rerank)
            for kind in kinds
            if arguments.retriever not in {"bm25", "tfidf"} or kind is not ExpansionKind.HYDE
        ]
    _print(runs, f"{len(questions)} questions, {arguments.retriever}{' + compressor' if arguments.rerank else ''}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
