"""The tables of ``rag/agent/data/planning.toml``."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from importlib import resources

from rag.agent.plan import Comparison


@dataclass(frozen=True, slots=True)
class Comparative:
    """A word that compares, and what to ask of each of the compared.

    Args:
        ask: question with ``{of}`` for the genitive or ``{is}`` for the nominative; empty where the verb is asked for.
        people: the same where people are compared; empty where there is no other.
        wins: which answer.
        places: only places can be compared so.
    """

    ask: str
    people: str
    wins: Comparison
    places: bool


@dataclass(frozen=True, slots=True)
class Language:
    """Words by what they do in a question; see the comments of the file."""

    interrogative: frozenset[str]
    naming_verbs: frozenset[str]
    naming_nouns: frozenset[str]
    copulas: frozenset[str]
    subordinating: frozenset[str]
    determiners: frozenset[str]
    openings: frozenset[str]
    quantities: frozenset[str]
    adjectival: frozenset[str]
    settlements: frozenset[str]
    done_by_people: frozenset[str]
    done_by_things: frozenset[str]
    someone: frozenset[str]
    generic: frozenset[str]
    singling: frozenset[str]
    works: frozenset[str]
    on: frozenset[str]
    times: frozenset[str]
    days: frozenset[str]
    people: frozenset[str]
    kin: frozenset[str]
    of_one: frozenset[str]
    of_many: frozenset[str]
    pronouns: frozenset[str]
    things: dict[str, str]
    comparatives: dict[str, Comparative]


@functools.cache
def language() -> Language:
    """The tables shipped with the package, read once."""
    table = tomllib.loads(resources.files("rag.agent").joinpath("data/planning.toml").read_text(encoding="utf-8"))
    words = {name: frozenset(listed) for name, listed in table["words"].items()}
    comparatives = {
        word: Comparative(row["ask"], row.get("people", ""), Comparison(row["wins"]), bool(row.get("places", False)))
        for row in table["comparatives"]
        for word in row["words"]
    }
    relational, joint = table["relational"], table["joint"]
    return Language(
        **words,
        people=frozenset(relational["people"]),
        kin=frozenset(relational["kin"]),
        of_one=frozenset(joint["one"]),
        of_many=frozenset(joint["many"]),
        pronouns=frozenset(joint["pronouns"]),
        things=dict(relational["things"]),
        comparatives=comparatives,
    )
