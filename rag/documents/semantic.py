"""Chunks by meaning: neighbouring sentences stay together while their vectors point the same way."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field, model_validator


class SemanticOptions(BaseModel):
    """When neighbouring sentences make one chunk.

    Args:
        threshold: cosine of two neighbouring sentences from which they belong together. The default suits E5, whose
            cosines are high throughout; a static encoder wants a lower one.
        minimum: characters; a shorter chunk takes the next sentence whatever its meaning.
        maximum: characters; a chunk grows no further.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    threshold: float = Field(default=0.58, ge=-1.0, le=1.0)
    minimum: int = Field(default=120, ge=0)
    maximum: int = Field(default=500, ge=10)

    @model_validator(mode="after")
    def _ordered(self) -> SemanticOptions:
        if self.minimum > self.maximum:
            raise ValueError(f"expected minimum <= maximum, found {self.minimum} > {self.maximum}")
        return self


def group_sentences(
    vectors: ArrayLike, spans: Sequence[tuple[int, int]], options: SemanticOptions | None = None
) -> list[tuple[int, int]]:
    """Divide consecutive sentences into groups.

    A sentence joins the group before it when its cosine with the sentence just before reaches the threshold or the
    group is still shorter than the minimum, and the group stays within the maximum. A last group that is too short
    joins the one before it where both fit.

    Args:
        vectors: array of shape (n_sentences, dim), of any length; a zero vector resembles nothing.
        spans: offsets (start, end) of the sentences in their text, in order; the length of a group is measured from
            the start of its first sentence to the end of its last, in characters.
        options: threshold and limits.

    Returns:
        Ranges (first, stop) of sentence numbers that cover all sentences in order. A group is longer than the maximum
        only where its single sentence is.

    >>> group_sentences([[1, 0], [1, 0.1], [0, 1]], [(0, 150), (151, 300), (301, 450)])
    [(0, 2), (2, 3)]
    """
    options = options or SemanticOptions()
    if not spans:
        return []
    similar = neighbour_cosines(vectors) >= options.threshold
    groups: list[tuple[int, int]] = []
    first = 0
    for index in range(1, len(spans)):
        fits = spans[index][1] - spans[first][0] <= options.maximum
        short = spans[index - 1][1] - spans[first][0] < options.minimum
        if not (fits and (short or similar[index - 1])):
            groups.append((first, index))
            first = index
    groups.append((first, len(spans)))
    if len(groups) > 1:
        before, (first, stop) = groups[-2][0], groups[-1]
        short = spans[stop - 1][1] - spans[first][0] < options.minimum
        if short and spans[stop - 1][1] - spans[before][0] <= options.maximum:
            groups[-2:] = [(before, stop)]
    return groups


def neighbour_cosines(vectors: ArrayLike) -> np.ndarray:
    """Cosine of every row with the next one.

    Args:
        vectors: array of shape (n, dim).

    Returns:
        Array of shape (n - 1,), in [-1, 1]; 0 beside a zero vector.
    """
    rows = np.asarray(vectors, dtype=np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    unit = np.divide(rows, norms, out=np.zeros_like(rows), where=norms > 0)
    cosines: np.ndarray = np.einsum("ij,ij->i", unit[:-1], unit[1:])
    return cosines
