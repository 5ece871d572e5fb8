from __future__ import annotations

from typing import Any

import pytest

from retrievers.errors import InputError
from retrievers.filters import matches, validate

CHUNK = {"topic": "спорт", "year": 1961, "rating": 4.5, "open": True, "tags": ["хоккей", "лёд"], "counts": [1, 2]}


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (None, True),
        ({"topic": "спорт"}, True),
        ({"topic": "Спорт"}, False),
        ({"topic": {"$eq": "спорт"}}, True),
        ({"topic": {"$ne": "спорт"}}, False),
        ({"year": 1961.0}, True),
        ({"year": {"$gt": 1961}}, False),
        ({"year": {"$gte": 1961}}, True),
        ({"rating": {"$lt": 5}}, True),
        ({"rating": {"$lte": 4.4}}, False),
        ({"topic": {"$gt": 0}}, False),
        ({"open": True}, True),
        ({"open": 1}, False),
        ({"open": {"$gte": 0}}, False),
        ({"year": {"$in": [1960, 1961]}}, True),
        ({"year": {"$nin": [1960, 1961]}}, False),
        ({"tags": {"$contains": "лёд"}}, True),
        ({"tags": {"$not_contains": "лёд"}}, False),
        ({"tags": "лёд"}, False),
        ({"tags": {"$ne": "лёд"}}, True),
        ({"counts": {"$contains": 1}}, True),
        ({"counts": {"$contains": 1.0}}, False),
        ({"topic": {"$contains": "спорт"}}, False),
        ({"absent": "x"}, False),
        ({"absent": {"$ne": "x"}}, True),
        ({"absent": {"$nin": ["x"]}}, True),
        ({"absent": {"$not_contains": "x"}}, True),
        ({"absent": {"$gte": 0}}, False),
        ({"$and": [{"topic": "спорт"}, {"year": {"$lt": 1900}}]}, False),
        ({"$or": [{"topic": "наука"}, {"$and": [{"open": True}, {"year": 1961}]}]}, True),
    ],
)
def test_matches(where: dict[str, Any] | None, expected: bool) -> None:
    validate(where)
    assert matches(CHUNK, where) is expected


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("topic = спорт", "to be a dict"),
        ({}, "got 0"),
        ({"topic": "спорт", "year": 1961}, r"\$and"),
        ({"$and": [{"topic": "спорт"}]}, "two or more"),
        ({"$or": {"topic": "спорт"}}, "two or more"),
        ({"$and": [None, {"topic": "спорт"}]}, "list of filters"),
        ({"$and": [{"topic": "спорт"}, {"year": {"$near": 1}}]}, r"unknown filter operator '\$near'.*\$not_contains"),
        ({"$not": [{"topic": "спорт"}]}, "as the key"),
        ({"#document": "спорт"}, "as the key"),
        ({1: "спорт"}, "as the key"),
        ({"topic": None}, "got None"),
        ({"topic": ["спорт"]}, "expected a str, int, float or bool"),
        ({"year": {"$gte": 1, "$lt": 3}}, "one operator"),
        ({"year": {}}, "one operator"),
        ({"year": {"$gt": "1900"}}, "with a number"),
        ({"year": {"$gt": True}}, "with a number"),
        ({"year": {"$gt": float("nan")}}, "finite"),
        ({"year": 2**63}, "64 bits"),
        ({"year": {"$in": []}}, "non-empty list"),
        ({"year": {"$in": [1, 1.5]}}, "of one type"),
        ({"year": {"$in": (1, 2)}}, "non-empty list"),
        ({"year": {"$in": [None]}}, "got None"),
        ({"tags": {"$contains": ["лёд"]}}, "expected a str"),
    ],
)
def test_malformed_filters_are_refused(where: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        validate(where)
