from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.documents.semantic import SemanticOptions, group_sentences, neighbour_cosines

LAKE, FISH = [1.0, 0.0], [0.0, 1.0]


def spans(*lengths: int) -> list[tuple[int, int]]:
    """Sentences of these lengths, one space apart."""
    starts = np.cumsum([0, *(length + 1 for length in lengths[:-1])])
    return [(int(start), int(start) + length) for start, length in zip(starts, lengths, strict=True)]


def group(vectors: list[list[float]], lengths: list[int], **options: float) -> list[tuple[int, int]]:
    return group_sentences(vectors, spans(*lengths), SemanticOptions(**options))


def test_like_sentences_stay_together():
    assert group([LAKE, LAKE, FISH, FISH], [150] * 4) == [(0, 2), (2, 4)]


def test_the_threshold_is_the_cosine_itself():
    half = [1.0, 3**0.5]  # 60 degrees from the lake
    assert group([LAKE, half], [200, 200], threshold=0.49) == [(0, 2)]
    assert group([LAKE, half], [200, 200], threshold=0.51) == [(0, 1), (1, 2)]


def test_a_group_under_the_minimum_takes_the_next_sentence():
    assert group([LAKE, FISH, LAKE], [50, 100, 200]) == [(0, 2), (2, 3)]


def test_a_group_grows_to_the_maximum_and_no_further():
    assert group([LAKE] * 3, [249, 250, 250]) == [(0, 2), (2, 3)]
    assert group([LAKE] * 3, [250, 250, 250]) == [(0, 1), (1, 2), (2, 3)]


def test_a_short_last_group_joins_the_one_before_where_it_fits():
    assert group([LAKE, FISH], [200, 50]) == [(0, 2)]
    assert group([LAKE, FISH], [460, 50]) == [(0, 1), (1, 2)]


def test_a_sentence_over_the_maximum_stands_alone():
    assert group([LAKE] * 3, [200, 700, 200]) == [(0, 1), (1, 2), (2, 3)]


def test_no_sentences():
    assert group_sentences([], []) == []


def test_cosines_of_neighbours():
    vectors = [[2.0, 0.0], [0.0, 5.0], [0.0, -1.0], [0.0, 0.0], [3.0, 3.0], [1.0, 1.0]]
    assert neighbour_cosines(vectors) == pytest.approx([0.0, -1.0, 0.0, 0.0, 1.0])


def test_bad_options_are_refused():
    with pytest.raises(ValidationError, match="minimum <= maximum"):
        SemanticOptions(minimum=600)
    with pytest.raises(ValidationError):
        SemanticOptions(threshold=1.5)


@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(-1, 1), st.floats(-1, 1)), min_size=1, max_size=30),
    st.floats(-1, 1),
    st.integers(0, 150),
    st.integers(150, 500),
)
def test_groups_cover_all_sentences_in_order_and_keep_the_limits(
    sentences: list[tuple[int, float, float]], threshold: float, minimum: int, maximum: int
):
    placed = spans(*(length for length, _, _ in sentences))
    vectors = [vector for _, *vector in sentences]
    options = SemanticOptions(threshold=threshold, minimum=minimum, maximum=maximum)
    groups = group_sentences(vectors, placed, options)
    assert [index for first, stop in groups for index in range(first, stop)] == list(range(len(sentences)))
    cosines = neighbour_cosines(vectors)
    for number, (first, stop) in enumerate(groups):
        length = placed[stop - 1][1] - placed[first][0]
        assert length <= maximum or stop == first + 1
        if number + 1 < len(groups) and length < minimum:  # too short only where the next sentence did not fit
            assert placed[stop][1] - placed[first][0] > maximum
        if number + 1 < len(groups) and cosines[stop - 1] >= threshold:  # alike but apart: did not fit
            assert placed[stop][1] - placed[first][0] > maximum
