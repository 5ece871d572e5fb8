"""How well a model ranks passages and tells similar texts from others: one task, measured before, during and after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evals.metrics import retrieval_metrics
from evals.similarity import cosine_similarities, pearson, spearman

CUTOFFS = (1, 5, 10, 20)
RANKING_METRICS = (
    *(f"hit@{k}" for k in (1, 10)),
    *(f"recall@{k}" for k in CUTOFFS),
    *(f"{name}@10" for name in ("mrr", "map", "ndcg")),
)
SIMILARITY_METRICS = ("pearson", "spearman")
_AT_ONCE = 1_000_000  # scores held at a time: questions times passages

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Pair:
    """Two texts and how similar (or relevant) people say they are; the unit is the data's own."""

    question: str
    passage: str
    label: float


@dataclass(frozen=True, slots=True)
class RankingTask:
    """Questions whose relevant passages are known among others.

    Args:
        questions: shape (n_questions,).
        passages: shape (n_passages,), no two alike.
        relevant: rows of ``passages`` that answer each question; empty where none of them does, which scores 0.
        candidates: rows that each question's ranking is of, in the order of a first stage; None: all passages.
        pairs: for the correlation of the model's scores with labels; empty where no label differs from another.
    """

    questions: tuple[str, ...]
    passages: tuple[str, ...]
    relevant: tuple[frozenset[int], ...]
    candidates: tuple[tuple[int, ...], ...] | None = None
    pairs: tuple[Pair, ...] = ()

    def metric_names(self) -> tuple[str, ...]:
        """Metrics that this task has."""
        return (*(RANKING_METRICS if self.questions else ()), *(SIMILARITY_METRICS if self.pairs else ()))


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model reached on a task.

    Args:
        means: by metric: ranking metrics in [0, 1], correlations in [-1, 1].
        questions: by ranking metric a value for each question, in the task's order.
    """

    means: dict[str, float]
    questions: dict[str, list[float]] = field(default_factory=dict)


def measure_vectors(task: RankingTask, encode_questions: Encode, encode_passages: Encode) -> Measured:
    """A bi-encoder's quality: passages ranked by the cosine of their vectors with the question's.

    Args:
        task: with or without candidates.
        encode_questions: vectors of length 1 (or 0) for texts, shape (n_texts, dim).
        encode_passages: the same for passages.
    """
    pairs = task.pairs
    questions = _rows_of([*task.questions, *(pair.question for pair in pairs)])
    passages = _rows_of([*task.passages, *(pair.passage for pair in pairs)])
    left, right = encode_questions(list(questions)), encode_passages(list(passages))
    return vector_metrics(task, left, right)


def vector_metrics(task: RankingTask, left: Floats, right: Floats) -> Measured:
    """The same from vectors at hand.

    Args:
        task: to measure.
        left: vectors of :func:`distinct_questions`, shape (n, dim).
        right: vectors of :func:`distinct_passages`, shape (n, dim).
    """
    questions, passages = _rows_of(distinct_questions(task)), _rows_of(distinct_passages(task))
    count = len(task.passages)
    rankings: list[list[int]] = []
    block = max(1, _AT_ONCE // max(1, count))
    for start in range(0, len(task.questions), block):
        rows = [questions[text] for text in task.questions[start : start + block]]
        scores = left[rows] @ right[:count].T  # (block, n_passages)
        rankings += [_ranked(task, start + at, scores[at]) for at in range(len(rows))]
    measured = ranking_metrics(task, rankings)
    if task.pairs:
        cosines = cosine_similarities(
            left[[questions[pair.question] for pair in task.pairs]],
            right[[passages[pair.passage] for pair in task.pairs]],
        )
        measured = _with_correlation(measured, task, cosines)
    return measured


def measure_scores(task: RankingTask, score: Callable[[list[tuple[str, str]]], Sequence[float]]) -> Measured:
    """A cross-encoder's quality: each question's candidates ranked by its scores.

    Args:
        task: with candidates.
        score: scores of (question, passage) pairs, higher is better.
    """
    if task.candidates is None:
        raise ValueError("a cross-encoder needs candidates: it does not score every passage for every question")
    wanted = [(task.questions[at], task.passages[row]) for at, rows in enumerate(task.candidates) for row in rows]
    labelled = [(pair.question, pair.passage) for pair in task.pairs]
    scores = np.asarray(score([*wanted, *labelled]), np.float32)
    rankings, start = [], 0
    for rows in task.candidates:
        own = scores[start : start + len(rows)]
        rankings.append([rows[at] for at in np.argsort(-own, kind="stable")])
        start += len(rows)
    measured = ranking_metrics(task, rankings)
    return _with_correlation(measured, task, scores[len(wanted) :]) if task.pairs else measured


def first_stage(task: RankingTask) -> Measured:
    """Quality of the candidates in the order they came in."""
    if task.candidates is None:
        raise ValueError("the task has no candidates, so no first stage ordered them")
    return ranking_metrics(task, task.candidates)


def ranking_metrics(task: RankingTask, rankings: Sequence[Sequence[int]]) -> Measured:
    """Means over all questions, and each question's values.

    Args:
        task: whose questions were ranked for.
        rankings: rows of ``task.passages`` for each question, best first.
    """
    values: dict[str, list[float]] = {name: [] for name in RANKING_METRICS}
    for relevant, ranking in zip(task.relevant, rankings, strict=True):
        # Nothing among the passages answers the question: a metric is not defined, and the model cannot be right.
        found = (
            retrieval_metrics([str(row) for row in ranking[: max(CUTOFFS)]], {str(row) for row in relevant}, CUTOFFS)
            if relevant
            else dict.fromkeys(RANKING_METRICS, 0.0)
        )
        for name in RANKING_METRICS:
            values[name].append(found[name])
    if not task.questions:
        return Measured({})
    return Measured({name: float(np.mean(column)) for name, column in values.items()}, values)


def distinct_questions(task: RankingTask) -> list[str]:
    """Texts to encode as questions: those of the task, then those of its pairs."""
    return list(_rows_of([*task.questions, *(pair.question for pair in task.pairs)]))


def distinct_passages(task: RankingTask) -> list[str]:
    """Texts to encode as passages: those of the task, in its order, then those of its pairs."""
    return list(_rows_of([*task.passages, *(pair.passage for pair in task.pairs)]))


Encode = Callable[[list[str]], Floats]


def _rows_of(texts: Sequence[str]) -> dict[str, int]:
    return {text: row for row, text in enumerate(dict.fromkeys(texts))}


def _ranked(task: RankingTask, question: int, scores: Floats) -> list[int]:
    if task.candidates is not None:
        rows = np.asarray(task.candidates[question], np.intp)
        return [int(row) for row in rows[np.argsort(-scores[rows], kind="stable")]]
    return [int(row) for row in np.argsort(-scores, kind="stable")[: max(CUTOFFS)]]


def _with_correlation(measured: Measured, task: RankingTask, predicted: NDArray[np.floating]) -> Measured:
    gold = [pair.label for pair in task.pairs]
    correlations = {"pearson": pearson(predicted, gold), "spearman": spearman(predicted, gold)}
    return Measured(measured.means | correlations, measured.questions)
