"""Rows of examples as the columns that losses of sentence-transformers take.

A loss that finds too little in the rows says so before a model is loaded; rows that it cannot use are left out and
counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from retrievers.errors import InputError
from training.examples import Example
from training.finetune.evaluation import is_relevant, relevant_from

QUESTION, PASSAGE, NEGATIVE, LABEL = "question", "passage", "negative", "label"


@dataclass(frozen=True, slots=True)
class Columns:
    """Training data of a loss.

    Args:
        values: columns of one length, in the order that the loss wants them.
        left_out: rows that were not used, by reason.
    """

    values: dict[str, list[Any]]
    left_out: dict[str, int]

    def __len__(self) -> int:
        return len(next(iter(self.values.values())))

    @property
    def texts(self) -> list[str]:
        """Names of the columns of text."""
        return [name for name in self.values if name != LABEL]


def ranked(examples: Sequence[Example], negatives: int | None, relevant_label: float | None = None) -> Columns:
    """Question, passage and as many hard negatives as each row has, or ``negatives`` of the rows that have them.

    Raises:
        InputError: no row is left.
    """
    positives, left_out = _positives(examples, relevant_label)
    count = min((len(row.negatives) for row in positives), default=0) if negatives is None else negatives
    rows = [row for row in positives if len(row.negatives) >= count]
    left_out |= _counted(f"with fewer than {count} negatives", len(positives) - len(rows))
    _require(rows, examples, f"a relevant passage and {count} negatives")
    values = {QUESTION: [row.question for row in rows], PASSAGE: [row.text for row in rows]}
    for number in range(count):
        values[f"{NEGATIVE}_{number + 1}"] = [row.negatives[number] for row in rows]
    return Columns(values, left_out)


def triplets(examples: Sequence[Example], negatives: int | None, relevant_label: float | None = None) -> Columns:
    """Question, passage and one negative: a triplet for each negative of a row, or for its first ``negatives``.

    Raises:
        InputError: no row has negatives.
    """
    positives, left_out = _positives(examples, relevant_label)
    rows = [row for row in positives if row.negatives]
    _require(rows, examples, "negatives, which --loss triplet needs: python -m training.negatives finds some")
    left_out |= _counted("without negatives", len(positives) - len(rows))
    made = [(row.question, row.text, negative) for row in rows for negative in row.negatives[:negatives]]
    questions, passages, others = (list(column) for column in zip(*made, strict=True))
    return Columns({QUESTION: questions, PASSAGE: passages, NEGATIVE: others}, left_out)


def binary(examples: Sequence[Example], negatives: int | None, relevant_label: float | None = None) -> Columns:
    """Question, passage and 1 or 0: by the row's label where it has one, else 1, and 0 for each of its negatives.

    Raises:
        InputError: all pairs would have one label.
    """
    threshold = relevant_from(examples, relevant_label)
    made = [
        pair
        for row in examples
        for pair in (
            (row.question, row.text, int(is_relevant(row, threshold))),
            *((row.question, text, 0) for text in row.negatives[:negatives]),
        )
    ]
    if len({label for _, _, label in made}) < 2:
        raise InputError(
            "--train: every pair is relevant, or none is; this loss needs labels of both kinds, or negatives "
            "(python -m training.negatives finds some)"
        )
    return _labelled(made, {})


def graded(examples: Sequence[Example], scale: float, low: float, high: float) -> Columns:
    """Question, passage and the label divided by ``scale``, of the rows that have a label.

    Raises:
        InputError: no row has one, all are the same, or one is outside ``[low, high]`` then.
    """
    rows = [(row.question, row.text, row.label / scale) for row in examples if row.label is not None]
    _require(rows, examples, "a label, which this loss needs")
    labels = [label for _, _, label in rows]
    _require_range(labels, scale, low, high)
    if min(labels) == max(labels):
        raise InputError("--train: all labels are the same; there is nothing to learn from them")
    return _labelled(rows, _counted("without a label", len(examples) - len(rows)))


def pointwise(examples: Sequence[Example], negatives: int | None, scale: float) -> Columns:
    """Question, passage and a relevance in [0, 1]: the label divided by ``scale``, else 1, and 0 for negatives.

    Raises:
        InputError: a label is outside that range, or all pairs would have one.
    """
    made = [
        pair
        for row in examples
        for pair in (
            (row.question, row.text, 1.0 if row.label is None else row.label / scale),
            *((row.question, text, 0.0) for text in row.negatives[:negatives]),
        )
    ]
    labels = {label for _, _, label in made}
    _require_range(labels, scale, 0.0, 1.0)
    if len(labels) < 2:
        raise InputError(
            f"--train: every pair has the relevance {next(iter(labels)):g}; this loss needs labels of several kinds, "
            "or negatives (python -m training.negatives finds some)"
        )
    return _labelled(made, {})


def classes(examples: Sequence[Example], count: int, negatives: int | None) -> Columns:
    """Question, passage and a class from 0 to ``count`` - 1: the row's label, else the highest; negatives are of 0.

    Raises:
        InputError: a label is no such number, or all are the same.
    """
    made = []
    for row in examples:
        label = float(count - 1) if row.label is None else row.label
        if label not in range(count):
            raise InputError(f"--labels {count}: expected labels 0 to {count - 1}, found {label:g}")
        made.append((row.question, row.text, int(label)))
        made += [(row.question, text, 0) for text in row.negatives[:negatives]]
    if len({label for _, _, label in made}) < 2:
        raise InputError("--train: all pairs are of one class; this loss needs several, or negatives")
    return _labelled(made, {})


def scored(examples: Sequence[Example], negatives: int | None) -> Columns:
    """Question, passage, negatives and a teacher's scores of these: ``[passage, negative_1, …]`` a row.

    Raises:
        InputError: no row has scores.
    """
    with_scores = [row for row in examples if row.scores and row.negatives]
    _require(with_scores, examples, "negatives and a teacher's scores, which --loss margin-mse needs")
    count = min(len(row.negatives) for row in with_scores) if negatives is None else negatives
    rows = [row for row in with_scores if len(row.negatives) >= count]
    _require(rows, examples, f"{count} negatives with scores")
    left_out = _counted("without scores", len(examples) - len(with_scores))
    left_out |= _counted(f"with fewer than {count} negatives", len(with_scores) - len(rows))
    values: dict[str, list[Any]] = {QUESTION: [row.question for row in rows], PASSAGE: [row.text for row in rows]}
    for number in range(count):
        values[f"{NEGATIVE}_{number + 1}"] = [row.negatives[number] for row in rows]
    values[LABEL] = [list(row.scores[: count + 1]) for row in rows]
    return Columns(values, left_out)


def lists(
    examples: Sequence[Example], negatives: int | None, *, sharpness: float, teacher: bool, scale: float = 1.0
) -> Columns:
    """Question, its passages, and their relevance: rows of one question are taken together.

    Args:
        examples: rows.
        negatives: of each row; None: all.
        sharpness: relevance of a passage that simply belongs to the question; negatives have 0.
        teacher: take a row's scores instead, where it has some.
        scale: labels are divided by it, before they are multiplied by ``sharpness``.

    Raises:
        InputError: no question has passages of different relevance.
    """
    found: dict[str, dict[str, float]] = {}
    for row in examples:
        passages = found.setdefault(row.question, {})
        chosen = row.negatives[:negatives]
        own = (sharpness if row.label is None else sharpness * row.label / scale, *(0.0 for _ in chosen))
        values = row.scores[: len(chosen) + 1] if teacher and row.scores else own
        for text, value in zip((row.text, *chosen), values, strict=True):
            passages[text] = max(value, passages.get(text, value))  # a positive of one row, a negative of another
    usable = {question: passages for question, passages in found.items() if len(set(passages.values())) > 1}
    if not usable:
        raise InputError(
            "--train: no question has passages of different relevance; this loss needs negatives (python -m "
            "training.negatives finds some), or several labelled rows a question"
        )
    columns: dict[str, list[Any]] = {
        QUESTION: list(usable),
        PASSAGE: [list(passages) for passages in usable.values()],
        LABEL: [list(passages.values()) for passages in usable.values()],
    }
    return Columns(columns, _counted("questions with passages of one relevance", len(found) - len(usable)))


def _positives(examples: Sequence[Example], relevant_label: float | None) -> tuple[list[Example], dict[str, int]]:
    threshold = relevant_from(examples, relevant_label)
    rows = [row for row in examples if is_relevant(row, threshold)]
    return rows, _counted("not relevant by their label", len(examples) - len(rows))


def _labelled(made: Sequence[tuple[str, str, Any]], left_out: dict[str, int]) -> Columns:
    questions, passages, labels = (list(column) for column in zip(*made, strict=True))
    return Columns({QUESTION: questions, PASSAGE: passages, LABEL: labels}, left_out)


def _require(rows: Sequence[object], examples: Sequence[Example], what: str) -> None:
    if not rows:
        sources = ", ".join(source or "unnamed" for source in Counter(row.source for row in examples))
        raise InputError(f"--train: none of {len(examples)} rows (sources: {sources}) has {what}")


def _require_range(labels: Collection[float], scale: float, low: float, high: float) -> None:
    if min(labels) < low or max(labels) > high:
        raise InputError(
            f"--train: labels from {min(labels) * scale:g} to {max(labels) * scale:g}; this loss needs {low:g} to "
            f"{high:g}: give the highest that a label can be with --label-scale (5 for labels from 0 to 5)"
        )


def _counted(reason: str, count: int) -> dict[str, int]:
    return {reason: count} if count else {}
