"""How sure the reader is: a logistic model of a few signals about its best candidate, fitted on held-out answers."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from generators.reading.features import FEATURES

# Features of the best candidate among the signals. More of them (coverage by clause, passage and title, fit of the
# type) did not tell right from wrong any better on held-out answers.
_SUPPORTS = ("question_terms", "sentence_topic_coverage")
SIGNALS = ("share", "margin", *_SUPPORTS)
_COLUMNS = [FEATURES.index(name) for name in _SUPPORTS]


def signals_of(
    scores: NDArray[np.float64], rows: NDArray[np.float32], groups: list[str], best: int | None = None
) -> NDArray[np.float64]:
    """Signals of the chosen candidate, an array of shape (len(SIGNALS),).

    Args:
        scores: raw scores of all candidates, shape (n,), n ≥ 1.
        rows: their features, shape (n, len(FEATURES)).
        groups: which candidates are the same answer (their lemmas), length n; equal answers share their probability.
        best: the chosen candidate, by default the one of the highest score.
    """
    best = int(np.argmax(scores)) if best is None else best
    weights = np.exp(scores - scores.max())
    weights /= weights.sum()
    same = np.array([group == groups[best] for group in groups])
    share = float(weights[same].sum())
    rival = float(scores[~same].max()) if not same.all() else float(scores[best]) - 5.0
    return np.array(
        [
            math.log(max(share, 1e-4) / max(1.0 - share, 1e-4)),
            max(-5.0, min(float(scores[best]) - rival, 5.0)),
            *rows[best, _COLUMNS].astype(np.float64),
        ]
    )


def confidence_of(signals: NDArray[np.float64], calibration: NDArray[np.float64]) -> float:
    """Probability in [0, 1] that the best candidate is right; ``calibration`` holds the weights, the intercept last."""
    logit = float(signals @ calibration[:-1] + calibration[-1])
    return 1.0 / (1.0 + math.exp(-max(-30.0, min(30.0, logit))))
