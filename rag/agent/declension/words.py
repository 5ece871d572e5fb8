"""One word in the cases it has: dictionary readings as plain values, capitals kept."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import Any

from retrievers.analysis import morph

_SECOND = {"gen1": "gent", "gen2": "gent", "loc1": "loct", "loc2": "loct", "acc2": "accs"}
_RUSSIAN = re.compile(r"[а-яё]+(?:[’'-][а-яё]+)*", re.IGNORECASE)
_GENDERS = ("masc", "femn", "neut")


@dataclass(frozen=True, slots=True)
class Reading:
    """A dictionary reading of a word.

    Args:
        pos, case, number: OpenCorpora grammemes; a numeral has no number.
        gender: one of them, ``"ms-f"`` for both, ``""`` in the plural.
        marks: all grammemes.
        known: the dictionary has the word; otherwise it is guessed from its ending.
        score: estimated probability of the reading.
    """

    pos: str
    case: str
    number: str
    gender: str
    marks: frozenset[str]
    known: bool
    score: float
    entry: Any

    def in_case(self, case: str, *, number: str = "", gender: str = "") -> str | None:
        """The word in a case, in lower case; None where the dictionary does not know how."""
        if case == self.case and number in ("", self.number) and gender in ("", self.gender):
            return str(self.entry.word)
        form = self.entry.inflect({part for part in (case, number or self.number, gender) if part})
        if form is None:
            return None
        # The dictionary writes ё in what it guesses too.
        return str(form.word) if self.known or "ё" in self.entry.word else str(form.word).replace("ё", "е")


@functools.lru_cache(maxsize=50_000)
def readings(word: str) -> tuple[Reading, ...]:
    """Readings of a Russian word as a noun, adjective, participle or numeral, the likeliest first."""
    found: list[Reading] = []
    if not _RUSSIAN.fullmatch(word):
        return ()
    for entry in morph().parse(word.lower()):
        tag = entry.tag
        marks = frozenset(map(str, tag.grammemes))
        if str(tag.POS) not in ("NOUN", "ADJF", "PRTF", "NUMR") or tag.case is None or "Infr" in marks:
            continue
        number = str(tag.number or "")
        gender = str(tag.gender) if tag.gender in _GENDERS else "ms-f"
        case = _SECOND.get(str(tag.case), str(tag.case))
        found.append(
            Reading(
                str(tag.POS),
                case,
                number,
                "" if number == "plur" else gender,
                marks,
                entry.is_known,
                entry.score,
                entry,
            )
        )
    return tuple(found)


def is_acronym(word: str) -> bool:
    """«НАТО», «ООН»: no case changes it."""
    return len(word) > 1 and word.isupper()
