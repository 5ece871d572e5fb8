from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from retrievers.fusion import Normalization, reciprocal_rank_fusion, weighted_score_fusion

RANKINGS = st.lists(st.lists(st.sampled_from("абвгд"), max_size=6), max_size=4)


def test_reciprocal_ranks_by_hand() -> None:
    fused = dict(reciprocal_rank_fusion([["а", "б"], ["б", "в"]], [2.0, 1.0], k=10))
    assert fused == pytest.approx({"а": 2 / 11, "б": 2 / 12 + 1 / 11, "в": 1 / 12})


def test_equal_ranks_go_to_the_earlier_ranking() -> None:
    assert [name for name, _ in reciprocal_rank_fusion([["а", "б"], ["в", "г"]])] == ["а", "в", "б", "г"]


def test_a_repeated_id_counts_once_at_its_first_place() -> None:
    assert reciprocal_rank_fusion([["а", "а", "б"]]) == reciprocal_rank_fusion([["а", "б"]])
    twice = weighted_score_fusion([[("а", 3.0), ("а", 9.0), ("б", 1.0)]])
    assert twice == weighted_score_fusion([[("а", 3.0), ("б", 1.0)]])


@given(RANKINGS, st.integers(0, 100))
def test_every_id_once_in_falling_order(rankings: list[list[str]], k: int) -> None:
    fused = reciprocal_rank_fusion(rankings, k=k)
    assert sorted(name for name, _ in fused) == sorted({name for ranking in rankings for name in ranking})
    scores = [score for _, score in fused]
    assert scores == sorted(scores, reverse=True)


@given(RANKINGS)
def test_equal_rankings_fuse_to_themselves(rankings: list[list[str]]) -> None:
    for ranking in rankings:
        names = list(dict.fromkeys(ranking))
        assert [name for name, _ in reciprocal_rank_fusion([ranking, ranking, ranking])] == names


def test_minmax_by_hand() -> None:
    fused = weighted_score_fusion([[("а", 30.0), ("б", 20.0), ("в", 10.0)], [("б", 0.9), ("г", 0.5)]], [1.0, 0.5])
    assert dict(fused) == pytest.approx({"а": 1.0, "б": 0.5 + 0.5, "в": 0.0, "г": 0.0})
    assert [name for name, _ in fused] == ["а", "б", "г", "в"]  # ties by rank: г was second, в third


def test_max_by_hand() -> None:
    fused = dict(weighted_score_fusion([[("а", 8.0), ("б", 2.0)], [("в", 0.5), ("г", -0.5)]], None, Normalization.MAX))
    assert fused == pytest.approx({"а": 1.0, "в": 1.0, "б": 0.25, "г": 0.0})


def test_zscore_by_hand() -> None:
    fused = dict(weighted_score_fusion([[("а", 3.0), ("б", 1.0)], [("в", 5.0)]], None, Normalization.ZSCORE))
    assert fused == pytest.approx({"а": 1.0, "б": -1.0, "в": -1.0})  # absent ones get the lowest of the ranking


@pytest.mark.parametrize("normalization", list(Normalization))
def test_single_equal_and_no_hits(normalization: Normalization) -> None:
    assert weighted_score_fusion([[], []], None, normalization) == []
    (hit,) = weighted_score_fusion([[("а", 5.0)], []], None, normalization)
    assert hit == ("а", 0.0 if normalization is Normalization.ZSCORE else 1.0)
    equal = weighted_score_fusion([[("б", 2.0), ("а", 2.0)]], None, normalization)
    assert [name for name, _ in equal] == ["б", "а"]


@given(st.lists(st.integers(-50, 50), min_size=1, max_size=8), st.integers(1, 9), st.integers(-20, 20))
def test_minmax_and_zscore_do_not_see_scale_and_shift(scores: list[int], scale: int, shift: int) -> None:
    plain = [(str(row), float(score)) for row, score in enumerate(scores)]
    moved = [(name, scale * score + shift) for name, score in plain]
    for normalization in (Normalization.MINMAX, Normalization.ZSCORE):
        first = dict(weighted_score_fusion([plain], None, normalization))
        second = dict(weighted_score_fusion([moved], None, normalization))
        assert first == pytest.approx(second, abs=1e-9)


@pytest.mark.parametrize("weights", [[1.0], [1.0, -1.0], [0.0, 0.0], [1.0, math.nan], [1.0, math.inf]])
def test_weights_that_do_not_fit_are_refused(weights: list[float]) -> None:
    with pytest.raises(InputError, match="weights"):
        reciprocal_rank_fusion([["а"], ["б"]], weights)
    with pytest.raises(InputError, match="weights"):
        weighted_score_fusion([[("а", 1.0)], [("б", 1.0)]], weights)


def test_broken_scores_and_constants_are_refused() -> None:
    with pytest.raises(InputError, match="nan for 'б'"):
        weighted_score_fusion([[("а", 1.0), ("б", math.nan)]])
    with pytest.raises(InputError, match="at least 0"):
        reciprocal_rank_fusion([["а"]], k=-1)
