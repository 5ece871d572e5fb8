"""The rules of cloze to question, read from ``training/pairs/data/cloze.toml``."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

from retrievers.analysis import fold

Forms = dict[str, str]  # Universal Dependencies case to form


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules as the steps look them up; words are folded.

    Args:
        who, what, how_many: question words by case.
        which, whose: the same by gender or ``"plur"``, then by case; ``"Anim"`` is the animate accusative.
        what_like: «каков» by gender or ``"plur"``.
        where: preposition and case ("в Loc") to the adverb that asks for such a place.
        prepositions: forms with a vowel to those without.
        governs: preposition to the cases it takes.
        dangling: what a question must not end in.
        vague_numbers, vague_nouns: no answers.
        types: nouns that say what a name right after them is, of places and of organisations.
        places: lemmas of a known place to the noun that says what it is.
        units: abbreviated unit to its genitive plural.
        measure_verbs, measure_nouns: «площадь составляет».
        relational: nouns that need a name beside them.
        pointing, allowed: words that point out of the clause, and those of them that are fine beside a noun.
        linking: words that tie a sentence to its neighbours and can go.
        role_verbs: verbs whose instrumental noun is a role.
        cause: prepositions of a cause.
        synonyms: lemma and part of speech to lemmas of the same meaning and government.
    """

    who: Forms
    what: Forms
    how_many: Forms
    which: dict[str, Forms]
    whose: dict[str, Forms]
    what_like: Forms
    where: Forms
    prepositions: Forms
    governs: dict[str, list[str]]
    dangling: tuple[str, ...]
    vague_numbers: frozenset[str]
    vague_nouns: frozenset[str]
    types: frozenset[str]
    places: Forms
    units: Forms
    measure_verbs: frozenset[str]
    measure_nouns: frozenset[str]
    relational: frozenset[str]
    pointing: frozenset[str]
    allowed: frozenset[str]
    linking: frozenset[str]
    role_verbs: frozenset[str]
    cause: frozenset[str]
    synonyms: dict[tuple[str, str], tuple[str, ...]]


@functools.cache
def rules() -> Rules:
    """The rules shipped with the package, read once."""
    path = resources.files("training.pairs").joinpath("data/cloze.toml")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    synonyms: dict[tuple[str, str], tuple[str, ...]] = {}
    for group in table["synonyms"]:
        for lemma in group["lemmas"]:
            synonyms[group["pos"], fold(lemma)] = tuple(other for other in group["lemmas"] if other != lemma)
    return Rules(
        who=table["who"],
        what=table["what"],
        how_many=table["how_many"],
        which=table["which"],
        whose=table["whose"],
        what_like=table["what_like"],
        where=table["where"],
        prepositions=table["prepositions"],
        governs=table["governs"],
        dangling=tuple(table["dangling"]["ends"]),
        vague_numbers=_folded(table["vague"]["numbers"]),
        vague_nouns=_folded(table["vague"]["nouns"]),
        types=_folded(table["types"]["place"] + table["types"]["organization"]),
        places={fold(name): kind for kind, names in table["places"].items() for name in names},
        units=table["units"],
        measure_verbs=_folded(table["measure"]["verbs"]),
        measure_nouns=_folded(table["measure"]["nouns"]),
        relational=_folded(table["relational"]["nouns"]),
        pointing=_folded(table["pointing"]["lemmas"]),
        allowed=_folded(table["pointing"]["allowed"]),
        linking=_folded(table["linking"]["lemmas"]),
        role_verbs=_folded(table["role"]["verbs"]),
        cause=_folded(table["cause"]["prepositions"]),
        synonyms=synonyms,
    )


def _folded(words: list[str]) -> frozenset[str]:
    return frozenset(map(fold, words))
