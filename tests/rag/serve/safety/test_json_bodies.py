"""JSON that is taken and JSON that is not."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.serve.safety.json_bodies import DEEPEST, JsonError, strict_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_what_json_can_hold_comes_back(value):
    assert strict_json(json.dumps(value, ensure_ascii=False).encode()) == value


@given(st.binary(max_size=200) | st.text(alphabet='{}[]",:0123456789.eE+-\\untrfalsN Iy', max_size=60).map(str.encode))
def test_whatever_comes_is_a_value_or_a_refusal(body):
    try:
        value = strict_json(body)
    except JsonError:
        return
    assert json.loads(body) == value
    json.dumps(value, allow_nan=False, ensure_ascii=False).encode()


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b'{"a": 1} {"b": 2}', "no JSON: Extra data"),
        (b"\xff\xfe{\x00}\x00", "not UTF-8"),
        (b'{"a": "\xd0"}', "not UTF-8"),
        ("{\"a\": 'б'}".encode(), "no JSON"),
        (b'{"a": NaN}', "NaN is no JSON value"),
        (b"[-Infinity]", "-Infinity is no JSON value"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 5000 + b"}", "too long"),
        (b'{"a": 1, "a": 2}', "names a key twice"),
        (b'[{"b": {"a": 1, "a": 1}}]', "names a key twice"),
        (rb'{"a": "\ud83d"}', "surrogate"),
        (rb'{"\udc00": 1}', "surrogate"),
        (b"[" * (DEEPEST + 1) + b"]" * (DEEPEST + 1), "deeper"),
        (b"[" * 10_000 + b"]" * 10_000, "deeper"),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, "deeper"),
        (b"[" * 100_000, "deeper"),
    ],
    ids=lambda value: repr(value[:20]),
)
def test_refused(body, said):
    with pytest.raises(JsonError, match=said):
        strict_json(body)


def test_as_deep_as_it_may_be():
    value = strict_json(b"[" * DEEPEST + b"]" * DEEPEST)
    for _ in range(DEEPEST - 1):
        (value,) = value
    assert value == []


def test_a_whole_pair_is_a_character():
    assert strict_json(rb'"\ud83d\ude00"') == "\N{GRINNING FACE}"
    assert math.isclose(strict_json(b"1e308"), 1e308)
