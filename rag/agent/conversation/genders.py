"""Which pronouns stand for a name: «он» for Лев Толстой and Байкал, «она» for Ангара, «они» for США."""

from __future__ import annotations

import re

from rag.agent.declension import Reading, readings
from retrievers.analysis import fold

WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
ANY = frozenset({"masc", "femn", "neut"})
_PEOPLE = frozenset({"masc", "femn"})
_FEMININE_SURNAMES = ("ова", "ева", "ина", "ская", "цкая")
_MASCULINE_SURNAMES = ("ов", "ев", "ин", "ский", "цкий")


def person_genders(name: str, tagged: str) -> frozenset[str]:
    """Gender of a person by given name or patronymic, else by the surname's ending; both where nothing tells.

    Args:
        name: in the nominative.
        tagged: what a tagger took it for, believed of a woman only: it takes what it does not know for a man's name.
    """
    words = WORD.findall(name)
    for mark in ("Name", "Patr"):
        for word in words:
            known = {one.gender for one in _nominatives(word) if mark in one.marks and one.gender in _PEOPLE}
            if len(known) == 1:
                return frozenset(known)
    surname = fold(words[-1]) if words else ""
    if surname.endswith(_FEMININE_SURNAMES) or tagged == "femn":
        return frozenset({"femn"})
    if surname.endswith(_MASCULINE_SURNAMES):
        return frozenset({"masc"})
    known = {one.gender for one in _nominatives(surname) if "Surn" in one.marks and one.gender in _PEOPLE}
    return frozenset(known) or _PEOPLE


def surname_gender(word: str) -> str:
    """Gender of a surname said alone: feminine by its ending, else masculine; ``""`` for a word that is none."""
    known = [one for one in readings(word) if one.known]
    surnames = {one.gender for one in known if "Surn" in one.marks and one.case == "nomn" and one.number == "sing"}
    if known and not surnames:
        return ""
    feminine = fold(word).endswith(_FEMININE_SURNAMES) or surnames == {"femn"}
    return "femn" if feminine else "masc"


def is_place(word: str, case: str) -> bool:
    """The dictionary knows the word as a place name in this case."""
    return any(one.known and one.case == case and "Geox" in one.marks for one in readings(word))


def thing_genders(name: str) -> frozenset[str]:
    """Gender of a place, body or thing with a name of its own: of its noun, else by its ending."""
    words = WORD.findall(name)
    for word in words:
        nouns = [one for one in _nominatives(word) if one.pos == "NOUN"]
        if nouns:
            best = next((one for one in nouns if "Geox" in one.marks), nouns[0])
            return frozenset({best.gender}) & ANY
    last = fold(words[0]) if words else ""
    if last.endswith(("а", "я")):
        return frozenset({"femn"})
    return frozenset({"neut", "masc"}) if last.endswith(("о", "е", "и", "у")) else frozenset({"masc"})


def noun_genders(noun: str, tagged: str = "") -> frozenset[str]:
    """Gender of a common noun by the dictionary, else as it was tagged, else any."""
    known = next((one.gender for one in _nominatives(noun) if one.pos == "NOUN" and one.gender in ANY), tagged)
    return frozenset({known}) if known else ANY


def is_plural(name: str) -> bool:
    """The noun of a name has a plural only there: «США», «Курильские острова»."""
    for word in WORD.findall(name):
        nouns = [one for one in _nominatives(word) if one.pos == "NOUN"]
        if nouns:
            return all(one.number == "plur" for one in nouns)
    return False


def _nominatives(word: str) -> list[Reading]:
    return [one for one in readings(word) if one.known and one.case == "nomn"]
