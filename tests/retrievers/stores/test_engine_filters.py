"""Filters of the engines against ``matches``, which says what they mean."""

from __future__ import annotations

import string
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from retrievers.filters import Where, matches, validate
from retrievers.stores import SegmentedVectors
from retrievers.stores.chroma.filters import chroma_where
from retrievers.stores.milvus.filters import both, expression_of, living, quote
from tests.retrievers.stores.conftest import Opening
from tests.retrievers.stores.samples import DIMENSION, ENCODER, Shelf, batch, chunk

FIELDS = ["поле", "a b.c-d", 'ка"вычки', "ско[бка]", "слэш\\", "x", "absent"]
TEXTS = ["спорт", "Спорт", '"', "\\", "\\n", "\n", '" or true or "', "'", "", "🧊", "1", "true", "\x01", "{x}", "%"]
NUMBERS = [0, 1, -1, 2, 1.0, 1.5, -1.5, 0.5, 2**53 + 1, 2.0**53, 2**63 - 1, -(2**63), 1e300, -0.0, 5e-324]
SCALARS: list[Any] = [*TEXTS, *NUMBERS, True, False]
LISTS: list[Any] = [["спорт", '"'], [1, 2], [1.0, 1.5], [True], ["1", "\\"]]
# Every value under some field, and several fields of one chunk.
CHUNKS = [
    chunk(
        f"d{number}",
        0,
        f"текст {number}",
        **{FIELDS[number % 6]: value, FIELDS[(number + 1) % 6]: SCALARS[-number % len(SCALARS)]},
    )
    for number, value in enumerate([*SCALARS, *LISTS])
]


def conditions() -> st.SearchStrategy[Any]:
    scalar = st.sampled_from(SCALARS)
    same = st.sampled_from([TEXTS, [n for n in NUMBERS if isinstance(n, int)], [0.5, 1.5, -1.5, 1.0], [True, False]])
    several = same.flatmap(lambda kind: st.lists(st.sampled_from(kind), min_size=1, max_size=4))
    return st.one_of(
        scalar,
        st.builds(lambda name, value: {name: value}, st.sampled_from(["$eq", "$ne"]), scalar),
        st.builds(lambda name, value: {name: value}, st.sampled_from(["$contains", "$not_contains"]), scalar),
        st.builds(
            lambda name, value: {name: value},
            st.sampled_from(["$gt", "$gte", "$lt", "$lte"]),
            st.sampled_from(NUMBERS),
        ),
        st.builds(lambda name, values: {name: values}, st.sampled_from(["$in", "$nin"]), several),
    )


WHERES: st.SearchStrategy[Where] = st.recursive(
    st.builds(lambda field, condition: {field: condition}, st.sampled_from(FIELDS), conditions()),
    lambda parts: st.builds(
        lambda name, some: {name: some}, st.sampled_from(["$and", "$or"]), st.lists(parts, min_size=2, max_size=3)
    ),
    max_leaves=4,
)


@pytest.fixture(scope="module", params=["chroma", "milvus-lite"])
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "milvus-lite":
        pytest.importorskip("pymilvus", reason="pymilvus of the extra scale is not installed")
    return str(request.param)


@pytest.fixture(scope="module")
def stored(place: Opening) -> Iterator[SegmentedVectors]:
    with place() as store:
        shelf = Shelf()
        store.write("000001-aaaaaaaa", [batch(shelf.put(CHUNKS), np.eye(len(CHUNKS), DIMENSION, dtype=np.float32) + 1)])
        yield store.reader({"000001-aaaaaaaa": ["d3"]}, ENCODER, shelf)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(where=WHERES)
def test_an_engine_finds_what_a_filter_means(stored: SegmentedVectors, where: Where) -> None:
    validate(where)
    expected = {str(found.id) for found in CHUNKS if matches(found.metadata, where)} - {"d3_0"}
    found = stored.search_vector(np.ones(DIMENSION, np.float32), len(CHUNKS), where)
    assert {str(document.id) for document, _ in found} == expected


@given(st.text(), st.sampled_from(FIELDS))
def test_no_text_leaves_its_literal(text: str, field: str) -> None:
    """What is between the quotes reads back as the text, and nothing stands behind them."""
    expression = expression_of({field: text})
    if expression is None:
        return
    head, tail = f'metadata["{field}"] == "', '"'
    assert expression.startswith(head)
    assert expression.endswith(tail)
    inside, read, signs = expression[len(head) : -1], [], {"n": "\n", "r": "\r", "t": "\t"}
    rest = iter(inside)
    for sign in rest:
        assert sign not in '"\n\r'
        if sign == "\\":
            escaped = next(rest)
            read.append(signs.get(escaped, escaped))
        else:
            read.append(sign)
    assert "".join(read) == text


@pytest.mark.parametrize(
    ("where", "expression"),
    [
        ({"topic": "спорт"}, 'metadata["topic"] == "спорт"'),
        ({"year": {"$gte": -1.5}}, 'metadata["year"] >= -1.5'),
        ({"open": True}, 'metadata["open"] == true'),
        ({"year": {"$in": [1, 2]}}, '(metadata["year"] == 1 or metadata["year"] == 2)'),
        ({"tags": {"$contains": "лёд"}}, 'json_contains(metadata["tags"], "лёд")'),
        ({"topic": {"$ne": "спорт"}}, None),
        ({"$or": [{"a": 1}, {"b": {"$ne": 1}}]}, None),
        ({"$or": [{"a": 1}, {"b": "\\"}]}, '(metadata["a"] == 1 or metadata["b"] == "\\\\")'),
        ({"$and": [{"a": {"$nin": [1]}}, {"b": {"$not_contains": 1}}]}, None),
        ({'a"] == 1 or metadata["b': 1}, None),
        ({"a[0]": 1}, None),
        ({"year": 2**53 + 1}, None),
        ({"a": {"$in": list(map(str, range(1_001)))}}, None),
        ({"a": "\x00"}, None),
        ({"a": "\ud800"}, None),
    ],
)
def test_expressions(where: Where, expression: str | None) -> None:
    assert expression_of(where) == expression


def test_expressions_of_segments() -> None:
    assert living({"a": [], "b": ["x", 'кав"ычка'], "c": ()}) == (
        '(segment in ["a", "c"] or (segment == "b" and doc_id not in ["x", "кав\\"ычка"]))'
    )
    assert both("a == 1", None) == "(a == 1)"
    assert both(None) == ""
    assert quote(string.printable).count('"') == 3


@pytest.mark.parametrize(
    ("where", "asked"),
    [
        (None, None),
        ({"a": {"$gt": 1}}, {"a": {"$gt": 1}}),
        ({"a": {"$gt": -1.5}}, {"$or": [{"a": {"$gt": -1.5}}, {"a": {"$gte": -1}}]}),
        ({"a": {"$ne": 1.5}}, {"$or": [{"a": {"$ne": 1.5}}, {"a": {"$eq": 1}}]}),
        ({"a": {"$nin": [0.5, 2.0]}}, {"$or": [{"a": {"$nin": [0.5, 2.0]}}, {"a": {"$in": [0]}}]}),
        ({"a": 1.5}, {"a": 1.5}),
        ({"a": 2**53}, {"a": 2**53}),
        ({"a": 2**53 + 1}, None),
        ({"": "x"}, None),
        ({"$and": [{"": "x"}, {"a": 1}]}, {"a": 1}),
        ({"$or": [{"": "x"}, {"a": 1}]}, None),
    ],
)
def test_what_chroma_is_asked(where: Where | None, asked: Where | None) -> None:
    assert chroma_where(where) == asked
