"""Filters in the expression language of Milvus, as far as it can say them without loss.

The engine may return more than a filter means, never less: every hit is held against the filter again by the caller. So
what Milvus compares otherwise than :func:`retrievers.filters.matches` does (missing keys, booleans as numbers, large
integers as floats) and what its parsers read differently (odd field names) is left out here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from retrievers.filters import Where

_FIELD = re.compile(r"[\w.-]+( [\w.-]+)*")  # what may stand in metadata["…"] as it is
_EXACT_INTEGERS = range(-(2**53), 2**53 + 1)  # those that survive a detour over floats
_SIGNS = {"$eq": "==", "$gt": ">", "$gte": ">=", "$lt": "<", "$lte": "<="}
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"})
_MOST_VALUES = 1_000  # alternatives in one expression


def expression_of(where: Where | None) -> str | None:
    """An expression over the JSON field ``metadata`` that holds wherever ``where`` does; None where there is none.

    >>> expression_of({"$and": [{"topic": "спорт"}, {"year": {"$ne": 1961}}]})
    '(metadata["topic"] == "спорт")'

    ``$ne``, ``$nin`` and ``$not_contains`` have none: they hold for most chunks, missing fields included, which Milvus
    decides otherwise.
    """
    if where is None:
        return None
    ((field, condition),) = where.items()
    if field == "$and":
        return _joined("and", [part for part in map(expression_of, condition) if part])
    if field == "$or":
        parts = [expression_of(part) for part in condition]
        return None if None in parts else _joined("or", [str(part) for part in parts])
    if not _FIELD.fullmatch(field):
        return None
    name = f'metadata["{field}"]'
    ((operator, operand),) = condition.items() if isinstance(condition, dict) else (("$eq", condition),)
    match operator:
        case "$in":
            values = [_literal(value) for value in operand]
            if None in values or len(values) > _MOST_VALUES:
                return None
            return _joined("or", [f"{name} == {value}" for value in values])
        case "$contains":
            value = _literal(operand)
            if value is None or value.startswith("-"):  # the engine reads no sign there
                return None
            return f"json_contains({name}, {value})"
        case "$ne" | "$nin" | "$not_contains":
            return None
        case _:
            value = _literal(operand)
            return None if value is None else f"{name} {_SIGNS[operator]} {value}"


def living(segments: Mapping[str, Iterable[str]]) -> str:
    """An expression for the chunks of segments, each with the ids of the documents that are left out of it."""
    whole = [name for name, deleted in segments.items() if not deleted]
    parts = [f"segment in [{quoted(whole)}]"] if whole else []
    for name, deleted in segments.items():
        if deleted:
            parts.append(f"(segment == {quote(name)} and doc_id not in [{quoted(sorted(deleted))}])")
    return _joined("or", parts) or 'segment == ""'


def both(*expressions: str | None) -> str:
    """All of some expressions; None holds everywhere."""
    return _joined("and", [expression for expression in expressions if expression]) or ""


def quoted(values: Iterable[str]) -> str:
    """Strings as the inside of a list."""
    return ", ".join(map(quote, values))


def quote(text: str) -> str:
    """A string literal."""
    return f'"{text.translate(_ESCAPES)}"'


def _literal(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value) if value in _EXACT_INTEGERS else None
    if isinstance(value, float):
        return repr(value)
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair: no stored text holds it
        return None
    known = value.translate({ord(sign): None for sign in "\n\r\t"})
    return quote(value) if all(sign >= " " and sign != "\x7f" for sign in known) else None


def _joined(word: str, parts: list[str]) -> str | None:
    return f"({f' {word} '.join(parts)})" if parts else None
