"""Fusion of rankings: pure functions over ids, for :mod:`retrievers.hybrid` and anything else that joins rankings."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from enum import StrEnum

from retrievers.errors import InputError


class Normalization(StrEnum):
    """How the scores of one ranking are brought to a common scale, per query.

    MINMAX: lowest hit 0, highest 1; one hit or equal ones 1. MAX: divided by the highest score, scores under zero
    counting as zero; right where zero means "nothing in common". ZSCORE: mean 0, standard deviation 1; equal hits 0.
    """

    MINMAX = "minmax"
    MAX = "max"
    ZSCORE = "zscore"


def reciprocal_rank_fusion(
    rankings: Sequence[Sequence[str]], weights: Sequence[float] | None = None, k: int = 60
) -> list[tuple[str, float]]:
    """Fuse rankings by the weighted sum of ``1 / (k + rank)``, ranks from 1.

    Cormack, Clarke, Buettcher 2009, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning
    Methods" (SIGIR), with its constant 60; the weights are ours and 1 by default.

    Args:
        rankings: ids, best first; an id that stands twice in a ranking counts once, at its first place.
        weights: weight of each ranking, not negative.
        k: the larger, the less the first places stand out.

    Returns:
        ``(id, score)``, best first. Equal scores: the id of the better best rank, then of the earlier ranking.

    Raises:
        InputError: weights that do not fit the rankings.

    >>> [name for name, _ in reciprocal_rank_fusion([["а", "б"], ["б", "в"]])]
    ['б', 'а', 'в']
    """
    if k < 0:
        raise InputError(f"expected a constant of at least 0, got {k}")
    parts = [{name: 1.0 / (k + rank) for rank, name in enumerate(dict.fromkeys(ids), start=1)} for ids in rankings]
    return _weighted_sum(parts, check_weights(weights, len(rankings)), [0.0] * len(parts))


def weighted_score_fusion(
    rankings: Sequence[Sequence[tuple[str, float]]],
    weights: Sequence[float] | None = None,
    normalization: Normalization = Normalization.MINMAX,
) -> list[tuple[str, float]]:
    """Fuse rankings by the weighted sum of their normalised scores (a convex combination where weights sum to 1).

    An id absent from a ranking gets the lowest normalised score that ranking gave: it is known to be no better.
    Bruch, Gai, Ingber 2023, "An Analysis of Fusion Functions for Hybrid Retrieval" (ACM TOIS 42), find such sums to
    keep more of the information than ranks do, once the weight is tuned.

    Args:
        rankings: ``(id, score)``, best first; an id that stands twice counts once, at its first place.
        weights: weight of each ranking, not negative; 1 by default.
        normalization: per ranking.

    Returns:
        ``(id, score)``, best first. Equal scores: the id of the better best rank, then of the earlier ranking.

    Raises:
        InputError: weights that do not fit the rankings, or a score that is not finite.
    """
    normalize = _NORMALIZERS[normalization]
    parts: list[dict[str, float]] = []
    for ranking in rankings:
        scores: dict[str, float] = {}
        for name, score in ranking:
            if not math.isfinite(score):
                raise InputError(f"expected finite scores to fuse, got {score} for {name!r}")
            scores.setdefault(name, score)
        parts.append(dict(zip(scores, normalize(list(scores.values())), strict=True)))
    floors = [min(part.values(), default=0.0) if normalization is Normalization.ZSCORE else 0.0 for part in parts]
    return _weighted_sum(parts, check_weights(weights, len(rankings)), floors)


def check_weights(weights: Sequence[float] | None, expected: int) -> list[float]:
    """The weights, one for each ranking; None gives each 1.

    Raises:
        InputError: another number of weights, a negative or infinite one, or none above zero.
    """
    if weights is None:
        return [1.0] * expected
    if len(weights) != expected:
        raise InputError(f"expected {expected} weights, one for each ranking, got {len(weights)}")
    if any(not math.isfinite(weight) or weight < 0 for weight in weights) or (expected and not any(weights)):
        raise InputError(f"expected finite weights of at least 0 and one above it, got {list(weights)}")
    return list(weights)


def _weighted_sum(
    parts: Sequence[dict[str, float]], weights: Sequence[float], floors: Sequence[float]
) -> list[tuple[str, float]]:
    best: dict[str, tuple[int, int]] = {}  # id -> its best rank and the first ranking that gave it
    for number, part in enumerate(parts):
        for rank, name in enumerate(part):
            best[name] = min(best.get(name, (rank, number)), (rank, number))
    fused = {
        name: math.fsum(
            weight * part.get(name, floor) for weight, part, floor in zip(weights, parts, floors, strict=True)
        )
        for name in best
    }
    return sorted(fused.items(), key=lambda item: (-item[1], best[item[0]]))


def _minmax(scores: Sequence[float]) -> list[float]:
    lowest, highest = min(scores, default=0.0), max(scores, default=0.0)
    spread = highest - lowest
    return [(score - lowest) / spread if spread > 0 else 1.0 for score in scores]


def _max(scores: Sequence[float]) -> list[float]:
    highest = max(scores, default=0.0)
    return [max(score, 0.0) / highest if highest > 0 else 0.0 for score in scores]


def _zscore(scores: Sequence[float]) -> list[float]:
    if not scores:
        return []
    mean = math.fsum(scores) / len(scores)
    deviation = math.sqrt(math.fsum((score - mean) ** 2 for score in scores) / len(scores))
    return [(score - mean) / deviation if deviation > 0 else 0.0 for score in scores]


_NORMALIZERS: dict[Normalization, Callable[[Sequence[float]], Iterable[float]]] = {
    Normalization.MINMAX: _minmax,
    Normalization.MAX: _max,
    Normalization.ZSCORE: _zscore,
}
