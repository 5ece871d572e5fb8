"""Points of the abstention plots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evals.abstention import calibration_bins, coverage_risk_curve, outcomes
from evals.records import QuestionRecord
from evals.report.plots import Curve
from evals.summary import abstention_trials


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Answers of about one confidence: its mean, the share of right ones, how many there are."""

    confidence: float
    accuracy: float
    count: int


def risk_curve(records: Sequence[QuestionRecord], threshold: float | None) -> Curve | None:
    """Risk over coverage, and its point where answers below ``threshold`` are withheld; None without answers."""
    trials = abstention_trials(records)
    if not trials:
        return None
    confidences, correct = outcomes(trials)
    coverage, risk = coverage_risk_curve(confidences, correct)
    return Curve(coverage.tolist(), risk.tolist(), _threshold_point(confidences, correct, threshold))


def reliability_bins(records: Sequence[QuestionRecord]) -> list[ReliabilityBin]:
    """The bins of :func:`evals.abstention.expected_calibration_error` that hold answers."""
    trials = abstention_trials(records)
    if not trials:
        return []
    confidences, correct = outcomes(trials)
    bin_of = calibration_bins(confidences)
    return [
        ReliabilityBin(
            float(confidences[bin_of == index].mean()),
            float(correct[bin_of == index].mean()),
            int((bin_of == index).sum()),
        )
        for index in np.unique(bin_of)
    ]


def _threshold_point(
    confidences: np.ndarray, correct: np.ndarray, threshold: float | None
) -> tuple[float, float] | None:
    answered = confidences >= threshold if threshold else np.zeros(len(confidences), dtype=bool)
    return (float(answered.mean()), float(1 - correct[answered].mean())) if answered.any() else None
