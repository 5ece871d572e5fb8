"""Filters as Chroma is asked them, which may find more than they mean, never less.

Chroma 1.5 cuts the fraction off a number before it compares it with stored integers: it finds no 1 below 1.5, and a 1
that equals 1.5. Every hit is held against the filter again by the caller.
"""

from __future__ import annotations

import math
from typing import Any

from retrievers.filters import Where

_EXACT = 2**53  # numbers up to here are the same as integers and as floats


def chroma_where(where: Where | None) -> Where | None:
    """A filter that Chroma finds everything for that ``where`` means; None where it can say nothing of it.

    >>> chroma_where({"year": {"$lt": 1961.5}})
    {'$or': [{'year': {'$lt': 1961.5}}, {'year': {'$lte': 1961}}]}
    """
    if where is None:
        return None
    ((field, condition),) = where.items()
    if field in {"$and", "$or"}:
        parts = [part for part in map(chroma_where, condition) if part is not None]
        if not parts or (field == "$or" and len(parts) < len(condition)):
            return None
        return parts[0] if len(parts) == 1 else {field: parts}
    ((operator, operand),) = condition.items() if isinstance(condition, dict) else (("$eq", condition),)
    values = operand if isinstance(operand, list) else [operand]
    if not field or not all(map(_sayable, [field, *values])):
        return None
    fractions = [value for value in values if isinstance(value, float) and not value.is_integer()]
    missed = _missed(operator, fractions) if fractions else None
    return where if missed is None else {"$or": [where, {field: missed}]}


def _missed(operator: str, fractions: list[float]) -> dict[str, Any] | None:
    """What finds the integers that Chroma misses for operands with fractions."""
    match operator:
        case "$lt" | "$lte":
            return {"$lte": math.floor(fractions[0])}
        case "$gt" | "$gte":
            return {"$gte": math.ceil(fractions[0])}
        case "$ne":
            return {"$eq": math.trunc(fractions[0])}
        case "$nin":
            return {"$in": [math.trunc(value) for value in fractions]}
        case _:
            return None


def _sayable(value: Any) -> bool:
    if isinstance(value, str):
        return not any("\ud800" <= sign <= "\udfff" for sign in value)  # halves of pairs, which no stored text holds
    return bool(abs(value) <= _EXACT)
