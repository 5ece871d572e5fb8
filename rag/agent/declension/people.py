"""Names of people in another case: «Станислав Лем» is «Станислава Лема», «Анна Франк» is «Анны Франк»."""

from __future__ import annotations

import re
from collections.abc import Sequence

from rag.agent.declension.rules import by_ending, rules
from rag.agent.declension.words import Reading, readings
from retrievers.names import is_cyrillic, recased

WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_ROMAN = re.compile(r"[IVXLC]+")
_PERSONAL = frozenset({"Name", "Surn", "Patr"})
_PLURAL_ENDINGS = ("ие", "ые", "ичи", "овы", "евы", "ины", "ры", "ны", "ты", "ли")
_CONSONANTS = "бвгджзклмнпрстфхцчшщ"


def is_personal(word: str) -> bool:
    """A word the dictionary knows as a given name, patronymic or surname in the nominative."""
    return any(one.known and one.case == "nomn" and one.marks & _PERSONAL for one in readings(word))


def decline_person(name: str, case: str, gender: str = "") -> str:
    """A person's name in the nominative put into another case.

    Args:
        name: with or without a patronymic, initials, a number («Пётр I») or a by-name («Иван Грозный»).
        case: OpenCorpora grammeme.
        gender: ``"femn"`` where a woman is known to be named; otherwise the name itself tells.
    """
    if case == "nomn":
        return name
    words = [match for match in WORD.finditer(name) if not _is_left(match)]
    if not words:
        return name
    # «Жорж Санд» is a woman where a woman was asked for; a «писатель» may be one too.
    known = "femn" if gender == "femn" else _gender([match.group() for match in words]) or "masc"
    pieces: list[str] = []
    at = 0
    for order, match in enumerate(words):
        pieces += [name[at : match.start()], _part(match.group(), case, known, first=order == 0 and len(words) > 1)]
        at = match.end()
    return "".join([*pieces, name[at:]])


def person_gender(name: str) -> str:
    """``"masc"`` or ``"femn"``, as far as the name tells."""
    return _gender([match.group() for match in WORD.finditer(name) if not _is_left(match)] or [name]) or "masc"


def _is_left(match: re.Match[str]) -> bool:
    """What no case changes: initials, particles, numbers, Latin letters."""
    word = match.group()
    if not is_cyrillic(word) or _ROMAN.fullmatch(word):
        return True
    initial = len(word) == 1 or (len(word) <= 2 and match.string.startswith(".", match.end()))
    return initial or (word.lower() in rules().particles and match.string != word)


def _gender(words: Sequence[str]) -> str:
    """Gender that the parts of a name tell, the patronymic and the given name first; "" where they do not."""
    for mark in ("Patr", "Name", "Surn"):
        told = {
            one.gender
            for word in words
            for one in readings(word)
            if one.known and one.case == "nomn" and one.number == "sing" and mark in one.marks
            if one.gender in ("masc", "femn") and "Fixd" not in one.marks
        }
        if len(told) == 1:
            return told.pop()
    last = words[-1].lower()
    if last.endswith(("ова", "ева", "ёва", "ина", "ская", "цкая", "ая")) and len(last) > 4:
        return "femn"
    return "masc" if last[-1] in _CONSONANTS + "й" and len(words) == 1 else ""


def _part(word: str, case: str, gender: str, *, first: bool) -> str:
    lowered = word.lower()
    if lowered in rules().stressed:
        return word
    reading = _reading(word, gender, first=first)
    if reading is not None:
        return recased(reading.in_case(case) or lowered, word)
    head, hyphen, tail = word.rpartition("-")
    if hyphen:
        declined = _part(tail, case, gender, first=first)
        # «Римского-Корсакова», but «Жан-Жака» and «Сент-Экзюпери».
        both = _is_surname(head, gender) and not _is_given_name(head)
        return f"{_part(head, case, gender, first=False) if both else head}-{declined}"
    if lowered.endswith(rules().fixed):
        return word
    return recased(by_ending(lowered, rules().people[gender], case) or lowered, word)


def _reading(word: str, gender: str, *, first: bool) -> Reading | None:
    """The dictionary's reading as a part of such a name: given names come first, by-names are adjectives."""
    plural = word.lower().endswith(_PLURAL_ENDINGS)
    best, best_key = None, None
    for one in readings(word):
        fits = one.gender in (gender, "ms-f", "") or one.number == "plur"
        if one.case != "nomn" or not one.known or not fits or (one.number == "plur" and not plural):
            continue
        if not (one.marks & _PERSONAL or one.pos == "ADJF"):
            continue
        key = (("Name" in one.marks) == first, bool(one.marks & _PERSONAL), one.number == "sing", one.score)
        if best_key is None or key > best_key:
            best, best_key = one, key
    return best


def _is_surname(word: str, gender: str) -> bool:
    return any(
        one.known and one.case == "nomn" and "Surn" in one.marks and one.gender == gender for one in readings(word)
    )


def _is_given_name(word: str) -> bool:
    return any(one.known and "Name" in one.marks for one in readings(word))
