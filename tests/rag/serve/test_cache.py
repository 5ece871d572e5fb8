"""What is kept for one generation, and forgotten with it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from rag.serve.cache import GenerationCache


def kept(most: int, generation: str, room: int = 100) -> GenerationCache[object]:
    """A cache in which a text takes as much room as it is long, and anything else none."""
    return GenerationCache(most, room, lambda value: len(value) if isinstance(value, str) else 0, generation)


def test_what_was_put_is_there_for_its_generation_only():
    cache = kept(10, "000001")
    cache.put("000001", "глубина", "1642 м")
    assert cache.get("000001", "глубина") == "1642 м"
    assert cache.get("000002", "глубина") is None
    assert cache.get("000001", "длина") is None


def test_a_new_generation_finds_it_empty_and_a_late_answer_of_the_old_one_stays_out():
    cache = kept(10, "000001")
    cache.put("000001", "глубина", "1642 м")
    cache.turn_to("000002")
    assert len(cache) == 0
    cache.put("000001", "глубина", "1642 м")
    assert len(cache) == 0
    cache.put("000002", "глубина", "1637 м")
    assert cache.get("000002", "глубина") == "1637 м"


def test_what_was_asked_for_longest_ago_goes_first():
    cache = kept(2, "000001")
    cache.put("000001", "а", 1)
    cache.put("000001", "б", 2)
    assert cache.get("000001", "а") == 1
    cache.put("000001", "в", 3)
    assert [cache.get("000001", key) for key in "абв"] == [1, None, 3]


def test_none_are_kept_where_none_are_wanted():
    cache = kept(0, "000001")
    cache.put("000001", "а", 1)
    assert len(cache) == 0


def test_large_values_push_out_more_than_one_and_too_large_ones_are_not_kept():
    cache = kept(10, "000001", room=10)
    for key in "абв":
        cache.put("000001", key, key * 3)
    cache.put("000001", "а", "а" * 4)  # in place of the shorter one
    assert len(cache) == 3
    cache.put("000001", "г", "г" * 6)
    assert [key for key in "абвг" if cache.get("000001", key)] == ["а", "г"]
    cache.put("000001", "д", "д" * 11)
    assert [key for key in "абвгд" if cache.get("000001", key)] == ["а", "г"]


@given(st.lists(st.tuples(st.sampled_from(["put", "get"]), st.integers(0, 9)), max_size=60), st.integers(1, 5))
def test_it_holds_the_latest_and_never_more(steps, most):
    cache = kept(most, "1")
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


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 12)), max_size=60), st.integers(1, 5))
def test_its_sizes_never_exceed_its_room(puts, most):
    cache = kept(most, "1", room=10)
    for key, length in puts:
        cache.put("1", key, "а" * length)
        assert sum(len(str(cache.get("1", one) or "")) for one in range(6)) <= 10
        assert (cache.get("1", key) == "а" * length) or length > 10
