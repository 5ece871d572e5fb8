"""How well an encoder's cosines agree with people's judgements of similarity: Pearson and Spearman correlation.

The protocol of the semantic textual similarity tasks (Cer et al., 2017, SemEval-2017 Task 1; Reimers et al., 2016, on
why Spearman is reported beside Pearson).
"""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


def cosine_similarities(a: ArrayLike, b: ArrayLike) -> Floats:
    """Cosine of each row of ``a`` with the same row of ``b``.

    Args:
        a: array of shape (n, dim).
        b: array of shape (n, dim).

    Returns:
        Array of shape (n,) in [-1, 1]; a zero vector is similar to nothing: 0.

    Raises:
        ValueError: the shapes differ, or are not of two dimensions.
    """
    left, right = np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64)
    if left.ndim != 2 or left.shape != right.shape:
        raise ValueError(f"expected two arrays of one shape (n, dim), got {left.shape} and {right.shape}")
    return np.asarray(np.clip(np.sum(_unit_rows(left) * _unit_rows(right), axis=1), -1.0, 1.0))


def pearson(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Linear correlation of predicted and gold similarity, in [-1, 1].

    Predictions that are all the same tell nothing apart and score 0.

    Args:
        predicted: array of shape (n,), n ≥ 2.
        gold: array of shape (n,).

    Raises:
        ValueError: the shapes differ, there are fewer than two pairs, or all gold scores are the same.
    """
    from scipy import stats

    left, right = _checked(predicted, gold)
    if np.ptp(left) == 0.0:
        return 0.0
    with warnings.catch_warnings():
        # Nearly constant predictions: rounding costs digits, but the sign and the size of the correlation are right.
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        return float(stats.pearsonr(left, right).statistic)


def spearman(predicted: ArrayLike, gold: ArrayLike) -> float:
    """Correlation of the ranks of predicted and gold similarity, ties sharing their mean rank; else as :func:`pearson`.

    Raises:
        ValueError: the shapes differ, there are fewer than two pairs, or all gold scores are the same.
    """
    from scipy import stats

    left, right = _checked(predicted, gold)
    return pearson(stats.rankdata(left), stats.rankdata(right))


def similarity_metrics(a: ArrayLike, b: ArrayLike, gold: ArrayLike) -> dict[str, float]:
    """``pearson`` and ``spearman`` of the rows' cosines with gold scores.

    Args:
        a: embeddings of the first texts, array of shape (n, dim).
        b: embeddings of the second texts, array of shape (n, dim).
        gold: similarity scores, array of shape (n,), in any unit.
    """
    cosines = cosine_similarities(a, b)
    return {"pearson": pearson(cosines, gold), "spearman": spearman(cosines, gold)}


def _unit_rows(rows: Floats) -> Floats:
    """Rows of length 1; divided by the largest entry first, so that squares neither vanish nor overflow."""
    scaled = _divided(rows, np.abs(rows).max(axis=1, keepdims=True, initial=0.0))
    return _divided(scaled, np.linalg.norm(scaled, axis=1, keepdims=True))


def _divided(rows: Floats, by: Floats) -> Floats:
    return np.divide(rows, by, out=np.zeros_like(rows), where=by > 0.0)


def _checked(predicted: ArrayLike, gold: ArrayLike) -> tuple[Floats, Floats]:
    left, right = np.asarray(predicted, dtype=np.float64), np.asarray(gold, dtype=np.float64)
    if left.ndim != 1 or left.shape != right.shape or len(left) < 2:
        raise ValueError(f"expected two arrays of one length, at least 2; got shapes {left.shape} and {right.shape}")
    if not (np.isfinite(left).all() and np.isfinite(right).all()):
        raise ValueError("expected finite similarities")
    if np.ptp(right) == 0.0:
        raise ValueError("a correlation is undefined where all gold scores are the same")
    return left, right
