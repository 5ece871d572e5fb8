from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from retrievers.stores import Batch
from retrievers.stores.overfetch import enough


@given(st.lists(st.booleans(), max_size=200), st.integers(1, 20), st.none() | st.integers(1, 100))
def test_the_first_that_count(counts: list[bool], k: int, most: int | None) -> None:
    """As if all hits (those the store gives at most) had been looked through at once."""
    asked: list[int] = []

    def ask(n: int) -> list[int]:
        asked.append(n)
        return list(range(len(counts)))[:n]

    found = enough(ask, lambda hits: [hit for hit in hits if counts[hit]], k, most)
    assert found == [hit for hit in range(len(counts))[:most] if counts[hit]][:k]
    assert asked == sorted(set(asked))
    assert most is None or max(asked) <= most
    assert len(asked) <= 5


def test_nothing_more_is_asked_where_all_count() -> None:
    asked: list[int] = []
    assert enough(lambda n: asked.append(n) or list(range(n)), list, 7) == list(range(7))
    assert asked == [7]


def test_a_batch_has_a_vector_and_terms_of_each_chunk() -> None:
    with pytest.raises(InputError, match="of each of 0 chunks, got 2 vectors"):
        Batch([], np.zeros((2, 3), np.float32), [])
