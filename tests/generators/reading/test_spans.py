from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.reading.spans import Reading, ScoredSpan, rank_spans
from retrievers.span_reader.model import PassageLogits, WindowLogits

NONE = -np.inf
LOGITS = st.one_of(st.floats(-8, 8), st.just(NONE))


def window(start: list[float], end: list[float], null: float = 0.0, first: int = 0) -> WindowLogits:
    """Tokens of two characters and a space each, the first at character ``first``."""
    offsets = np.array([[first + 3 * at, first + 3 * at + 2] for at in range(len(start))], np.int64).reshape(-1, 2)
    return WindowLogits(np.array(start, float), np.array(end, float), null, 0.0, offsets)


def passage(*windows: WindowLogits) -> PassageLogits:
    return PassageLogits(windows)


@st.composite
def passages(draw) -> list[PassageLogits]:
    made = []
    for _ in range(draw(st.integers(1, 3))):
        count = draw(st.integers(0, 5))
        sides = [draw(st.lists(LOGITS, min_size=count, max_size=count)) for _ in range(2)]
        made.append(passage(window(*sides, null=draw(st.floats(-8, 8)))))
    return made


def test_the_best_span_joins_start_and_end() -> None:
    reading = rank_spans([passage(window([0, 4, 0], [3, 0, 5]))], [0.0], max_answer=3)
    assert (reading.spans[0].start, reading.spans[0].stop) == (3, 8)  # not [4, 3]: an end before its start
    assert reading.spans[0].probability == pytest.approx(
        np.exp(9) / sum(np.exp([3, 0, 5, 4, 9, 5, 0])), rel=1e-6  # six spans and "no answer"
    )  # fmt: skip


def test_no_span_is_longer_than_allowed() -> None:
    reading = rank_spans([passage(window([9, 0, 0], [0, 0, 9]))], [0.0], max_answer=2)
    assert all(span.stop - span.start <= 5 for span in reading.spans)


def test_passages_share_one_normalisation_and_weigh_by_their_priors() -> None:
    same = [passage(window([2], [2])), passage(window([2], [2]))]
    reading = rank_spans(same, [0.0, -1.0], max_answer=1)
    first, second = reading.spans
    assert (first.passage, second.passage) == (0, 1)
    assert first.probability / second.probability == pytest.approx(np.e)
    assert first.probability + second.probability + reading.null == pytest.approx(1.0)


def test_a_span_in_two_windows_counts_together() -> None:
    overlap = passage(window([2], [2]), window([2], [2]))
    reading = rank_spans([overlap], [0.0], max_answer=1)
    assert len(reading.spans) == 1
    assert reading.spans[0].probability == pytest.approx(2 * np.exp(4) / (2 * np.exp(4) + 2))


@pytest.mark.parametrize("given", [[], [passage(window([], []))], [passage(window([NONE], [0.0]))]])
def test_without_a_span_the_answer_is_none(given) -> None:
    assert rank_spans(given, [0.0] * len(given), max_answer=5) == Reading((), 1.0)


def test_spans_go_back_to_the_passages_they_are_of() -> None:
    reading = Reading((ScoredSpan(1, 0, 2, 0.5),), 0.5)
    assert reading.of_passages([4, 7]).spans == (ScoredSpan(7, 0, 2, 0.5),)


@settings(deadline=None)
@given(passages(), st.integers(1, 6), st.data())
def test_ranking_agrees_with_trying_every_span(given_passages, max_answer, data) -> None:
    priors = [data.draw(st.floats(-3, 3)) for _ in given_passages]
    scores: dict[tuple[int, int, int], float] = {}
    mass = 0.0
    for index, (one, prior) in enumerate(zip(given_passages, priors, strict=True)):
        only = one.windows[0]
        mass += np.exp(only.null + prior)
        for first, last in itertools.combinations_with_replacement(range(len(only.start)), 2):
            score = only.start[first] + only.end[last] + prior
            if last - first < max_answer and np.isfinite(score):
                scores[index, int(only.offsets[first, 0]), int(only.offsets[last, 1])] = score
    mass += sum(np.exp(list(scores.values())))
    reading = rank_spans(given_passages, priors, max_answer=max_answer, keep=1000)
    found = {(span.passage, span.start, span.stop): span.probability for span in reading.spans}
    assert found == pytest.approx({key: np.exp(score) / mass for key, score in scores.items()}, rel=1e-6)
    assert reading.null + sum(found.values()) == pytest.approx(1.0)
    assert [span.probability for span in reading.spans] == sorted(found.values(), reverse=True)
    kept = rank_spans(given_passages, priors, max_answer=max_answer, keep=3)
    assert [span.probability for span in kept.spans] == pytest.approx([span.probability for span in reading.spans[:3]])
