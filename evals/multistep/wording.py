"""From a template to a sentence: slots filled, verbs in agreement, words in square brackets in the slot's case.

A template is Russian text with three kinds of marks::

    {s} {s|gent}                  a slot, in the nominative or the case named (OpenCorpora grammemes)
    <родился|родилась|родилось|родились>   the form that agrees with the slot «s»; <o:…> with the slot «o»
    [автор]                       a word that is inflected when the phrase it stands in fills a slot

A word that pymorphy3 would get wrong gives its six forms: ``[Пётр|Петра|Петру|Петра|Петром|Петре]``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from evals.multistep.facts import Gender
from retrievers.analysis import morph
from retrievers.errors import InputError

CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
_GENDERS: tuple[Gender, ...] = ("masc", "femn", "neut", "plur")
_AGREEMENT = re.compile(r"<(?:(?P<slot>\w):)?(?P<forms>[^<>]*)>")
_SLOT = re.compile(r"\{(?P<name>\w)(?:\|(?P<case>\w+\+?))?\}")
_INFLECTED = re.compile(r"\[([^][]+)\]")
_CLAUSE_END = re.compile(r"\s*[\w«—(]")
_DECLINED = frozenset({"NOUN", "ADJF", "PRTF", "NPRO", "NUMR"})
# Third person by gender and case; with «+» as it stands after a preposition.
_PRONOUNS: dict[Gender, dict[str, str]] = {
    "masc": {"nomn": "он", "gent": "его", "datv": "ему", "accs": "его", "ablt": "им"},
    "femn": {"nomn": "она", "gent": "её", "datv": "ей", "accs": "её", "ablt": "ею"},
    "neut": {"nomn": "оно", "gent": "его", "datv": "ему", "accs": "его", "ablt": "им"},
    "plur": {"nomn": "они", "gent": "их", "datv": "им", "accs": "их", "ablt": "ими"},
}
_LOCATIVE: dict[Gender, str] = {"masc": "нём", "femn": "ней", "neut": "нём", "plur": "них"}


@dataclass(frozen=True, slots=True)
class Phrase:
    """What fills a slot.

    Args:
        text: with inflected words in square brackets.
        gender: what agrees with it.
        clause: it ends in a subordinate clause, which a comma closes where the sentence goes on.
    """

    text: str
    gender: Gender
    clause: bool = False

    def in_case(self, case: str) -> str:
        """The phrase in a case: ``Phrase("[автор] книги", "masc").in_case("gent") == "автора книги"``."""
        return inflect(self.text, case, self.gender)


@dataclass(frozen=True, slots=True)
class Pronoun:
    """A personal pronoun in place of a phrase."""

    gender: Gender
    clause: bool = False

    def in_case(self, case: str) -> str:
        """The pronoun in a case: ``Pronoun("masc").in_case("gent+") == "него"``."""
        if case.rstrip("+") == "loct":
            return _LOCATIVE[self.gender]
        form = _PRONOUNS[self.gender][case.rstrip("+")]
        return f"н{form}" if case.endswith("+") else form


def fill(template: str, slots: Mapping[str, Phrase | Pronoun]) -> str:
    """A template with its slots filled; square brackets of the template itself stay.

    Raises:
        InputError: a slot is not given, or an agreement has other than four forms.
    """
    agreed = _AGREEMENT.sub(lambda match: _agreeing(match, slots), template)
    return _SLOT.sub(lambda match: _filling(match, slots), agreed)


def sentence(template: str, slots: Mapping[str, Phrase | Pronoun]) -> str:
    """A filled template as it is printed: no brackets left, a capital letter first."""
    text = inflect(fill(template, slots), "nomn", "masc")
    return text[:1].upper() + text[1:]


def describe(template: str, slots: Mapping[str, Phrase | Pronoun]) -> Phrase:
    """A filled template as a phrase that fills slots in its turn; its first bracketed word is its head."""
    text = fill(template, slots)
    head = _INFLECTED.search(text)
    if head is None:
        raise InputError(f"{template!r}: no word in square brackets that could be the head of the phrase")
    return Phrase(text, _gender_of(head[1]), clause="," in _INFLECTED.sub("", text))


def inflect(text: str, case: str, gender: Gender) -> str:
    """``text`` with its bracketed words in a case and without the brackets.

    Raises:
        InputError: the case is unknown, or a word has no such form.
    """
    if case not in CASES:
        raise InputError(f"case {case!r} is none of {', '.join(CASES)}")
    animate = case == "accs" and any("anim" in parse.tag for parse in _parses(text, gender))
    return _INFLECTED.sub(lambda match: _form(match[1], case, gender, animate), text)


def _agreeing(match: re.Match[str], slots: Mapping[str, Phrase | Pronoun]) -> str:
    forms = match["forms"].split("|")
    if len(forms) != len(_GENDERS):
        raise InputError(f"{match[0]!r}: expected four forms (masculine, feminine, neuter, plural), found {len(forms)}")
    return forms[_GENDERS.index(_given(match["slot"] or "s", match[0], slots).gender)]


def _filling(match: re.Match[str], slots: Mapping[str, Phrase | Pronoun]) -> str:
    phrase = _given(match["name"], match[0], slots)
    filling = phrase.in_case(match["case"] or "nomn")
    return f"{filling}," if phrase.clause and _CLAUSE_END.match(match.string, match.end()) else filling


def _given(name: str, mark: str, slots: Mapping[str, Phrase | Pronoun]) -> Phrase | Pronoun:
    if name not in slots:
        raise InputError(f"{mark!r}: there is no slot {name!r} here")
    return slots[name]


def _form(word: str, case: str, gender: Gender, animate: bool) -> str:
    if "|" in word:
        forms = word.split("|")
        if len(forms) != len(CASES):
            raise InputError(f"[{word}]: expected six forms, found {len(forms)}")
        return forms[CASES.index(case)]
    if case == "nomn":
        return word
    parse = _parse(word, gender)
    wanted = {case}
    if case == "accs" and parse.tag.POS in {"ADJF", "PRTF"} and "femn" not in parse.tag and "neut" not in parse.tag:
        wanted.add("anim" if animate else "inan")
    inflected = parse.inflect(wanted)
    if inflected is None:
        raise InputError(f"[{word}]: no form in case {case!r}; write out its six forms")
    parts = zip(word.split("-"), inflected.word.split("-"), strict=True)
    return "-".join(form.capitalize() if part[:1].isupper() else form for part, form in parts)


def _parses(text: str, gender: Gender) -> Iterator[Any]:
    for match in _INFLECTED.finditer(text):
        if "|" not in match[1]:
            yield _parse(match[1], gender)


def _parse(word: str, gender: Gender) -> Any:
    """The likeliest reading of a word as a nominative; of a name, one of the phrase's gender."""
    readings = [one for one in morph().parse(word) if "nomn" in one.tag and one.tag.POS in _DECLINED]
    if not readings:
        raise InputError(f"[{word}]: no nominative of a declined word; write out its six forms")
    fitting = [one for one in readings if one.tag.number == "plur" or one.tag.gender == gender]
    personal = any({"Name", "Surn", "Patr"} & one.tag.grammemes for one in readings)
    return max(fitting if personal and fitting else readings, key=lambda one: one.score)


def _gender_of(word: str) -> Gender:
    tag = _parse(word.split("|")[0], "masc").tag
    gender: Gender = "plur" if tag.number == "plur" else tag.gender
    return gender
