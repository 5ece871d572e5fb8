"""Quality of answers: the generator on the gold paragraph, and the whole chain with abstention off.

python -m benchmarks.answers --index DIR --questions rubq_dev.jsonl [--limit N]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from langchain_core.documents import Document
from rich.console import Console
from rich.table import Table

from evals.answers import exact_match, token_f1
from evals.dataset import Question, read_questions
from generators.base import ReadingTask
from rag.chain import build_chain
from rag.components import build_generator
from rag.index import open_index
from rag.profile import load_profile


def measure(answer: Callable[[Question], str], questions: Sequence[Question]) -> dict[str, float]:
    """Means over the questions and seconds an answer."""
    predictions, seconds = [], []
    for question in questions:
        started = time.perf_counter()
        predictions.append(answer(question))
        seconds.append(time.perf_counter() - started)
    pairs = [(prediction, question.answers) for prediction, question in zip(predictions, questions, strict=True)]
    return {
        "EM": float(np.mean([exact_match(*pair) for pair in pairs])),
        "F1": float(np.mean([token_f1(*pair) for pair in pairs])),
        "lemma EM": float(np.mean([exact_match(*pair, lemmatize=True) for pair in pairs])),
        "lemma F1": float(np.mean([token_f1(*pair, lemmatize=True) for pair in pairs])),
        "mean, ms": 1000 * float(np.mean(seconds)),
        "p95, ms": 1000 * float(np.percentile(seconds, 95)),
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answers", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--profile", default=None, metavar="NAME")
    parser.add_argument("--limit", type=int, default=None, metavar="N", help="only the first N questions")
    arguments = parser.parse_args(argv)
    index = open_index(arguments.index)
    profile = load_profile(arguments.profile or index.manifest.profile, {"abstention": {"min_confidence": 0.0}})
    questions = [question for question in read_questions(arguments.questions) if question.answers][: arguments.limit]
    generator, chain = build_generator(profile.generator), build_chain(index, profile)

    def read_paragraph(question: Question) -> str:
        source = index.chunks.document(question.gold_doc_ids[0])
        metadata = {"chunk_id": "gold_0", "doc_id": "gold", "chunk_index": 0, "title": source.title if source else ""}
        chunk = Document(id="gold_0", page_content=str(question.paragraph), metadata=metadata)
        return generator.invoke(ReadingTask(question.question, (chunk,))).text

    rows = {}
    with_paragraph = [question for question in questions if question.paragraph]
    if with_paragraph:
        rows[f"gold paragraph ({len(with_paragraph)})"] = measure(read_paragraph, with_paragraph)
    rows[f"end to end ({len(questions)})"] = measure(lambda question: chain.invoke(question.question).answer, questions)
    table = Table(title=f"{profile.name}: {profile.generator.kind}")
    table.add_column("")
    for column in next(iter(rows.values())):
        table.add_column(column, justify="right")
    for name, values in rows.items():
        table.add_row(name, *(f"{v:.0f}" if c.endswith("ms") else f"{v:.3f}" for c, v in values.items()))
    Console(width=120).print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
