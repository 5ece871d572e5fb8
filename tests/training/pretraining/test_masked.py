from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.pretraining.masked import EpochRows, MaskedRows, Masking, split_blocks, token_blocks

FIRST, SEPARATOR = 2, 3


def test_documents_follow_one_another_between_the_special_pieces() -> None:
    blocks = token_blocks([[11, 12, 13], [14], [15, 16, 17]], 5, FIRST, SEPARATOR)
    assert blocks.tolist() == [
        [FIRST, 11, 12, 13, SEPARATOR],
        [FIRST, SEPARATOR, 14, SEPARATOR, SEPARATOR],
        [FIRST, 15, 16, 17, SEPARATOR],
    ]


@given(st.lists(st.lists(st.integers(10, 99), max_size=9), max_size=9), st.integers(3, 9))
def test_no_token_but_the_last_few_is_lost(documents: list[list[int]], length: int) -> None:
    blocks = token_blocks(documents, length, FIRST, SEPARATOR)
    stream = [token for tokens in documents for token in (*tokens, SEPARATOR)]
    inner = blocks[:, 1:-1].ravel().tolist()
    assert inner == stream[: len(inner)]
    assert len(stream) - len(inner) < length - 2


def test_a_few_blocks_are_held_out_always_the_same() -> None:
    blocks = np.arange(400, dtype=np.int32).reshape(200, 2)
    learnt, held_out = split_blocks(blocks, seed=1)
    assert len(held_out) == 4
    assert sorted(np.vstack([learnt, held_out])[:, 0].tolist()) == blocks[:, 0].tolist()
    assert np.array_equal(split_blocks(blocks, seed=1)[1], held_out)
    assert len(split_blocks(blocks[:2], seed=0)[1]) == 1


MASKING = Masking(share=0.15, mask=4, special=(0, 1, 2, 3, 4), pieces=1000, seed=0)


def test_the_chosen_pieces_are_masked_changed_or_left_and_the_special_ones_are_not_chosen() -> None:
    block = np.random.default_rng(0).integers(5, 1000, 100_000, dtype=np.int32)
    block[::10] = SEPARATOR
    hidden, labels = MASKING.apply(block, 7)
    chosen = labels != -100
    assert np.array_equal(labels[chosen], block[chosen])
    assert not chosen[::10].any()
    assert np.array_equal(hidden[~chosen], block[~chosen])
    assert chosen.sum() / 90_000 == pytest.approx(0.15, abs=0.01)
    shares = [np.mean(hidden[chosen] == 4), np.mean(hidden[chosen] == block[chosen])]
    assert shares == pytest.approx([0.8, 0.1], abs=0.02)


def test_other_pieces_are_hidden_in_the_next_epoch_and_the_same_ones_when_asked_again() -> None:
    blocks = np.full((3, 64), 11, np.int32)
    rows, held_out = EpochRows(blocks, MASKING), MaskedRows(blocks, MASKING)
    assert len(rows) == 3
    first = [rows[row] for row in range(3)]
    assert first[0] != first[1]
    rows.set_epoch(1)
    assert rows[0] != first[0]
    rows.set_epoch(0)
    assert [rows[row] for row in range(3)] == first
    assert not hasattr(held_out, "set_epoch")  # it would be told of epochs too, and measure something else each time
    assert held_out[0] == first[0]
