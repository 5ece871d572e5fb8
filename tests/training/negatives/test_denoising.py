from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.negatives.denoising import NO_LIMITS, Limits, probability
from training.negatives.protection import Reason


@pytest.mark.parametrize(
    ("limits", "score", "reason"),
    [
        (NO_LIMITS, 99.0, None),
        (Limits(margin=1.0), 1.1, Reason.MARGIN),  # the positive scores 2
        (Limits(margin=1.0), 0.9, None),
        (Limits(max_share=0.5), 0.0, Reason.SHARE),  # .5 is more than half of .88
        (Limits(max_share=0.5), -0.5, None),  # .38 is less
        (Limits(max_score=0.3), 0.4, Reason.SCORE),
        (Limits(max_score=0.3), 0.3, None),
        (Limits(margin=5.0, max_score=0.3), 0.4, Reason.MARGIN),
    ],
)
def test_limits(limits: Limits, score: float, reason: Reason | None) -> None:
    assert limits.reason_against(score, positive=2.0) is reason


def test_a_share_of_a_negative_score_is_a_share_all_the_same() -> None:
    """Of raw scores, 95 % of -2 would be above it."""
    assert Limits(max_share=0.95).reason_against(-1.95, positive=-2.0) is Reason.SHARE
    assert Limits(max_share=0.95).reason_against(-2.2, positive=-2.0) is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_probabilities(logit: float) -> None:
    assert 0.0 <= probability(logit) <= 1.0
    assert math.isclose(probability(logit) + probability(-logit), 1.0)
