from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from retrievers.segment_order import SegmentOrder, SegmentRows


def segment(*documents: tuple[int, int, bool]) -> SegmentRows:
    """Documents as (position, chunks, deleted)."""
    positions, counts, deleted = zip(*documents, strict=True) if documents else ((), (), ())
    return SegmentRows(np.array(positions, np.int64), np.array(counts, np.int64), np.array(deleted, np.bool_))


def test_a_changed_document_keeps_its_place() -> None:
    order = SegmentOrder([segment((0, 2, False), (1, 3, True), (2, 1, False)), segment((1, 2, False), (3, 1, False))])
    assert order.n_rows == 6
    assert order.rows(0, np.array([0, 1, 5])).tolist() == [0, 1, 4]
    assert order.rows(1, np.array([0, 1, 2])).tolist() == [2, 3, 5]
    alive = order.alive(0)
    assert alive is not None
    assert alive.tolist() == [True, True, False, False, False, True]
    assert order.alive(1) is None


def test_nothing_to_order() -> None:
    assert SegmentOrder([]).n_rows == 0
    assert SegmentOrder([segment()]).n_rows == 0
    with pytest.raises(IndexError, match="chunk row 0 of 0"):
        SegmentOrder([segment((0, 0, False))]).locate([0])


def test_positions_and_lengths_that_cannot_be() -> None:
    with pytest.raises(InputError, match="one position"):
        SegmentOrder([segment((4, 1, False)), segment((4, 1, False))])
    with pytest.raises(InputError, match="one length"):
        SegmentRows(np.zeros(2, np.int64), np.zeros(1, np.int64))


@given(st.data())
def test_rows_are_those_of_the_living_documents_in_order(data: st.DataObject) -> None:
    positions = data.draw(st.permutations(range(data.draw(st.integers(0, 12)))))
    documents = [(place, data.draw(st.integers(0, 3)), data.draw(st.booleans())) for place in positions]
    cuts = sorted(data.draw(st.lists(st.integers(0, len(documents)), max_size=3)))
    parts = [documents[start:end] for start, end in zip([0, *cuts], [*cuts, len(documents)], strict=True)]
    order = SegmentOrder([segment(*part) for part in parts])

    # By hand: every chunk as (position, number), with where it lies.
    lies: dict[tuple[int, int], tuple[int, int]] = {}
    for number, part in enumerate(parts):
        local = 0
        for place, count, deleted in part:
            for chunk in range(count):
                if not deleted:
                    lies[place, chunk] = (number, local)
                local += 1
    expected = [lies[key] for key in sorted(lies)]
    assert order.n_rows == len(expected)
    segments, locals_ = order.locate(np.arange(order.n_rows))
    assert list(zip(segments.tolist(), locals_.tolist(), strict=True)) == expected
    for row, (number, local) in enumerate(expected):
        assert order.rows(number, np.array([local])).tolist() == [row]
        alive = order.alive(number)
        assert alive is None or alive[local]
