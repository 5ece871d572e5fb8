from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from evals.abstention import (
    AbstentionTrial,
    area_under_risk_coverage,
    auroc,
    coverage_risk_curve,
    expected_calibration_error,
    summarize_abstention,
)


def test_auroc_counts_pairs() -> None:
    assert auroc([0.9, 0.8, 0.3], [True, False, True]) == 0.5
    assert auroc([0.9, 0.8, 0.3], [True, True, False]) == 1.0
    assert auroc([0.5, 0.5], [True, False]) == 0.5  # a tie counts half


@pytest.mark.parametrize("correct", [[True, True], [False, False]])
def test_auroc_needs_right_and_wrong_answers(correct: list[bool]) -> None:
    with pytest.raises(ValueError, match="AUROC is undefined"):
        auroc([0.1, 0.2], correct)


def test_coverage_and_risk_by_hand() -> None:
    coverage, risk = coverage_risk_curve([0.2, 0.9, 0.6, 0.4], [False, True, False, True])
    np.testing.assert_allclose(coverage, [0.25, 0.5, 0.75, 1.0])
    np.testing.assert_allclose(risk, [0.0, 1 / 2, 1 / 3, 1 / 2])
    area = area_under_risk_coverage([0.2, 0.9, 0.6, 0.4], [False, True, False, True])
    assert area == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)


def test_equal_confidences_come_in_together() -> None:
    coverage, risk = coverage_risk_curve([0.9, 0.5, 0.5, 0.5], [True, True, False, False])
    np.testing.assert_allclose(coverage, [0.25, 1.0])
    np.testing.assert_allclose(risk, [0.0, 0.5])
    assert area_under_risk_coverage([0.5, 0.5], [True, False]) == 0.5


def test_calibration_error_by_hand() -> None:
    # bins (.5, .6] with accuracy 1 and confidence .6, (.8, .9] with accuracy .5 and confidence .85
    error = expected_calibration_error([0.6, 0.9, 0.8 + 1e-9], [True, True, False])
    assert error == pytest.approx((abs(1 - 0.6) + abs(1 - 0.9 + 0 - 0.8)) / 3, abs=1e-6)


def test_a_bin_takes_its_upper_edge() -> None:
    # .1 and .05 share the first bin, where they make up for each other; .1 and .15 are apart
    assert expected_calibration_error([0.1, 0.05], [False, True]) == pytest.approx(abs(-0.1 + 0.95) / 2)
    assert expected_calibration_error([0.1, 0.15], [False, True]) == pytest.approx((0.1 + 0.85) / 2)


def test_perfect_calibration() -> None:
    assert expected_calibration_error([0.0, 1.0], [False, True]) == 0.0
    assert expected_calibration_error([0.25] * 4, [True, False, False, False], bins=1) == 0.0


def test_what_the_functions_demand() -> None:
    for function in (auroc, coverage_risk_curve, area_under_risk_coverage, expected_calibration_error):
        with pytest.raises(ValueError, match="one length, at least 1"):
            function([], [])
        with pytest.raises(ValueError, match="one length, at least 1"):
            function([0.1, 0.2], [True])
        with pytest.raises(ValueError, match="finite"):
            function([0.1, math.nan], [True, False])
    with pytest.raises(ValueError, match=r"in \[0, 1\], got -2 to 0.5"):
        expected_calibration_error([-2.0, 0.5], [True, False])
    with pytest.raises(ValueError, match="at least one bin"):
        expected_calibration_error([0.5], [True], bins=0)


def trial(*, answerable: bool, abstained: bool, correct: bool = False, confidence: float = 0.5) -> AbstentionTrial:
    return AbstentionTrial(answerable, abstained, correct, confidence)


def test_the_summary_by_hand() -> None:
    summary = summarize_abstention(
        [
            trial(answerable=True, abstained=False, correct=True, confidence=0.9),
            trial(answerable=True, abstained=False, correct=False, confidence=0.7),
            trial(answerable=True, abstained=True, confidence=0.3),
            trial(answerable=False, abstained=True, confidence=0.1),
            trial(answerable=False, abstained=False, correct=True, confidence=0.8),  # never right, whatever it says
        ]
    )
    assert (summary.questions, summary.coverage) == (5, 3 / 5)
    assert summary.abstained_right == 1 / 2
    assert summary.abstained_wrong == 1 / 3
    assert summary.precision == 1 / 3
    assert summary.auroc == 1.0
    assert summary.aurc == pytest.approx((0 + 1 / 2 + 2 / 3 + 3 / 4 + 4 / 5) / 5)
    assert summary.ece == pytest.approx((0.1 + 0.7 + 0.3 + 0.1 + 0.8) / 5)


def test_what_is_undefined_is_none() -> None:
    summary = summarize_abstention([trial(answerable=True, abstained=True)])
    undefined = {name for name, value in dataclasses.asdict(summary).items() if value is None}
    assert undefined == {"abstained_right", "precision", "auroc"}
    assert summarize_abstention([trial(answerable=False, abstained=True)]).abstained_wrong is None
    with pytest.raises(ValueError, match="at least 1"):
        summarize_abstention([])


ROWS = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.9, 1.0]) | st.floats(0, 1), st.booleans()))


@given(ROWS.filter(lambda rows: len({right for _, right in rows}) == 2))
def test_auroc_is_that_of_scikit_learn(rows) -> None:
    confidences, correct = zip(*rows, strict=True)
    assert auroc(confidences, correct) == pytest.approx(roc_auc_score(correct, confidences), abs=1e-12)


@given(ROWS.filter(bool))
def test_the_curve_ends_at_the_overall_error(rows) -> None:
    confidences, correct = zip(*rows, strict=True)
    coverage, risk = coverage_risk_curve(confidences, correct)
    assert coverage[-1] == 1.0
    assert risk[-1] == pytest.approx(1 - np.mean(correct))
    assert (np.diff(coverage) > 0).all()
    assert len(coverage) == len(set(confidences))
    assert 0.0 <= area_under_risk_coverage(confidences, correct) <= 1.0


@given(ROWS.filter(bool), st.integers(1, 20))
def test_calibration_error_is_the_weighted_gap_of_each_bin(rows, bins) -> None:
    expected = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [row for row in rows if low < row[0] <= high or (number == 0 and row[0] == 0.0)]
        if inside:
            confidence, accuracy = (float(np.mean(column)) for column in zip(*inside, strict=True))
            expected += len(inside) / len(rows) * abs(accuracy - confidence)
    confidences, correct = zip(*rows, strict=True)
    assert expected_calibration_error(confidences, correct, bins=bins) == pytest.approx(expected)
