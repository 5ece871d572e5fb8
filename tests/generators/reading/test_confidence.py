from __future__ import annotations

import numpy as np

from generators.reading.confidence import SIGNALS, confidence_of, signals_of
from generators.reading.features import FEATURES


def test_equal_answers_share_their_probability() -> None:
    rows = np.zeros((3, len(FEATURES)), np.float32)
    scores = np.array([1.0, 1.0, 0.0])
    share = SIGNALS.index("share")
    margin = SIGNALS.index("margin")
    apart = signals_of(scores, rows, ["а", "б", "в"])
    together = signals_of(scores, rows, ["а", "а", "в"])
    assert together[share] > apart[share]
    assert (apart[margin], together[margin]) == (0.0, 1.0)


def test_a_lone_candidate_is_described() -> None:
    signals = signals_of(np.array([0.3]), np.zeros((1, len(FEATURES)), np.float32), ["а"])
    assert signals.shape == (len(SIGNALS),)
    assert np.isfinite(signals).all()


def test_confidence_is_a_probability_even_for_wild_signals() -> None:
    calibration = np.ones(len(SIGNALS) + 1)
    assert confidence_of(np.zeros(len(SIGNALS)), np.zeros(len(SIGNALS) + 1)) == 0.5
    assert 0.0 < confidence_of(np.full(len(SIGNALS), -1e9), calibration) < 1e-9
    assert 1.0 - 1e-9 < confidence_of(np.full(len(SIGNALS), 1e9), calibration) < 1.0
