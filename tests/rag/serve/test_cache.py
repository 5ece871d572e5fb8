"""What is kept for one generation, and forgotten with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.serve.cache import GenerationCache


def test_what_was_put_is_there_for_its_generation_only():
    cache = GenerationCache[str](10, "000001")
    cache.put("000001", "глубина", "1642 м")
    assert cache.get("000001", "глубина") == "1642 м"
    assert cache.get("000002", "глубина") is None
    assert cache.get("000001", "длина") is None


def test_a_new_generation_finds_it_empty_and_a_late_answer_of_the_old_one_stays_out():
    cache = GenerationCache[str](10, "000001")
    cache.put("000001", "глубина", "1642 м")
    cache.turn_to("000002")
    assert len(cache) == 0
    cache.put("000001", "глубина", "1642 м")
    assert len(cache) == 0
    cache.put("000002", "глубина", "1637 м")
    assert cache.get("000002", "глубина") == "1637 м"


def test_what_was_asked_for_longest_ago_goes_first():
    cache = GenerationCache[int](2, "000001")
    cache.put("000001", "а", 1)
    cache.put("000001", "б", 2)
    assert cache.get("000001", "а") == 1
    cache.put("000001", "в", 3)
    assert [cache.get("000001", key) for key in "абв"] == [1, None, 3]


def test_none_are_kept_where_none_are_wanted():
    cache = GenerationCache[int](0, "000001")
    cache.put("000001", "а", 1)
    assert len(cache) == 0


@given(st.lists(st.tuples(st.sampled_from(["put", "get"]), st.integers(0, 9)), max_size=60), st.integers(1, 5))
def test_it_holds_the_latest_and_never_more(steps, most):
    cache = GenerationCache[int](most, "1")
    latest: list[int] = []  # least recently used first
    for what, key in steps:
        known = key in latest
        if what == "put":
            cache.put("1", key, key)
        else:
            assert (cache.get("1", key) is not None) == known
        if known or what == "put":
            latest = [one for one in latest if one != key] + [key]
        latest = latest[-most:]
        assert len(cache) == len(latest)
