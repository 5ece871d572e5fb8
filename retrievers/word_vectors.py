"""Vectors of single Russian words, from the compressed navec table inside natasha's wheel."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from retrievers.models import load_navec

_CACHED_WORDS = 20_000  # decoded vectors kept: 24 MB


class WordVectors:
    """Unit vectors of folded words; those of the dictionary forms are there most often, so ask for lemmas.

    Args:
        navec: the compressed table, product-quantised: 100 code books of 256 three-dimensional centroids.
    """

    def __init__(self, navec: Any) -> None:
        self._rows: dict[str, int] = navec.vocab.word_ids
        self._codes: np.ndarray = navec.pq.indexes  # (words, 100), uint8
        self._centroids: np.ndarray = navec.pq.codes  # (100, 256, 3)
        self._decoded: dict[str, np.ndarray] = {}
        self.dimension = int(navec.pq.dim)

    def __contains__(self, word: str) -> bool:
        return self._row(word) >= 0

    def __len__(self) -> int:
        return len(self._codes)

    def rows(self, words: Sequence[str]) -> np.ndarray:
        """Row of each word in the table, shape (len(words),), int; -1 for unknown words."""
        return np.array([self._row(word) for word in words], np.intp)

    def units(self, words: Sequence[str]) -> np.ndarray:
        """Array of shape (len(words), dimension), float32; rows have length 1, of unknown words 0."""
        if not words:
            return np.zeros((0, self.dimension), np.float32)
        decoded = self._decoded  # this call's own reference: another thread may start a new cache meanwhile
        missing = [word for word in dict.fromkeys(words) if word not in decoded]
        if len(decoded) + len(missing) > _CACHED_WORDS:
            decoded, missing = {}, list(dict.fromkeys(words))
        decoded.update(zip(missing, self._decode(missing), strict=True))
        self._decoded = decoded
        return np.stack([decoded[word] for word in words])

    def similarity(self, left: str, right: str) -> float:
        """Cosine in [-1, 1] of two words, 0 when either is unknown."""
        first, second = self.units([left, right])
        return float(first @ second)

    def _row(self, word: str) -> int:
        return -1 if word.startswith("<") else self._rows.get(word, -1)  # navec has rows for <unk> and <pad>

    def _decode(self, words: Sequence[str]) -> np.ndarray:
        rows = self.rows(words)
        codes = self._codes[rows]  # (n, 100); those of unknown words are taken out below
        parts = self._centroids[np.arange(codes.shape[1]), codes]  # (n, 100, 3)
        vectors = parts.reshape(len(words), self.dimension).astype(np.float32)
        vectors[rows < 0] = 0.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        return np.asarray(vectors / np.where(norms > 0, norms, 1.0))


@functools.cache
def word_vectors() -> WordVectors:
    """The process-wide table (loads in about half a second, on first use)."""
    return WordVectors(load_navec())
