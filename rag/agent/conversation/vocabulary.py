"""The words of ``data/referring.toml``, as looked up."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any


class Kind(StrEnum):
    """What is named. THING is whatever no list knows better."""

    PERSON = "person"
    PLACE = "place"
    ORGANISATION = "organisation"
    WORK = "work"
    EVENT = "event"
    BEING = "being"  # an animal, or people by a common noun
    THING = "thing"


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A way to read a pronoun's form.

    Args:
        genders: of what it stands for; none for the plural.
        cases: it can stand in, the likeliest first.
        possessive: it may stand before a noun instead.
    """

    genders: frozenset[str]
    cases: tuple[str, ...]
    possessive: bool

    @property
    def plural(self) -> bool:
        """It stands for several."""
        return not self.genders


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Words that refer, and what they say about what they mean; folded, by dictionary form."""

    openings: tuple[str, ...]
    interrogatives: frozenset[str]
    demonstratives: frozenset[str]
    nameless: frozenset[str]
    pronouns: Mapping[str, tuple[Pronoun, ...]]
    prepositions: Mapping[str, str]
    adverbs: Mapping[str, str]
    then: frozenset[str]
    subjects: Mapping[str, frozenset[Kind]]
    passives: Mapping[str, frozenset[Kind]]
    owners: Mapping[str, frozenset[Kind]]
    named: Mapping[str, frozenset[Kind]]
    event_verbs: frozenset[str]
    on_nouns: frozenset[str]
    on_endings: tuple[str, ...]
    on_names: frozenset[str]


@functools.cache
def vocabulary() -> Vocabulary:
    """The shipped words."""
    text = resources.files("rag.agent.conversation").joinpath("data/referring.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)
    pronouns: dict[str, list[Pronoun]] = {}
    for entry in table["pronouns"]:
        pronoun = Pronoun(frozenset(entry["genders"]), tuple(entry["cases"]), entry.get("possessive", False))
        for form in entry["forms"]:
            pronouns.setdefault(form, []).append(pronoun)
    return Vocabulary(
        openings=tuple(sorted(table["openings"], key=len, reverse=True)),
        interrogatives=frozenset(table["interrogatives"]),
        demonstratives=frozenset(table["demonstratives"]),
        nameless=frozenset(table["nameless"]),
        pronouns={form: tuple(readings) for form, readings in pronouns.items()},
        prepositions={word: case for case, words in table["prepositions"].items() for word in words},
        adverbs=table["adverbs"],
        then=frozenset(table["time"]["adverbs"]),
        subjects=_by_word(table["subjects"]),
        passives=_by_word(table["passives"]),
        owners=_by_word(table["owners"]),
        named=_by_word(table["named"]),
        event_verbs=frozenset(table["events"]["verbs"]),
        on_nouns=frozenset(table["preposition_on"]["nouns"]),
        on_endings=tuple(table["preposition_on"]["endings"]),
        on_names=frozenset(table["preposition_on"]["names"]),
    )


def _by_word(table: Mapping[str, list[str]]) -> dict[str, frozenset[Kind]]:
    words: dict[str, set[Kind]] = {}
    for kind, listed in table.items():
        for word in listed:
            words.setdefault(word, set()).add(Kind(kind))
    return {word: frozenset(kinds) for word, kinds in words.items()}
