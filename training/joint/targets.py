"""What the spans of a passage should score: how much of the right answer's words each holds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from retrievers.joint.tokens import Tokens, tokenize

_LEAST = 0.34  # F1 below which a span teaches nothing
_ELSEWHERE = 0.2  # weight of the same words away from the place where the data has the answer


def span_overlap(passage: Tokens, answers: Sequence[str], span: int) -> NDArray[np.float32]:
    """F1 of lemmas of every span with the answer it fits best, shape (n, span).

    Marks do not count, but a span that begins or ends with one is no answer (0), unless brackets or quotes close in it.

    Args:
        passage: ``n`` tokens.
        answers: accepted ones.
        span: longest span, tokens.
    """
    count = len(passage)
    best = np.zeros((count, span), np.float32)
    wordy = np.array([one.folded[0].isalnum() for one in passage.words], bool)
    sums = np.concatenate([[0], np.cumsum(wordy)])
    stops = np.minimum(np.arange(count)[:, None] + np.arange(1, span + 1), count)  # (n, span), exclusive
    lengths = sums[stops] - sums[:-1, None]
    valid = wordy[:, None] & wordy[stops - 1] & (np.arange(count)[:, None] + np.arange(1, span + 1) <= count)
    for answer in answers:
        wanted = [one.lemma for one in tokenize(answer).words if one.folded[0].isalnum()]
        if not wanted:
            continue
        overlap = np.zeros((count, span), np.float32)
        for lemma in dict.fromkeys(wanted):
            here = np.array([one.lemma == lemma for one in passage.words], bool)
            held = np.concatenate([[0], np.cumsum(here)])
            overlap += np.minimum(held[stops] - held[:-1, None], wanted.count(lemma))
        best = np.maximum(best, np.where(valid, 2 * overlap / np.maximum(lengths + len(wanted), 1), 0.0))
    return best.astype(np.float32)


def span_targets(
    passage: Tokens, answers: Sequence[str], span: int, *, start: int | None = None, sharpness: float = 4.0
) -> NDArray[np.float32]:
    """Probabilities that the spans of a passage should have, shape (n, span); all 0 where no span fits.

    Args:
        passage: its tokens.
        answers: accepted ones, the one at ``start`` first.
        span: longest span, tokens.
        start: character where the first answer stands; spans that do not touch it count less.
        sharpness: power of the overlap; higher ones leave less to spans that are nearly right.
    """
    overlap = span_overlap(passage, answers, span)
    target = np.where(overlap >= _LEAST, overlap**sharpness, 0.0)
    if start is not None and len(passage):
        stop = start + len(answers[0])
        stops = np.minimum(np.arange(len(passage))[:, None] + np.arange(span), len(passage) - 1)
        touches = (passage.starts[:, None] < stop) & (passage.stops[stops] > start)
        target *= np.where(touches, 1.0, _ELSEWHERE)
    total = target.sum()
    return (target / total if total > 0 else target).astype(np.float32)
