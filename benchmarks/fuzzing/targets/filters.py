"""Filters of metadata, as flags and requests bring them."""

from __future__ import annotations

import json

from benchmarks.fuzzing.material import JSON
from benchmarks.fuzzing.target import Scratch, Target, bytes_of, foreseen, text_of
from rag.ask.arguments import metadata_filter
from retrievers.errors import InputError
from retrievers.filters import matches, validate

_SEEDS = (
    {"topic": "спорт"},
    {"year": {"$gte": 1900}},
    {"$and": [{"a": 1}, {"$or": [{"b": {"$in": ["x", "y"]}}, {"c": {"$ne": True}}]}]},
    {"tags": {"$contains": "озеро"}},
    {"n": {"$nin": [1, 2]}},
)
_TOKENS = (
    '{"$and":[', '{"$or":[', "]}", '{"a":{"$gt":', '{"a":{"$in":[', '"$contains"', '"$not_contains"', '"$eq"',
    '"$lt"', '"topic"', "=", "a=1", "a=", "#", "$",
)  # fmt: skip
_METADATA = (
    {},
    {"topic": "спорт", "year": 1961, "a": 1, "b": "x", "c": True, "n": 1.0, "tags": ["озеро", 1, True]},
    {"topic": 1.5, "year": "1961", "a": True, "b": float("nan"), "n": -(2**63), "tags": []},
)


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one, and it needs no files
    """Filters."""
    seeds = [json.dumps(seed, ensure_ascii=False) for seed in _SEEDS]
    return Target(_check, bytes_of(*seeds, "topic=спорт", "year=1961"), bytes_of(*_TOKENS, *JSON))


def _check(data: bytes) -> None:
    text = text_of(data)
    with foreseen():
        where = metadata_filter(text.split("\n"))
        _use(where)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return
    with foreseen():
        _use(value)


def _use(where: object) -> None:
    validate(where)  # type: ignore[arg-type]
    for metadata in _METADATA:
        found = matches(metadata, where)  # type: ignore[arg-type]
        assert found in {True, False}
        if isinstance(where, dict) and isinstance(condition := next(iter(where.values())), dict):
            _check_opposite(metadata, where, condition, found=found)


_OPPOSITE = {"$eq": "$ne", "$in": "$nin", "$contains": "$not_contains"}


def _check_opposite(metadata: dict, where: dict, condition: dict, *, found: bool) -> None:
    ((field,), ((operator, operand),)) = where, condition.items()
    if operator in _OPPOSITE:
        try:
            opposite = matches(metadata, {field: {_OPPOSITE[operator]: operand}})
        except InputError:
            return
        assert opposite is not found, "a filter and its opposite both hold"
