"""The best answers among all spans of all passages, by the logits of a span reader."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrievers.span_reader.model import PassageLogits, WindowLogits


@dataclass(frozen=True, slots=True)
class ScoredSpan:
    """A possible answer.

    Args:
        passage: index of its passage.
        start, stop: characters of the passage's text.
        probability: among all spans and "no answer", in [0, 1].
    """

    passage: int
    start: int
    stop: int
    probability: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model reads out of some passages.

    Args:
        spans: the most probable ones, best first; each once.
        null: probability that no passage holds an answer, in [0, 1].
    """

    spans: tuple[ScoredSpan, ...]
    null: float

    def of_passages(self, passages: Sequence[int]) -> Reading:
        """The same reading, where the passages it was made of are those of a longer list."""
        spans = (dataclasses.replace(span, passage=passages[span.passage]) for span in self.spans)
        return Reading(tuple(spans), self.null)


def rank_spans(
    passages: Sequence[PassageLogits], priors: Sequence[float], *, max_answer: int, keep: int = 20
) -> Reading:
    """The best spans under one distribution over all passages.

    The score of a span is its start and its end logit together, and all spans of all windows share one normalisation
    with the windows' "no answer" (Clark and Gardner, 2018, section 3.2): scores of different passages are comparable.

    Args:
        passages: logits of each.
        priors: added to the scores of each passage, in logits.
        max_answer: tokens of a span.
        keep: how many spans are returned.
    """
    found: dict[tuple[int, int, int], float] = {}  # log-scores; a span in the overlap of two windows counts together
    totals, nulls = [-np.inf], [-np.inf]
    for index, (passage, prior) in enumerate(zip(passages, priors, strict=True)):
        for window in passage.windows:
            scores = _span_scores(window, max_answer) + prior  # (n_body, lengths)
            nulls.append(window.null + prior)
            totals.append(_log_sum(scores))
            for at in _best(scores, keep):
                first, length = divmod(int(at), scores.shape[1])
                key = (index, int(window.offsets[first, 0]), int(window.offsets[first + length, 1]))
                found[key] = float(np.logaddexp(found.get(key, -np.inf), scores.flat[at]))
    total = float(np.logaddexp.reduce([*totals, *nulls]))
    if not np.isfinite(total):
        return Reading((), 1.0)
    best = sorted(found, key=lambda key: (-found[key], key))[:keep]
    spans = tuple(ScoredSpan(*key, probability=min(1.0, float(np.exp(found[key] - total)))) for key in best)
    return Reading(spans, min(1.0, float(np.exp(np.logaddexp.reduce(nulls) - total))))


def _span_scores(window: WindowLogits, max_answer: int) -> NDArray[np.float64]:
    """Score of the span from each token on and of each length, -inf where there is none; shape (n_body, lengths)."""
    count = len(window.start)
    if not count:
        return np.full((0, 1), -np.inf)
    lengths = min(max_answer, count)
    ends = np.concatenate([window.end, np.full(lengths, -np.inf)])
    return np.stack([window.start + ends[length : length + count] for length in range(lengths)], axis=1)


def _best(scores: NDArray[np.float64], keep: int) -> NDArray[np.intp]:
    """Flat indices of the highest scores that are spans, in no order."""
    flat = scores.ravel()
    at = np.argpartition(-flat, keep)[:keep] if len(flat) > keep else np.arange(len(flat))
    return at[np.isfinite(flat[at])]


def _log_sum(scores: NDArray[np.float64]) -> float:
    return float(np.logaddexp.reduce(scores, axis=None)) if scores.size else -np.inf
