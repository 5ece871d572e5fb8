"""Dropping likely false negatives by a cross-encoder's scores.

Sources: RocketQA (Qu et al. 2021, arXiv:2010.08191) drops retrieved passages that a cross-encoder is sure of;
NV-Retriever (Moreira et al. 2024, arXiv:2407.15831) sets the limit from the positive's own score: TopK-MarginPos keeps
what scores a margin below it, TopK-PercPos what scores less than a share of it, TopK-Abs what is below a fixed score.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from training.negatives.protection import Reason


@dataclass(frozen=True, slots=True)
class Limits:
    """How high a negative may score; a limit that is None holds nothing back.

    Args:
        margin: distance from the positive's score that a negative must keep, in the scorer's own unit.
        max_share: share of the positive's score that a negative may have, in (0, 1]. Scores are logits and may be
            negative, so the shares are of probabilities: of the logistic function of a score.
        max_score: highest score of a negative, in the scorer's own unit.
    """

    margin: float | None = None
    max_share: float | None = None
    max_score: float | None = None

    def reason_against(self, score: float, positive: float) -> Reason | None:
        """Why a negative of this score must go, None where it may stay."""
        if self.margin is not None and score > positive - self.margin:
            return Reason.MARGIN
        if self.max_share is not None and probability(score) > self.max_share * probability(positive):
            return Reason.SHARE
        if self.max_score is not None and score > self.max_score:
            return Reason.SCORE
        return None


NO_LIMITS = Limits()


def probability(logit: float) -> float:
    """The logistic function, in [0, 1]."""
    if logit >= 0:
        return 1.0 / (1.0 + math.exp(-logit))
    odds = math.exp(logit)
    return odds / (1.0 + odds)
