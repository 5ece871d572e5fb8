from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.pretraining.masked import BlockRows, split_blocks, token_blocks

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


def test_rows_are_what_a_trainer_takes() -> None:
    rows = BlockRows(np.array([[2, 11, 3]], np.int32))
    assert len(rows) == 1
    assert rows[0] == {"input_ids": [2, 11, 3]}
