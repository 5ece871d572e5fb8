"""How sure a mean or a difference is: bootstrap intervals, paired randomisation tests, Holm's correction.

Questions are the unit that is resampled. Two pipelines answer the same questions, so their values are compared question
by question, which takes the difficulty of the questions out of the comparison. Sources: Efron and Tibshirani, An
Introduction to the Bootstrap (1993), ch. 13; Smucker, Allan and Carterette, A Comparison of Statistical Significance
Tests for Information Retrieval Evaluation (CIKM 2007); Holm, A Simple Sequentially Rejective Multiple Test Procedure
(1979). The same seed gives the same figures.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 10_000
LEVEL = 0.95
SIGNIFICANT = 0.05  # p-values at or below it are called significant
_BATCH = 500  # resamples drawn at once: what bounds memory
# Two sums of the same differences in another order may differ in their last bits; as large counts as larger.
_ROUNDING = 1e-9

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Difference:
    """Candidate minus baseline over the same questions.

    Args:
        questions: how many were compared.
        baseline_mean: mean of the baseline's values.
        candidate_mean: mean of the candidate's values.
        difference: mean of candidate minus baseline.
        low: lower end of the 95 % bootstrap interval of the difference.
        high: its upper end.
        p: two-sided p-value of the paired randomisation test.
        wins: questions where the candidate is better.
        losses: questions where it is worse.
        ties: questions where both are equal.
    """

    questions: int
    baseline_mean: float
    candidate_mean: float
    difference: float
    low: float
    high: float
    p: float
    wins: int
    losses: int
    ties: int


def bootstrap_intervals(values: Array, *, seed: int) -> Array:
    """Percentile bootstrap intervals of column means.

    Args:
        values: array of shape (n_questions, n_columns).
        seed: of the resampling; every column sees the same resamples.

    Returns:
        Array of shape (2, n_columns): lower and upper ends of the 95 % intervals.

    Raises:
        ValueError: without questions.
    """
    _check(values)
    generator = np.random.default_rng(seed)
    questions = len(values)
    means = [
        generator.multinomial(questions, np.full(questions, 1 / questions), size=batch) @ values / questions
        for batch in _batches()
    ]
    tail = (1 - LEVEL) / 2
    return np.quantile(np.concatenate(means), [tail, 1 - tail], axis=0)


def randomization_p_values(differences: Array, *, seed: int) -> Array:
    """Two-sided p-values of the hypothesis that the mean of each column of paired differences is zero.

    Under it each question's difference is as likely to have the other sign. The observed arrangement counts as one of
    the resamples, so that a p-value is never below ``1 / (RESAMPLES + 1)``.

    Args:
        differences: array of shape (n_questions, n_columns).
        seed: of the random signs; every column sees the same ones.

    Returns:
        Array of shape (n_columns,).

    Raises:
        ValueError: without questions.
    """
    _check(differences)
    generator = np.random.default_rng(seed)
    threshold = np.abs(differences.sum(axis=0)) - _ROUNDING
    extreme = np.zeros(differences.shape[1])
    for batch in _batches():
        signs = generator.integers(0, 2, size=(batch, len(differences))) * 2.0 - 1.0
        extreme += (np.abs(signs @ differences) >= threshold).sum(axis=0)
    return (extreme + 1) / (RESAMPLES + 1)


def compare_pairs(values: Array, pairs: Sequence[tuple[int, int]], *, seed: int) -> list[Difference]:
    """Compare columns of ``values`` pair by pair.

    Args:
        values: array of shape (n_questions, n_pipelines).
        pairs: indices of baseline and candidate.
        seed: of all resampling.
    """
    if not pairs:
        return []
    first, second = (values[:, list(side)] for side in zip(*pairs, strict=True))
    differences = second - first
    low, high = bootstrap_intervals(differences, seed=seed)
    p_values = randomization_p_values(differences, seed=seed)
    return [
        Difference(
            questions=len(values),
            baseline_mean=float(first[:, column].mean()),
            candidate_mean=float(second[:, column].mean()),
            difference=float(differences[:, column].mean()),
            low=float(low[column]),
            high=float(high[column]),
            p=float(p_values[column]),
            wins=int((differences[:, column] > 0).sum()),
            losses=int((differences[:, column] < 0).sum()),
            ties=int((differences[:, column] == 0).sum()),
        )
        for column in range(len(pairs))
    ]


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values adjusted for their number: reject those at or below the level, the family-wise error stays below it.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    adjusted = [0.0] * len(p_values)
    largest = 0.0
    for place, index in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        largest = max(largest, min(1.0, (len(p_values) - place) * p_values[index]))
        adjusted[index] = largest
    return adjusted


def _batches() -> Iterator[int]:
    for start in range(0, RESAMPLES, _BATCH):
        yield min(_BATCH, RESAMPLES - start)


def _check(values: Array) -> None:
    if values.ndim != 2 or not len(values):
        raise ValueError(f"expected an array of shape (n_questions, n_columns) with questions, got {values.shape}")
