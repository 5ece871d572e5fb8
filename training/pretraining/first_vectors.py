"""Vectors for word pieces from the navec vectors of the words that they occur in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from retrievers.word_vectors import WordVectors

_AT_ONCE = 10_000

Floats = NDArray[np.float32]


def piece_vectors(
    words: Mapping[str, int], pieces_of: Callable[[list[str]], list[list[int]]], vectors: WordVectors, size: int
) -> tuple[Floats, int]:
    """A vector for each piece: the mean of the vectors of the words that hold it, a frequent word counting more.

    A word's weight is the root of its frequency, so that «и» does not drown what else begins with that letter.

    Args:
        words: frequencies by folded word.
        pieces_of: rows of the pieces of each word.
        vectors: of words.
        size: number of pieces.

    Returns:
        Array of shape (size, dimension of ``vectors``), rows of pieces that no known word holds being 0; and how many
        pieces have a vector.
    """
    known = sorted(word for word in words if word in vectors)
    sums = np.zeros((size, vectors.dimension))
    weights = np.zeros(size)
    for start in range(0, len(known), _AT_ONCE):
        block = known[start : start + _AT_ONCE]
        for word, vector, pieces in zip(block, vectors.units(block), pieces_of(block), strict=True):
            weight = float(np.sqrt(words[word])) / len(pieces) if pieces else 0.0
            for piece in pieces:
                sums[piece] += weight * vector
                weights[piece] += weight
    found = weights > 0
    sums[found] /= weights[found, None]
    return sums.astype(np.float32), int(found.sum())


def principal_components(rows: Floats, dimension: int) -> Floats:
    """The rows in fewer dimensions: those along which they differ most (principal component analysis).

    Args:
        rows: shape (n, width); rows of zeros are left out of the analysis and stay zero.
        dimension: at most ``width`` and at most the number of other rows.
    """
    present = np.any(rows != 0, axis=1)
    centred = rows[present] - rows[present].mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    reduced = np.zeros((len(rows), dimension), np.float32)
    reduced[present] = centred @ axes[:, ::-1][:, :dimension]
    return reduced


def first_embeddings(vectors: Floats, dimension: int, spread: float, generator: np.random.Generator) -> Floats:
    """Embeddings of pieces, all of the same spread: from vectors where there are some, random for the others.

    Args:
        vectors: shape (n, width), 0 where unknown.
        dimension: of the embeddings; what exceeds ``width`` is random, too.
        spread: standard deviation of the numbers.
        generator: of the random ones.
    """
    embeddings = generator.normal(0.0, spread, (len(vectors), dimension)).astype(np.float32)
    known = np.any(vectors != 0, axis=1)
    width = min(dimension, vectors.shape[1])
    if known.any():
        reduced = principal_components(vectors, width)[known]
        embeddings[np.flatnonzero(known)[:, None], np.arange(width)] = reduced * (spread / reduced.std())
    return embeddings


def count_words(texts: Sequence[str], words_of: Callable[[str], list[str]]) -> Counter[str]:
    """Frequencies of folded words."""
    counts: Counter[str] = Counter()
    for text in texts:
        counts.update(words_of(text))
    return counts
