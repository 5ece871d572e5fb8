"""What of a chunk's metadata a store keeps: that which a filter can find."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from retrievers.errors import InputError

_INTEGERS = range(-(2**63), 2**63)  # what the engines' columns hold
Stored = str | int | float | bool | list[str] | list[int] | list[float] | list[bool]


def storable(metadata: Mapping[str, Any], chunk_id: str) -> dict[str, Stored]:
    """Scalars and lists of one type of them; what no filter can find (null, empty lists, objects) is left out.

    Raises:
        InputError: a value that a filter could find and an engine would change: a number that is not finite or
            beyond 64 bits, a list of several types.
    """
    kept: dict[str, Stored] = {}
    for key, value in metadata.items():
        if not key or key.startswith(("$", "#")):  # no filter can name it
            continue
        if isinstance(value, list) and value:
            _check_list(key, value, chunk_id)
            kept[key] = value
        elif isinstance(value, (str, int, float)):
            _check(key, value, chunk_id)
            kept[key] = value
    return kept


def _check_list(key: str, values: list[Any], chunk_id: str) -> None:
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or not kinds <= {str, int, float, bool}:
        raise InputError(
            f"chunk {chunk_id}: expected the metadata {key!r} to be a list of text, numbers or booleans, all of one "
            f"type, got {', '.join(sorted(kind.__name__ for kind in kinds))}"
        )
    for value in values:
        _check(key, value, chunk_id)


def _check(key: str, value: str | float, chunk_id: str) -> None:
    if (isinstance(value, float) and not math.isfinite(value)) or (isinstance(value, int) and value not in _INTEGERS):
        raise InputError(
            f"chunk {chunk_id}: expected a finite number of at most 64 bits as the metadata {key!r}, got {value!r}"
        )
