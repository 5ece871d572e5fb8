"""The formulas: what a term counts in a row, for each variant of BM25.

All are as Kamphuis et al. 2020, "Which BM25 do you mean?" (ECIR), table 1, has them, in the reading of bm25s (Lù 2024,
"BM25S: Orders of magnitude faster lexical search via eager sparse scoring", arXiv:2407.03618): Robertson's idf never
falls below zero, and a row without any term of the question scores nothing, also where the variant would give it the
weight of an absent term.

A term counts idf * tf: idf says how rare it is, tf how much of the row it makes up. Computed in 64 bits from whole
numbers alone and rounded to 32 once, so that a row's weight is the same however the collection is cut.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.bm25.options import BM25Method, BM25Options

Reals = NDArray[np.float64]
Weights = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Scoring:
    """BM25 in a collection of known size.

    Args:
        options: method and parameters.
        n_rows: rows of the collection.
        mean_length: terms in one of them on average.
    """

    options: BM25Options
    n_rows: int
    mean_length: float

    def idf(self, frequency: int) -> float:
        """Inverse document frequency of a term.

        Args:
            frequency: rows that hold it, at least 1.
        """
        rows = self.n_rows
        match self.options.method:
            case BM25Method.LUCENE:
                value = math.log(1 + (rows - frequency + 0.5) / (frequency + 0.5))
            case BM25Method.ATIRE:
                value = math.log(rows / frequency)
            case BM25Method.ROBERTSON:
                value = math.log(max(1.0, (rows - frequency + 0.5) / (frequency + 0.5)))
            case BM25Method.BM25L:
                value = math.log((rows + 1) / (frequency + 0.5))
            case BM25Method.BM25PLUS:
                value = math.log((rows + 1) / frequency)
        return float(np.float32(value))

    def absent(self, frequency: int) -> float:
        """Weight of a term in a row that does not hold it: zero but for ``bm25l`` and ``bm25+``."""
        k1, delta = self.options.k1, self.options.delta
        match self.options.method:
            case BM25Method.BM25L if k1 + delta > 0:
                return float(np.float32(self.idf(frequency) * ((k1 + 1) * delta / (k1 + delta))))
            case BM25Method.BM25PLUS:
                return float(np.float32(self.idf(frequency) * delta))
            case _:
                return 0.0

    def weights(self, counts: NDArray[Any], lengths: NDArray[Any], frequency: int) -> Weights:
        """Weights of a term in rows that hold it, above its :meth:`absent` weight; array of shape (n,).

        Args:
            counts: how often it stands in each, at least once, array of shape (n,).
            lengths: terms of each, array of shape (n,).
            frequency: rows of the collection that hold it.
        """
        saturated = self._saturated(counts.astype(np.float64), lengths)
        return np.asarray(self.idf(frequency) * saturated - self.absent(frequency), np.float32)

    def _saturated(self, counts: Reals, lengths: NDArray[Any]) -> Reals:
        """How much a term makes up of a row: grows with its count, ever more slowly."""
        k1, b, delta = self.options.k1, self.options.b, self.options.delta
        size = (1 - b) + b * lengths.astype(np.float64) / self.mean_length
        match self.options.method:
            case BM25Method.LUCENE | BM25Method.ROBERTSON:
                return counts / (k1 * size + counts)
            case BM25Method.ATIRE:
                return (k1 + 1) * counts / (counts + k1 * size)
            case BM25Method.BM25PLUS:
                return (k1 + 1) * counts / (counts + k1 * size) + delta
            case BM25Method.BM25L:
                shared = counts / size + delta
                return (k1 + 1) * shared / (k1 + shared)
