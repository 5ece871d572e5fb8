"""TOML that people write: whatever is wrong with it ends in one message, and none of it takes more than its share."""

from __future__ import annotations

import re
import tomllib
from typing import Any

from retrievers.errors import InputError

MOST_PARTS = 20
# Strings and comments, in which dots are text; a quoted key is as good as a bare one. A string may end with the text:
# else every quote that never closes would be followed to the end of it.
_QUOTED = re.compile(
    r'"""(?:\\.|[^\\])*?(?:"""|\Z)' r"|'''.*?(?:'''|\Z)"
    r'|"(?:\\[^\n]|[^"\\\n])*+"?' r"|'[^'\n]*+'?" r"|#[^\n]*", re.DOTALL
)  # fmt: skip
# tomllib keeps every beginning of a dotted key: time and memory grow with the square of its parts.
_LONG_KEY = re.compile(rf"(?<![\w-])(?:[\w-]++[ \t]*+\.[ \t]*+){{{MOST_PARTS}}}")


def parse_toml(text: str, where: str) -> dict[str, Any]:
    r"""The tables of a file of settings: ``parse_toml("[a]\nb = 1", "x.toml") == {"a": {"b": 1}}``.

    Args:
        text: of the file.
        where: its name in messages.

    Raises:
        InputError: it is no TOML, has numbers or brackets without end, or a dotted key of more than
            :data:`MOST_PARTS` parts.
    """
    bare = _QUOTED.sub(lambda match: "q" + "\n" * match.group().count("\n"), text)
    if found := _LONG_KEY.search(bare):
        line = bare.count("\n", 0, found.start()) + 1
        raise InputError(f"{where}, line {line}: a dotted key of more than {MOST_PARTS} parts; no setting has one")
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # TOMLDecodeError tells the line; the rest are thousands of digits
        raise InputError(f"{where}: not TOML: {error}") from error
