from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from retrievers.selection import Scores, best_rows, contenders, in_order, ranked_rows


def stable(scores: Scores) -> list[int]:
    """Rows of positive scores in the order that is wanted."""
    return [row for row in sorted(range(len(scores)), key=lambda row: -scores[row]) if scores[row] > 0]


@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]), max_size=30), st.integers(1, 40))
def test_best_rows_is_the_stable_order_of_positive_scores(values: list[float], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    assert best_rows(scores, k).tolist() == stable(scores)[:k]
    assert list(ranked_rows(scores, first=1 + k // 8)) == stable(scores)


# Enough rows to be looked through in lanes; few values, so that many rows are equal.
@given(
    st.integers(0, 2**32), st.integers(256, 4000), st.integers(1, 20), st.sampled_from([0.0, 0.02, 0.5, 1.0]),
    st.sampled_from([1, 3, 1000]),
)  # fmt: skip
def test_many_rows_are_ranked_like_few(seed: int, size: int, k: int, share: float, values: int) -> None:
    draw = np.random.default_rng(seed)
    scores = (draw.integers(1, values + 1, size) * (draw.random(size) < share)).astype(np.float32)
    wanted = stable(scores)
    assert best_rows(scores, k).tolist() == wanted[:k]
    least = scores[wanted[:k][-1]] if wanted else np.inf
    assert sorted(contenders(scores, k).tolist()) == np.flatnonzero((scores >= least) & (scores > 0)).tolist()


def test_rows_in_any_order_come_out_by_score_and_row() -> None:
    rows, scores = in_order(np.array([5, 1, 7, 0]), np.array([1, 2, 2, 3], np.float32), 3)
    assert rows.tolist() == [0, 1, 7]
    assert scores.tolist() == [3, 2, 2]
