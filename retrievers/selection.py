"""The best of many scores, exactly: which rows, best first, equal scores in row order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.intp]
Scores = NDArray[np.float32]

_HEIGHT = 64  # scores in a lane: few enough that reading some lanes whole costs less than reading all rows again


def contenders(scores: Scores, k: int) -> Rows:
    """Rows of all positive scores that are not below the ``k``-th highest one, in no order.

    The scores are looked through once, for the highest one of each lane of 64 rows. The ``k``-th highest of those is
    one that ``k`` rows reach, so every row of the best ``k`` stands in a lane that reaches it.
    """
    width = len(scores) // _HEIGHT
    if k * 4 > width:  # lanes would be read whole, nearly all of them
        return _reaching(scores, np.flatnonzero(scores > 0), k)
    lanes = scores[: width * _HEIGHT].reshape(_HEIGHT, width)  # a lane is a column
    highest = lanes.max(axis=0)
    floor = np.partition(highest, width - k)[width - k]
    if floor <= 0:
        return _reaching(scores, np.flatnonzero(scores > 0), k)
    reached = np.flatnonzero(highest >= floor)
    rows = np.concatenate(
        [
            (reached + width * np.arange(_HEIGHT)[:, None]).ravel(),
            np.arange(width * _HEIGHT, len(scores)),
        ]
    )
    return _reaching(scores, rows[scores[rows] >= floor], k)


def _reaching(scores: Scores, rows: Rows, k: int) -> Rows:
    """Those of ``rows`` whose scores are not below their ``k``-th highest; ties at it all stay."""
    if k >= len(rows):
        return rows
    values = scores[rows]
    reached: Rows = rows[values >= np.partition(values, len(values) - k)[len(values) - k]]
    return reached


def in_order(rows: Rows, scores: Scores, k: int) -> tuple[Rows, Scores]:
    """The first ``k`` of rows and their scores: by score, the highest first, then by row."""
    order = np.lexsort((rows, -scores))[:k]
    return rows[order], scores[order]


def best_rows(scores: Scores, k: int) -> Rows:
    """Rows of the ``k`` highest positive scores, best first; equal scores in row order.

    Rows of score zero are no hits, so fewer than ``k`` may come back.
    """
    rows = contenders(scores, k)
    return in_order(rows, scores[rows], k)[0]


def ranked_rows(scores: Scores, first: int) -> Iterator[int]:
    """Rows of positive score, best first, sorted lazily: ``first`` of them, then four times as many, and so on."""
    done, depth = 0, first
    while True:
        rows = best_rows(scores, depth)
        yield from rows[done:].tolist()
        if len(rows) < depth:
            return
        done, depth = depth, depth * 4
