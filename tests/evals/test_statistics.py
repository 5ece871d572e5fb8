"""Intervals and tests against scipy's, and against what is known by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from evals.statistics import bootstrap_intervals, compare_pairs, holm, randomization_p_values


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    generator = np.random.default_rng(7)
    difficulty = generator.random((200, 1))
    return (difficulty < np.array([0.5, 0.52, 0.7])).astype(float)


def test_p_values_agree_with_scipys_permutation_test() -> None:
    generator = np.random.default_rng(3)
    differences = generator.normal([0.0, 0.08, 0.2], 1.0, size=(150, 3))
    ours = randomization_p_values(differences, seed=1)
    for column, p in enumerate(ours):
        peer = stats.permutation_test(
            (differences[:, column],),
            lambda sample, axis: sample.mean(axis=axis),
            permutation_type="samples",
            n_resamples=20_000,
            vectorized=True,
            rng=np.random.default_rng(5),
        )
        assert p == pytest.approx(peer.pvalue, abs=0.02)


def test_intervals_agree_with_scipys_percentile_bootstrap(values) -> None:
    low, high = bootstrap_intervals(values, seed=1)
    for column in range(values.shape[1]):
        peer = stats.bootstrap(
            (values[:, column],), np.mean, method="percentile", n_resamples=10_000, rng=np.random.default_rng(2)
        ).confidence_interval
        assert (low[column], high[column]) == pytest.approx((peer.low, peer.high), abs=0.011)


def test_every_sign_pattern_of_few_questions_is_weighed_as_often_as_it_should() -> None:
    # Five equal differences: only all plus and all minus are as extreme, 2 of 32 patterns.
    assert randomization_p_values(np.ones((5, 1)), seed=0)[0] == pytest.approx(2 / 32, abs=0.01)


def test_equal_pipelines_do_not_differ(values) -> None:
    [difference] = compare_pairs(values, [(0, 0)], seed=0)
    assert (difference.difference, difference.low, difference.high, difference.p) == (0.0, 0.0, 0.0, 1.0)
    assert (difference.wins, difference.losses, difference.ties) == (0, 0, 200)


def test_a_clear_difference_is_found_and_its_direction_is_candidate_minus_baseline(values) -> None:
    [difference] = compare_pairs(values, [(0, 2)], seed=0)
    assert difference.difference == pytest.approx(values[:, 2].mean() - values[:, 0].mean())
    assert 0 < difference.low < difference.difference < difference.high
    assert difference.p < 0.001
    assert difference.wins > 0 == difference.losses


def test_the_same_seed_gives_the_same_figures_whatever_else_is_compared(values) -> None:
    alone = compare_pairs(values, [(0, 1)], seed=4)
    beside = compare_pairs(values, [(0, 2), (0, 1)], seed=4)
    assert alone[0] == beside[1]


def test_sides_swap(values) -> None:
    there, back = compare_pairs(values, [(0, 1), (1, 0)], seed=4)
    assert there.difference == -back.difference
    assert (there.wins, there.losses, there.p) == (back.losses, back.wins, back.p)


@pytest.mark.parametrize("shape", [(0, 2), (3,)])
def test_questions_are_needed(shape) -> None:
    with pytest.raises(ValueError, match="n_questions"):
        bootstrap_intervals(np.zeros(shape), seed=0)


def test_holm_by_hand() -> None:
    # Smallest times 4, next times 3, …, never below the one before, never above 1.
    assert holm([0.04, 0.01, 0.03, 0.005]) == pytest.approx([0.06, 0.03, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_holm_keeps_order_and_never_lowers(p_values) -> None:
    adjusted = holm(p_values)
    assert all(after >= before for before, after in zip(p_values, adjusted, strict=True))
    assert max(adjusted) <= 1.0
    ranked = [after for _, after in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)
