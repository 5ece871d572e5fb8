"""Metadata filters: Chroma's ``where`` language, evaluated here for retrievers that do not stand on Chroma.

A filter is a dict of one entry: a field with a value (``{"topic": "спорт"}``), a field with one operator
(``{"year": {"$gte": 1900}}``), or ``$and``/``$or`` with a list of two or more filters. Semantics are Chroma's own:

* a field that is absent never equals anything, so ``$ne``, ``$nin`` and ``$not_contains`` hold for it;
* numbers compare by value (1 and 1.0 are equal), booleans are a type apart (``True`` is not 1); Chroma itself compares
  stored integers with 1.5 as with 1, which :mod:`retrievers.stores.chroma.filters` makes good;
* ``$contains`` and ``$not_contains`` look into a field that holds a list, by value and type; every other operator
  finds nothing in such a field.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from retrievers.errors import InputError

Where = dict[str, Any]

_LOGICAL = ("$and", "$or")
_ORDERED: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": lambda value, operand: value > operand,
    "$gte": lambda value, operand: value >= operand,
    "$lt": lambda value, operand: value < operand,
    "$lte": lambda value, operand: value <= operand,
}
_OPERATORS = ("$eq", "$ne", *_ORDERED, "$in", "$nin", "$contains", "$not_contains")
_DEEPEST = 50  # filters in filters
_INTEGERS = range(-(2**63), 2**63)  # what Chroma's integer columns hold


def validate(where: Where | None, *, level: int = 0) -> None:
    """Check a filter before any document is looked at; None is no filter.

    Args:
        where: the filter.
        level: how many filters it stands in.

    Raises:
        InputError: a shape, operator or operand that Chroma would refuse too.
    """
    if where is None:
        return
    if level > _DEEPEST:
        raise InputError(f"the filter is nested more than {_DEEPEST} deep; $and and $or take lists of any length")
    if not isinstance(where, dict):
        raise InputError(f"expected a filter to be a dict like {{'topic': 'спорт'}}, got {where!r}")
    if len(where) != 1:
        raise InputError(
            f"expected a filter of one field or operator, got {len(where)} in {where!r}; join several with "
            "{'$and': [{...}, {...}]}"
        )
    ((field, condition),) = where.items()
    if field in _LOGICAL:
        if not isinstance(condition, list) or len(condition) < 2:
            raise InputError(f"expected {field} with a list of two or more filters, got {condition!r}")
        for part in condition:
            if part is None:
                raise InputError(f"expected {field} with a list of filters, got {condition!r}")
            validate(part, level=level + 1)
        return
    if not isinstance(field, str) or field.startswith(("$", "#")):
        raise InputError(f"expected a metadata field, $and or $or as the key of a filter, got {field!r}")
    if not isinstance(condition, dict):
        _check_scalar(field, condition)
        return
    if len(condition) != 1:
        raise InputError(
            f"expected one operator for field {field!r}, got {condition!r}; join several with {{'$and': [...]}}"
        )
    ((operator, operand),) = condition.items()
    _check_operand(field, operator, operand)


def _check_operand(field: str, operator: str, operand: Any) -> None:
    if operator not in _OPERATORS:
        raise InputError(f"unknown filter operator {operator!r} for field {field!r}; known: {', '.join(_OPERATORS)}")
    if operator in ("$in", "$nin"):
        if not isinstance(operand, list) or not operand or any(type(item) is not type(operand[0]) for item in operand):
            raise InputError(
                f"expected {operator} of field {field!r} with a non-empty list of values of one type, got {operand!r}"
            )
        for item in operand:
            _check_scalar(field, item)
        return
    _check_scalar(field, operand)
    if operator in _ORDERED and (isinstance(operand, (bool, str))):
        raise InputError(f"expected {operator} of field {field!r} with a number, got {operand!r}")


def _check_scalar(field: str, value: Any) -> None:
    if not isinstance(value, (str, int, float)):  # bool is an int
        raise InputError(f"expected a str, int, float or bool for field {field!r}, got {value!r}")
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and value not in _INTEGERS):
        raise InputError(f"expected a finite number of at most 64 bits for field {field!r}, got {value!r}")


def matches(metadata: Mapping[str, Any], where: Where | None) -> bool:
    """Whether ``metadata`` satisfies a filter that passed :func:`validate`.

    ``matches({"year": 1961}, {"year": {"$gte": 1900}})`` is True.
    """
    if where is None:
        return True
    ((field, condition),) = where.items()
    if field == "$and":
        return all(matches(metadata, part) for part in condition)
    if field == "$or":
        return any(matches(metadata, part) for part in condition)
    value = metadata.get(field)
    if not isinstance(condition, dict):
        return _equal(value, condition)
    ((operator, operand),) = condition.items()
    if operator in _ORDERED:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and _ORDERED[operator](value, operand)
    match operator:
        case "$eq":
            return _equal(value, operand)
        case "$ne":
            return not _equal(value, operand)
        case "$in":
            return any(_equal(value, item) for item in operand)
        case "$nin":
            return not any(_equal(value, item) for item in operand)
        case "$contains":
            return _contains(value, operand)
        case _:
            return not _contains(value, operand)


def _equal(value: Any, operand: Any) -> bool:
    return isinstance(value, bool) == isinstance(operand, bool) and bool(value == operand)


def _contains(value: Any, operand: Any) -> bool:
    return isinstance(value, list) and any(type(item) is type(operand) and item == operand for item in value)


def _checked(where: Where) -> Where:
    validate(where)
    return where


CheckedWhere = Annotated[Where, AfterValidator(_checked)]  # a field of a retriever
