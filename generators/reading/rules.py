"""The reader's language rules, read from ``generators/data/reading_rules.toml``."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules as looked up by the steps of the reader.

    Args:
        interrogatives: asking word to question type.
        patterns: pairs of a regular expression over the folded question and the question type it decides.
        focus: noun lemma to the answer type it asks for.
        copulas: verbs between «кто» and the noun that says what he is.
        transparent: lemmas that stand before the focus noun without being it.
        fit: answer type to candidate kind to how well it suits, in [0, 1]; ``"other"`` is the rest.
        relations: lemma to the names of the relations it states.
        classes: fine class to the focus lemmas that ask for it and its typical members.
        aliases: words after which another name of the same thing stands.
        unit_symbols, unit_lemmas, months, approximations: words around numbers.
    """

    interrogatives: dict[str, str]
    patterns: tuple[tuple[re.Pattern[str], str], ...]
    focus: dict[str, str]
    copulas: frozenset[str]
    transparent: frozenset[str]
    fit: dict[str, dict[str, float]]
    relations: dict[str, frozenset[str]]
    classes: dict[str, tuple[frozenset[str], tuple[str, ...]]]
    aliases: frozenset[str]
    unit_symbols: frozenset[str]
    unit_lemmas: frozenset[str]
    months: frozenset[str]
    approximations: frozenset[str]


@functools.cache
def rules() -> Rules:
    """The rules shipped with the package, read once."""
    path = resources.files("generators").joinpath("data/reading_rules.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    relations: dict[str, set[str]] = {}
    for name, lemmas in table["relations"].items():
        for word in lemmas:
            relations.setdefault(word, set()).add(name)
    focus: dict[str, str] = {}
    for answer, lemmas in table["focus"].items():
        for word in lemmas:
            focus.setdefault(word, answer)
    return Rules(
        interrogatives=dict(table["interrogatives"]),
        patterns=tuple((re.compile(row["regex"]), row["type"]) for row in table["patterns"]),
        focus=focus,
        copulas=frozenset(table["copulas"]["lemmas"]),
        transparent=frozenset(table["transparent"]["lemmas"]),
        fit={answer: dict(kinds) for answer, kinds in table["fit"].items()},
        relations={word: frozenset(names) for word, names in relations.items()},
        classes={name: (frozenset(row["asked"]), tuple(row["members"])) for name, row in table["classes"].items()},
        aliases=frozenset(table["aliases"]["words"]),
        unit_symbols=frozenset(table["units"]["symbols"]),
        unit_lemmas=frozenset(table["units"]["lemmas"]),
        months=frozenset(table["months"]["lemmas"]),
        approximations=frozenset(table["approximations"]["words"]),
    )
