"""Gradient-boosted regression trees on plain arrays: the ranker's weights and how they score a candidate.

The trees are grown by ``training.offline_reader`` with scikit-learn; here they are only walked, by numpy, so answering
needs no scikit-learn. A weights file is an ``.npz`` without pickled objects.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import InputError

FORMAT = 1
_LEAF = -1


@dataclass(frozen=True, slots=True, eq=False)
class Forest:
    """Trees laid end to end; the score of a row is the sum of one leaf a tree.

    Args:
        feature: column that a node asks about, -1 in a leaf; int32 array of shape (n_nodes,).
        threshold: a row goes left when its value is at most this; float32 array of shape (n_nodes,).
        left, right: node to go to next; int32 arrays of shape (n_nodes,).
        value: what a leaf adds, in logits; float32 array of shape (n_nodes,).
        roots: first node of every tree; int32 array of shape (n_trees,).
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float32]
    roots: NDArray[np.int32]

    def scores(self, rows: NDArray[np.float32]) -> NDArray[np.float64]:
        """Raw scores, logits comparable within one task: rows of shape (n, n_features) to an array of shape (n,)."""
        if not len(rows):
            return np.zeros(0)
        count = len(rows)
        at = np.repeat(self.roots[None, :], count, axis=0)  # (rows, trees): the node every row stands in
        row = np.arange(count)[:, None]
        while True:
            asked = self.feature[at]
            inner = asked != _LEAF
            if not inner.any():
                return np.asarray(self.value[at].sum(axis=1, dtype=np.float64))
            goes_left = rows[row, np.maximum(asked, 0)] <= self.threshold[at]
            at = np.where(inner, np.where(goes_left, self.left[at], self.right[at]), at)


@dataclass(frozen=True, slots=True, eq=False)
class Weights:
    """All that is fitted: the forest over named features, and the calibration of its confidence.

    Args:
        features: names of the columns the forest was grown on, in order.
        forest: the ranker.
        calibration: coefficients of the logistic confidence, the intercept last; shape (n_signals + 1,).
    """

    features: tuple[str, ...]
    forest: Forest
    calibration: NDArray[np.float64]

    def save(self, path: Path) -> None:
        """Write the weights as a compressed ``.npz``."""
        arrays = {name.name: getattr(self.forest, name.name) for name in fields(Forest)}
        with path.open("wb") as stream:
            np.savez_compressed(
                stream,
                format=np.array(FORMAT),
                features=np.array(self.features),
                calibration=self.calibration,
                **arrays,
            )

    @classmethod
    def load(cls, path: Path, *, expected: tuple[str, ...], signals: int) -> Weights:
        """Read weights and check that they belong to this version of the reader.

        Args:
            path: an ``.npz`` written by :meth:`save`.
            expected: feature names the reader computes.
            signals: how many numbers the confidence is computed from.

        Raises:
            InputError: the file is missing, is no such archive, or was fitted for other features.
        """
        remedy = "fit new ones with: python -m training.offline_reader --questions FILE --out FILE"
        try:
            with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
        except FileNotFoundError as error:
            raise InputError(f"reader weights {path} do not exist; {remedy}") from error
        except (OSError, ValueError, EOFError, zipfile.BadZipFile, KeyError) as error:
            raise InputError(f"{path} is no weights file of the reader ({error}); {remedy}") from error
        needed = {"format", "features", "calibration", *(name.name for name in fields(Forest))}
        if missing := sorted(needed - arrays.keys()):
            raise InputError(f"{path} is no weights file of the reader: {', '.join(missing)} missing; {remedy}")
        if int(arrays["format"]) != FORMAT:
            raise InputError(f"{path} has weights format {int(arrays['format'])}, expected {FORMAT}; {remedy}")
        names = tuple(str(name) for name in arrays["features"])
        if names != expected or arrays["calibration"].shape != (signals + 1,):
            raise InputError(f"{path} was fitted for other features than this reader computes; {remedy}")
        forest = Forest(**{name.name: arrays[name.name] for name in fields(Forest)})
        _check(forest, len(names), path, remedy)
        return cls(names, forest, arrays["calibration"])


def _check(forest: Forest, n_features: int, path: Path, remedy: str) -> None:
    """Every link of every tree leads forward to a node that is there, so a walk ends."""
    count = len(forest.feature)
    inner = np.flatnonzero(forest.feature != _LEAF)
    sound = (
        len(forest.roots) > 0
        and all(len(array) == count for array in (forest.threshold, forest.left, forest.right, forest.value))
        and bool(((forest.roots >= 0) & (forest.roots < count)).all())
        and bool((forest.feature[inner] < n_features).all())
        and bool((forest.feature[inner] >= 0).all())
        and all(bool(((side[inner] > inner) & (side[inner] < count)).all()) for side in (forest.left, forest.right))
        and bool(np.isfinite(forest.value).all())
    )
    if not sound:
        raise InputError(f"{path} holds broken trees; {remedy}")
