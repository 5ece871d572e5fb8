"""The tables of ``rag/agent/data/declension.toml``."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

OBLIQUE = ("gent", "datv", "accs", "ablt", "loct")  # order of the forms in the tables

Endings = dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Rules:
    """Declension as data.

    Args:
        people: gender to endings of names of people.
        things: endings of other names.
        ordinals: ending of a numeral in figures, with the gender of its noun, to its endings.
        fixed: endings of names that no case changes.
        fixed_after_noun: the same, of a place after a noun like «город».
        stressed: names in -а and -я that no case changes.
        particles: parts of a name that no case changes.
        shared_case: nouns whose name stands in their case.
        second_locative: nouns with another form after «в» and «на».
    """

    people: dict[str, Endings]
    things: Endings
    ordinals: Endings
    fixed: tuple[str, ...]
    fixed_after_noun: tuple[str, ...]
    stressed: frozenset[str]
    particles: frozenset[str]
    shared_case: frozenset[str]
    second_locative: frozenset[str]


@functools.cache
def rules() -> Rules:
    """The rules shipped with the package, read once."""
    path = resources.files("rag.agent").joinpath("data/declension.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    names = table["names"]
    return Rules(
        people={gender: dict(_endings(rows)) for gender, rows in table["people"].items()},
        things=dict(_endings(table["things"])),
        ordinals=dict(_endings(table["ordinals"])),
        fixed=tuple(names["fixed"]),
        fixed_after_noun=tuple(names["fixed_after_noun"]),
        stressed=frozenset(names["stressed"]),
        particles=frozenset(names["particles"]),
        shared_case=frozenset(names["shared_case"]),
        second_locative=frozenset(names["second_locative"]),
    )


def _endings(rows: dict[str, list[str]]) -> Iterator[tuple[str, tuple[str, ...]]]:
    for ending, forms in rows.items():
        yield ending, tuple(forms)


def by_ending(word: str, endings: Endings, case: str) -> str | None:
    """``word``, in lower case, in an oblique case by the first ending that fits; None where none does.

    >>> by_ending("лем", rules().people["masc"], "gent")
    'лема'
    """
    for ending, forms in endings.items():
        base = word.removesuffix(ending)
        if (base != word and len(base) > 1) or not ending:
            return base + forms[OBLIQUE.index(case)]
    return None
