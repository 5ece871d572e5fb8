"""Vectors of single Russian words, from the compressed navec table inside natasha's wheel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrievers.analysis import lemma
from retrievers.models import load_navec

_CACHED_WORDS = 20_000  # decoded vectors kept: 24 MB


class WordVectors:
    """Unit vectors of folded words; a word form that the table lacks takes the vector of its lemma.

    Args:
        navec: the compressed table, product-quantised: 100 code books of 256 three-dimensional centroids.
    """

    def __init__(self, navec: Any) -> None:
        self._rows: dict[str, int] = {word: row for row, word in enumerate(navec.vocab.words) if word[0] != "<"}
        self._codes: np.ndarray = navec.pq.indexes  # (words, 100), uint8
        self._centroids: np.ndarray = navec.pq.codes  # (100, 256, 3)
        self._decoded: dict[str, np.ndarray] = {}
        self.dimension = int(navec.pq.dim)

    def __contains__(self, word: str) -> bool:
        return self._row(word) is not None

    def units(self, words: Sequence[str]) -> np.ndarray:
        """Array of shape (len(words), dimension), float32; rows have length 1, of unknown words 0."""
        missing = [word for word in dict.fromkeys(words) if word not in self._decoded]
        if len(self._decoded) + len(missing) > _CACHED_WORDS:
            self._decoded, missing = {}, list(dict.fromkeys(words))
        self._decoded |= zip(missing, self._decode(missing), strict=True)
        if not words:
            return np.zeros((0, self.dimension), np.float32)
        return np.stack([self._decoded[word] for word in words])

    def similarity(self, left: str, right: str) -> float:
        """Cosine in [-1, 1] of two words, 0 when either is unknown."""
        first, second = self.units([left, right])
        return float(first @ second)

    def _row(self, word: str) -> int | None:
        row = self._rows.get(word)
        return self._rows.get(lemma(word)) if row is None else row

    def _decode(self, words: Sequence[str]) -> np.ndarray:
        rows = [self._row(word) for word in words]
        known = np.array([row is not None for row in rows], dtype=bool)
        codes = self._codes[np.array([row or 0 for row in rows], dtype=np.intp)]  # (n, 100)
        parts = self._centroids[np.arange(codes.shape[1]), codes]  # (n, 100, 3)
        vectors = parts.reshape(len(words), self.dimension).astype(np.float32)
        vectors[~known] = 0.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(norms > 0, norms, 1.0))


@functools.cache
def word_vectors() -> WordVectors:
    """The process-wide table (loads in about half a second, on first use)."""
    return WordVectors(load_navec())
