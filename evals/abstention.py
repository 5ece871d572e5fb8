"""How well a system knows when to keep silent: abstention, and confidence as a predictor of being right.

Every question asked is one row, answerable or not. An answer to an unanswerable question is never right, whatever it
says. Functions on arrays take ``confidences`` in any unit that grows with trust (only the calibration error needs
probabilities) and ``correct``, both of shape (n,) with n ≥ 1.

Sources: Fawcett (2006), "An introduction to ROC analysis", for the area under the ROC curve; El-Yaniv and Wiener
(2010) for coverage and risk; Geifman, Uziel and El-Yaniv (2019) for the area under their curve; Naeini et al. (2015)
and Guo et al. (2017) for the expected calibration error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class AbstentionTrial:
    """What a system did with one question.

    Args:
        answerable: whether the documents hold an answer.
        abstained: whether the system gave none.
        correct: whether the answer the confidence speaks of is right; False where an abstaining system has none.
        confidence: probability in [0, 1] the system gives that answer, also where it withholds it.
    """

    answerable: bool
    abstained: bool
    correct: bool
    confidence: float


@dataclass(frozen=True, slots=True)
class AbstentionSummary:
    """Shares in [0, 1]; None where nothing defines a share.

    Args:
        questions: number of questions.
        abstained_right: abstentions among the unanswerable questions; higher is better.
        abstained_wrong: abstentions among the answerable questions; lower is better.
        precision: right answers among all answers given, those to unanswerable questions included.
        coverage: answers given among all questions.
        auroc: probability that a right answer has more confidence than a wrong one.
        aurc: area under the coverage-risk curve; lower is better.
        ece: expected calibration error of the confidences in ten bins; lower is better.
    """

    questions: int
    abstained_right: float | None
    abstained_wrong: float | None
    precision: float | None
    coverage: float
    auroc: float | None
    aurc: float
    ece: float


def auroc(confidences: ArrayLike, correct: ArrayLike) -> float:
    """Probability that a right answer has more confidence than a wrong one, ties counting half.

    Raises:
        ValueError: all answers are right, or all are wrong: there are no pairs to compare.
    """
    from scipy.stats import rankdata

    trust, right = _checked(confidences, correct)
    positives = int(right.sum())
    negatives = len(right) - positives
    if not positives or not negatives:
        raise ValueError("AUROC is undefined unless some answers are right and some are wrong")
    ranks = rankdata(trust)  # ties share their mean rank
    return float((ranks[right].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def coverage_risk_curve(confidences: ArrayLike, correct: ArrayLike) -> tuple[Floats, Floats]:
    """Risk of answering only the questions with the most confidence, for every threshold there is.

    Questions of equal confidence come in together, because no threshold can part them.

    Returns:
        ``(coverage, risk)``, both of shape (m,) for m distinct confidences: the share of questions answered, ascending
        to 1, and the share of wrong answers among them.
    """
    trust, right = _checked(confidences, correct)
    order = np.argsort(-trust, kind="stable")
    wrong = np.cumsum(~right[order])
    answered = np.arange(1, len(trust) + 1)
    last_of_ties = np.append(np.diff(trust[order]) != 0, True)
    return answered[last_of_ties] / len(trust), wrong[last_of_ties] / answered[last_of_ties]


def area_under_risk_coverage(confidences: ArrayLike, correct: ArrayLike) -> float:
    """Mean risk over all coverages; without ties the mean of the risks at coverage 1/n, 2/n, …, 1."""
    coverage, risk = coverage_risk_curve(confidences, correct)
    return float(np.sum(np.diff(coverage, prepend=0.0) * risk))


def expected_calibration_error(confidences: ArrayLike, correct: ArrayLike, *, bins: int = 10) -> float:
    """Mean distance of confidence and accuracy over bins of equal width, weighted by how many questions they hold.

    A bin takes its upper edge and not its lower one, as in Guo et al. (2017), section 2; 0 falls into the first.

    Args:
        confidences: probabilities in [0, 1].
        correct: whether each answer is right.
        bins: number of bins, at least 1.

    Raises:
        ValueError: a confidence is no probability.
    """
    trust, right = _checked(confidences, correct)
    bin_of = calibration_bins(trust, bins=bins)
    gaps = np.bincount(bin_of, weights=right - trust, minlength=bins)  # (bins,): summed accuracy minus confidence
    return float(np.abs(gaps).sum() / len(trust))


def calibration_bins(confidences: ArrayLike, *, bins: int = 10) -> NDArray[np.intp]:
    """The bin of each confidence, from 0, as :func:`expected_calibration_error` has them.

    Raises:
        ValueError: a confidence is no probability, or there is no bin.
    """
    trust = np.asarray(confidences, dtype=np.float64)
    if bins < 1:
        raise ValueError(f"expected at least one bin, got {bins}")
    if trust.min() < 0.0 or trust.max() > 1.0:
        raise ValueError(f"expected confidences in [0, 1], got {trust.min():g} to {trust.max():g}")
    upper_edges = np.arange(1, bins) / bins
    return np.searchsorted(upper_edges, trust, side="left")


def outcomes(rows: Sequence[AbstentionTrial]) -> tuple[Floats, NDArray[np.bool_]]:
    """Confidences and correctness of all rows, as the functions above take them; both of shape (n,)."""
    right = [row.answerable and row.correct for row in rows]
    return np.array([row.confidence for row in rows], dtype=np.float64), np.array(right, dtype=np.bool_)


def summarize_abstention(rows: Sequence[AbstentionTrial]) -> AbstentionSummary:
    """Everything about abstention in one row of a table.

    AUROC, the area under the curve and the calibration error look at all questions, withheld answers included. To have
    them judge the confidence alone, measure a system that withholds nothing.

    Raises:
        ValueError: there are no rows, or a confidence is no probability.
    """
    confidences, right = outcomes(rows)
    given = [row for row in rows if not row.abstained]
    return AbstentionSummary(
        questions=len(rows),
        abstained_right=_share([row.abstained for row in rows if not row.answerable]),
        abstained_wrong=_share([row.abstained for row in rows if row.answerable]),
        precision=_share([row.answerable and row.correct for row in given]),
        aurc=area_under_risk_coverage(confidences, right),
        coverage=len(given) / len(rows),
        auroc=auroc(confidences, right) if 0 < right.sum() < len(right) else None,
        ece=expected_calibration_error(confidences, right),
    )


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _checked(confidences: ArrayLike, correct: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    trust, right = np.asarray(confidences, dtype=np.float64), np.asarray(correct, dtype=np.bool_)
    if trust.ndim != 1 or trust.shape != right.shape or not len(trust):
        raise ValueError(f"expected two arrays of one length, at least 1; got shapes {trust.shape} and {right.shape}")
    if not np.isfinite(trust).all():
        raise ValueError("expected finite confidences")
    return trust, right
