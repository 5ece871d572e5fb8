from __future__ import annotations

import pytest

from evals.abstention import expected_calibration_error, outcomes
from evals.records import AnswerRecord, QuestionRecord
from evals.report.calibration import reliability_bins, risk_curve
from evals.summary import abstention_trials


def record(number: int, confidence: float, correct: bool) -> QuestionRecord:
    return QuestionRecord(
        qid=str(number),
        variant="v",
        question="Кто?",
        answers=("Пушкин",),
        answer=AnswerRecord(text="Пушкин", abstained=confidence < 0.5, confidence=confidence),
        metrics={"em_lemma_forced": float(correct)},
    )


RECORDS = [
    record(number, *pair)
    for number, pair in enumerate([(0.95, True), (0.9, True), (0.6, False), (0.55, True), (0.4, False), (0.1, False)])
]


def test_the_curve_passes_through_the_threshold() -> None:
    curve = risk_curve(RECORDS, 0.5)
    assert curve is not None
    assert curve.mark == (pytest.approx(4 / 6), pytest.approx(1 / 4))
    assert curve.mark in [(pytest.approx(x), pytest.approx(y)) for x, y in zip(curve.x, curve.y, strict=True)]


@pytest.mark.parametrize("threshold", [None, 0.0, 0.99])
def test_a_threshold_that_withholds_nothing_or_everything_has_no_point(threshold) -> None:
    curve = risk_curve(RECORDS, threshold)
    assert curve is not None
    assert curve.mark is None


def test_without_answers_there_is_no_curve() -> None:
    records = [one.model_copy(update={"answer": None}) for one in RECORDS]
    assert risk_curve(records, 0.5) is None
    assert reliability_bins(records) == []


def test_the_bins_add_up_to_the_calibration_error() -> None:
    bins = reliability_bins(RECORDS)
    gap = sum(one.count * abs(one.accuracy - one.confidence) for one in bins) / len(RECORDS)
    assert gap == pytest.approx(expected_calibration_error(*outcomes(abstention_trials(RECORDS))))
    assert sum(one.count for one in bins) == len(RECORDS)
