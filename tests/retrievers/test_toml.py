from __future__ import annotations

import pytest

from retrievers.errors import InputError
from retrievers.toml import MOST_PARTS, parse_toml

LONG = ".".join(["a"] * (MOST_PARTS + 1))


def test_settings_are_read():
    assert parse_toml("[a.b]\nc = 1 # d.e\nf = 'г.д'\n", "x.toml") == {"a": {"b": {"c": 1, "f": "г.д"}}}


def test_a_mistake_is_named_with_its_file_and_line():
    with pytest.raises(InputError, match=r"x\.toml: not TOML: .*line 2"):
        parse_toml("a = 1\nb = \n", "x.toml")


@pytest.mark.parametrize(
    "text", [f"{LONG} = 1", f"[{LONG}]", f'"q".{LONG} = 1', f"b = {{{LONG.replace('.', ' . ')} = 1}}"]
)
def test_a_key_of_too_many_parts_is_refused(text):
    with pytest.raises(InputError, match="line 3: a dotted key"):
        parse_toml(f"# да\n\n{text}\n", "x.toml")


@pytest.mark.parametrize("value", [f"'{LONG}'", f'"{LONG}\\""', f"'''\n{LONG}\n'''", f'"""\n{LONG}"""', f"1 # {LONG}"])
def test_dots_of_strings_and_comments_are_text(value):
    assert parse_toml(f"a = {value}", "x.toml")
