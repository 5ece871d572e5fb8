from __future__ import annotations

import numpy as np
import pytest

from rag.abstention import FEATURES
from retrievers.errors import InputError
from training.calibration import Trial, cross_validate, fit, keeping_threshold


def trials(count: int = 200) -> list[Trial]:
    """Answers that are right the likelier, the higher their first feature."""
    random = np.random.default_rng(0)
    made = []
    for number in range(count):
        features = random.normal(size=len(FEATURES))
        right = bool(features[0] + random.normal(scale=0.3) > 0)
        made.append(Trial(f"doc{number % 20}", [float(value) for value in features], right))
    return made


def test_the_telling_feature_gets_the_weight() -> None:
    weights, _ = fit(trials())
    assert weights["generator_logit"] > 5 * max(abs(weights[name]) for name in FEATURES[1:])


def test_chosen_features_alone_are_used() -> None:
    weights, _ = fit(trials(), ["best_score", "unknown_terms"])
    assert list(weights) == ["best_score", "unknown_terms"]


def test_held_out_probabilities_tell_right_from_wrong() -> None:
    made = trials()
    probabilities = cross_validate(made)
    right = np.array([trial.right for trial in made])
    assert probabilities[right].mean() > probabilities[~right].mean() + 0.5
    threshold, kept, let_through = keeping_threshold(probabilities, right, 0.9)
    assert 0 < threshold < 1
    assert kept >= 0.9
    assert let_through < 0.3


@pytest.mark.parametrize(
    ("keep", "expected"),
    [(1.0, (0.4, 1.0, 0.5)), (0.75, (0.6, 0.75, 0.5)), (0.5, (0.8, 0.5, 0.0)), (0.01, (0.9, 0.25, 0.0))],
)
def test_the_threshold_by_hand(keep, expected) -> None:
    probabilities = np.array([0.1, 0.4, 0.6, 0.7, 0.8, 0.9])
    right = np.array([False, True, True, False, True, True])
    assert keeping_threshold(probabilities, right, keep) == expected


def test_it_needs_both_kinds_and_several_documents() -> None:
    one = Trial("doc", [0.0] * len(FEATURES), right=True)
    with pytest.raises(InputError, match="several documents"):
        cross_validate([one, one])
