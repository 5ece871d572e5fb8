"""Weights of the terms that were asked for last, up to a number of bytes."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrievers.bm25.scoring import Weights

_ENTRY = 500  # bytes of a term and the objects around its arrays, about


@dataclass(frozen=True, slots=True)
class TermPart:
    """A term in one segment.

    Args:
        segment: its number.
        rows: living local rows that hold the term, ascending, array of shape (n,).
        weights: what the term counts in each, array of shape (n,).
    """

    segment: int
    rows: NDArray[np.int32]
    weights: Weights


@dataclass(frozen=True, slots=True)
class TermWeights:
    """A term in all segments.

    Args:
        absent: its weight in a row that does not hold it.
        parts: segments that hold it, in order; none for an unknown term.
    """

    absent: float
    parts: tuple[TermPart, ...]

    @property
    def size(self) -> int:
        """Bytes in memory, about; arrays that are only mapped from files are counted too."""
        return _ENTRY + sum(part.rows.nbytes + part.weights.nbytes for part in self.parts)


class TermCache:
    """What terms weigh, the least recently asked one forgotten first; safe to share between threads.

    Args:
        limit: bytes of all that is kept.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self._kept: OrderedDict[str, TermWeights] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, term: str) -> TermWeights | None:
        """What is known of a term."""
        with self._lock:
            found = self._kept.get(term)
            if found is not None:
                self._kept.move_to_end(term)
            return found

    def put(self, term: str, weights: TermWeights) -> None:
        """Keep a term's weights, if they are not larger than all that may be kept."""
        if weights.size > self.limit:
            return
        with self._lock:
            if term in self._kept:  # another thread was first
                return
            self._kept[term] = weights
            self.size += weights.size
            while self.size > self.limit:
                self.size -= self._kept.popitem(last=False)[1].size
