"""JSON as the standard has it: what Python's parser takes beyond that is refused."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

from retrievers.errors import InputError

DEEPEST = 64  # brackets in brackets; no request of this service has ten
_ADVICE = "send one JSON value in UTF-8"


class JsonError(InputError):
    """A body that is no JSON."""


def strict_json(body: bytes) -> Any:
    """The value that ``body`` holds.

    Raises:
        JsonError: it is not UTF-8, no JSON, has numbers that no JSON has or no computer holds, names a key twice, holds
            half of a surrogate pair, or nests deeper than :data:`DEEPEST`.
    """
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise JsonError(f"the body is not UTF-8 (byte {error.start}); {_ADVICE}") from error
    try:
        value = json.loads(text, parse_constant=_refuse, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise JsonError(f"the body is no JSON: {error.msg} at character {error.pos + 1}; {_ADVICE}") from error
    except RecursionError as error:
        raise JsonError(f"the body nests deeper than {DEEPEST} brackets; {_ADVICE}") from error
    except JsonError:
        raise
    except ValueError as error:  # a number of thousands of digits
        raise JsonError(f"the body holds a number that is too long; {_ADVICE}") from error
    _check(value)
    return value


def _check(value: Any) -> None:
    """Look at every value once, level by level."""
    level, depth = [value], 0
    while level:
        if depth == DEEPEST and any(isinstance(one, (dict, list)) for one in level):
            raise JsonError(f"the body nests deeper than {DEEPEST} brackets; {_ADVICE}")
        below: list[Any] = []
        for one in level:
            if isinstance(one, dict):
                below += one.keys()
                below += one.values()
            elif isinstance(one, list):
                below += one
            elif isinstance(one, float) and not math.isfinite(one):
                raise JsonError(f"the body holds a number that is too large; {_ADVICE}")
            elif isinstance(one, str):
                _check_text(one)
        level, depth = below, depth + 1


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise JsonError(f"the body holds half of a surrogate pair, which is no character; {_ADVICE}") from error


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise JsonError(f"an object of the body names a key twice; {_ADVICE}")
    return found


def _refuse(constant: str) -> NoReturn:
    raise JsonError(f"{constant} is no JSON value; {_ADVICE}")
