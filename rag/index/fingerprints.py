"""One number for each stored vector, kept beside the store: whether a store still has what was put into it.

A store may round the last bits of what it is given, so a digest of its vectors proves nothing. The number is the sum of
a vector's components, each with a sign that is fixed for good: rounding moves it by about as much as it moves them, and
a component that is another one shows as clearly as in the vector itself.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_NEAR = 1e-4  # of the vector's length; float32 sums of a thousand components are 100 times nearer
_SEED = 20_240_817


def fingerprints(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The numbers of vectors, array of shape (n,).

    Args:
        vectors: array of shape (n, dimension).
    """
    signs = np.random.Generator(np.random.PCG64(_SEED)).integers(0, 2, vectors.shape[1]) * 2.0 - 1.0
    return np.asarray(vectors.astype(np.float64) @ signs, np.float32)


def agree(vectors: NDArray[np.float32], kept: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which vectors still have the number that was kept of them; one with a component that is no number has not.

    Args:
        vectors: array of shape (n, dimension).
        kept: array of shape (n,).
    """
    with np.errstate(invalid="ignore", over="ignore"):
        moved = np.abs(fingerprints(vectors).astype(np.float64) - kept)
        length = np.linalg.norm(vectors.astype(np.float64), axis=1)
        return np.asarray(np.isfinite(length) & (moved <= _NEAR * np.maximum(length, np.finfo(np.float32).tiny)))
