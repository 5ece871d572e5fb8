"""Nominative short form of a span: «в Санкт-Петербурге» is answered as «Санкт-Петербург».

The head of the span goes into the nominative and what agrees with it follows; genitive complements, quoted titles and
figures stay as they are written. Case in context comes from slovnet's tags, forms from pymorphy3.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from generators.reading.candidates import Candidate, Kind
from generators.reading.parsing import Word, clean
from retrievers.analysis import morph
from retrievers.names import recased

# Universal Dependencies to OpenCorpora grammemes.
_CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct", "Par": "gen2"}
_NUMBERS = {"Sing": "sing", "Plur": "plur"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
_PARTS = {
    "NOUN": ("NOUN", "ADJF", "PRTF"),
    "PROPN": ("NOUN", "ADJF"),
    "ADJ": ("ADJF", "PRTF", "NOUN"),
    "VERB": ("PRTF", "ADJF"),
    "DET": ("ADJF", "NPRO"),
    "NUM": ("NUMR", "ADJF", "NOUN"),
    "PRON": ("NPRO", "NOUN"),
}
_AGREEING = ("amod", "det", "acl")
_NAME_PARTS = ("flat", "flat:name", "appos")
_SECOND = {"gen1": "gent", "gen2": "gent", "loc1": "loct", "loc2": "loct", "acc2": "accs"}
_INDECLINABLE_ENDINGS = "иоуэыею"  # of a foreign word the dictionary does not know: «Дебюсси», «Палау»
_AS_WRITTEN = frozenset({Kind.TITLE, Kind.LATIN, Kind.CLAUSE, Kind.NUMBER, Kind.PERCENT})
# Endings of names in -, -ий, -а and -ия; the first that fits is replaced.
_NAME_ENDINGS: dict[tuple[str, str], tuple[tuple[str, str], ...]] = {
    ("Gen", "masc"): (("ского", "ский"), ("цкого", "цкий"), ("а", "")),
    ("Acc", "masc"): (("ского", "ский"), ("цкого", "цкий"), ("а", "")),
    ("Dat", "masc"): (("скому", "ский"), ("цкому", "цкий"), ("у", "")),
    ("Ins", "masc"): (("ским", "ский"), ("цким", "цкий"), ("ом", ""), ("ем", "")),
    ("Loc", "masc"): (("ском", "ский"), ("цком", "цкий"), ("е", "")),
    ("Gen", "femn"): (("ской", "ская"), ("ии", "ия"), ("ы", "а"), ("ки", "ка"), ("ги", "га"), ("хи", "ха")),
    ("Dat", "femn"): (("ской", "ская"), ("ии", "ия"), ("е", "а")),
    ("Acc", "femn"): (("скую", "ская"), ("ию", "ия"), ("у", "а")),
    ("Ins", "femn"): (("ской", "ская"), ("ией", "ия"), ("ой", "а")),
    ("Loc", "femn"): (("ской", "ская"), ("ии", "ия"), ("е", "а")),
}
_PERSONAL = ("Name", "Surn", "Patr")


@dataclass(frozen=True, slots=True)
class _Form:
    number: str
    gender: str


def _case(tag: Any) -> str:
    return _SECOND.get(str(tag.case), str(tag.case))


@functools.lru_cache(maxsize=100_000)
def _parses(word: str) -> tuple[Any, ...]:
    return tuple(morph().parse(word))


def _in_case(word: str, case: str, parts: Iterable[str], wanted: _Form, personal: bool) -> Any | None:
    """Best pymorphy3 parse of ``word`` in a case, or None; a person's name is never read as a plural."""
    best, best_key = None, None
    for parse in _parses(word):
        tag = parse.tag
        if tag.POS not in parts or _case(tag) != case or (personal and _impersonal(tag)):
            continue
        key = (
            personal and any(mark in tag for mark in _PERSONAL),
            not wanted.number or tag.number == wanted.number,
            not wanted.gender or tag.gender in (None, wanted.gender),
            parse.is_known,
            parse.score,
        )
        if best_key is None or key > best_key:
            best, best_key = parse, key
    return best


def _impersonal(tag: Any) -> bool:
    """No form of a person's name: a plural, a neuter or a place."""
    return tag.number == "plur" or (tag.gender == "neut" and tag.POS == "NOUN") or "Geox" in tag


def _same_in_accusative(tag: Any) -> bool:
    """The nominative is written as the accusative: inanimate, and no feminine singular."""
    return tag.animacy != "anim" and not (tag.number == "sing" and tag.gender == "femn")


def _by_ending(word: Word, case: str, gender: str) -> str | None:
    """Nominative of a name the dictionary does not know in this gender, by its ending: «Гайдном» is «Гайдн»."""
    lowered = word.text.lower()
    for ending, replacement in _NAME_ENDINGS.get((case, gender), ()):
        base = lowered.removesuffix(ending)
        if base != lowered and len(base) > 2 and (replacement or base[-1] not in "аеёиоуыэюяьй"):
            return recased(base + replacement, word.text)
    return None


def _inflect(word: Word, case: str, agreement: _Form | None, *, personal: bool = False) -> tuple[str, _Form | None]:
    """Nominative of one word and the number and gender it has, or the word as written where no form is known.

    Args:
        word: tagged in context.
        case: Universal Dependencies case to read it in, its own or that of the word it agrees with.
        agreement: number and gender to agree with, for adjectives and parts of a name.
        personal: the word is part of a person's name.
    """
    lowered = word.text.lower()
    parts = _PARTS.get(word.pos, ())
    if case not in _CASES or not parts or not any("а" <= char <= "я" or char == "ё" for char in lowered):
        return word.text, None
    number = _NUMBERS.get(word.feats.get("Number", ""), "")
    gender = _GENDERS.get(word.feats.get("Gender", ""), "")
    wanted = _Form(agreement.number or number, agreement.gender or gender) if agreement else _Form(number, gender)
    parse = _in_case(lowered, _CASES[case], parts, wanted, personal)
    if case in ("Nom", "Acc"):
        nominative = _in_case(lowered, "nomn", parts, wanted, personal)
        if nominative is not None and (case == "Nom" or _same_in_accusative(nominative.tag) or parse is None):
            return word.text, _Form(nominative.tag.number or number, nominative.tag.gender or gender)
    if parse is None and not personal and _in_case(lowered, "nomn", parts, wanted, personal) is None:
        # Tagger and dictionary disagree: any oblique case of a known word.
        found = (_in_case(lowered, other, parts, wanted, personal) for other in _CASES.values())
        parse = next((one for one in found if one is not None and one.is_known), None)
    if (personal or word.pos == "PROPN") and wanted.number != "plur" and wanted.gender:
        agrees = parse is not None and str(parse.tag.gender) in ("None", wanted.gender) and parse.tag.number != "plur"
        guessed = None if agrees else _by_ending(word, case, wanted.gender)
        if guessed:
            return guessed, wanted
    if parse is None or (not parse.is_known and lowered[-1] in _INDECLINABLE_ENDINGS and case == "Gen"):
        return word.text, wanted
    goal = {"nomn"}
    if parse.tag.number:
        goal.add(str(parse.tag.number))
    if agreement is not None and parse.tag.POS in ("ADJF", "PRTF") and parse.tag.number == "sing" and wanted.gender:
        goal.add(wanted.gender)
    form = parse.inflect(goal)
    if form is None:
        return word.text, wanted
    # The dictionary writes ё in every word it knows or guesses; a guess must not bring one into a foreign name.
    spelt = form.word if parse.is_known or "ё" in lowered else form.word.replace("ё", "е")
    return recased(spelt, word.text), _Form(form.tag.number or number, form.tag.gender or gender)


def short_form(text: str, words: tuple[Word, ...], candidate: Candidate) -> str:
    """A candidate as an answer: names, phrases and dates in the nominative, titles, figures and clauses as written.

    Args:
        text: the passage.
        words: the candidate's sentence.
        candidate: a span of it.
    """
    dated = candidate.kind == Kind.DATE and words[candidate.first].text[:1].isdigit()  # «12 июня 1799 года»
    if candidate.kind in _AS_WRITTEN or dated:
        return " ".join(clean(text[candidate.start : candidate.stop])[0].split())
    return normal_form(words, candidate.first, candidate.last, person=candidate.kind == Kind.PERSON)


def normal_form(words: tuple[Word, ...], start: int, stop: int, *, person: bool = False) -> str:
    """Nominative of ``words[start:stop]``, spaced as in the passage.

    Args:
        words: a whole sentence, so that heads can be followed.
        start: first word of the span.
        stop: word after its last.
        person: the span is a person's name; all its parts are declined.
    """
    forms = {index: words[index].text for index in range(start, stop)}
    if forms:
        if person:
            _decline_name(words, start, stop, forms)
        else:
            _decline_group(words, _head(words, start, stop), start, stop, forms, None)
    pieces: list[str] = []
    for index in range(start, stop):
        if index > start and words[index].start > words[index - 1].stop:
            pieces.append(" ")
        pieces.append(forms[index])
    return "".join(pieces)


def _head(words: tuple[Word, ...], start: int, stop: int) -> int:
    """First word of the span governed from outside it; punctuation and prepositions do not count."""
    for index in range(start, stop):
        word = words[index]
        if not word.is_punctuation and word.pos != "ADP" and not start <= word.head < stop:
            return index
    return start


def _decline_group(
    words: tuple[Word, ...], head: int, start: int, stop: int, forms: dict[int, str], agreement: _Form | None
) -> None:
    inside = [index for index in range(start, stop) if words[index].head == head and index != head]
    counted = [index for index in inside if words[index].relation.startswith("nummod")]
    if counted:  # «четырьмя попаданиями»: figures stay, a numeral in words alone is declined with its noun left
        return
    forms[head], form = _inflect(words[head], words[head].case, agreement)
    if form is None:
        form = agreement
    for index in inside:
        word = words[index]
        if word.is_punctuation:
            continue
        same_case = word.case == words[head].case
        if word.relation in _AGREEING and word.pos in ("ADJ", "DET", "VERB"):
            forms[index], _ = _inflect(word, words[head].case or word.case, form or _Form("", ""))
        elif same_case and _is_name_part(word):
            if not _quoted(words, index, start):
                _decline_group(words, index, start, stop, forms, None)
        elif word.relation == "conj" and same_case:
            _decline_group(words, index, start, stop, forms, None)


def _is_name_part(word: Word) -> bool:
    """«река *Москва*», «император *Николай*»: stands in the case of the noun it names."""
    if word.relation in _NAME_PARTS:
        return word.pos in ("PROPN", "NOUN", "ADJ")
    return word.relation == "nmod" and word.pos == "PROPN" and word.case in ("Dat", "Ins", "Loc")


def _quoted(words: tuple[Word, ...], index: int, start: int) -> bool:
    """An odd number of quotes stands between the span's start and the word."""
    depth = 0
    for word in words[start:index]:
        if word.text in "«„“":
            depth += 1
        elif word.text in "»”":
            depth -= 1
        elif word.text in "\"''":
            depth = 1 - depth
    return depth > 0


def _decline_name(words: tuple[Word, ...], start: int, stop: int, forms: dict[int, str]) -> None:
    """All parts of a person's name in one case, agreeing in gender: the given name or patronymic knows it best."""
    parts = [
        index
        for index in range(start, stop)
        if len(words[index].text) > 1
        and words[index].text[:1].isupper()
        and words[index].pos in ("PROPN", "NOUN", "ADJ", "X")
    ]
    case, gender = _name_case(words, parts)
    if case == "Nom":
        return
    for index in parts:
        word = words[index]
        tagged = dataclasses.replace(word, pos="PROPN" if word.pos == "X" else word.pos)
        forms[index], _ = _inflect(tagged, case, _Form("sing", gender), personal=True)


def _name_case(words: tuple[Word, ...], parts: list[int]) -> tuple[str, str]:
    """Case and gender in which the dictionary can read every known part; the tags of the words break ties.

    «Юлия Цезаря»: «Юлия» may be a nominative, «Цезаря» not, so both are genitive and masculine.
    """
    best, best_key = ("Nom", ""), (-1.0, -1.0, -1.0)
    for case in _CASES:
        votes = sum(words[index].case == case for index in parts)
        if not votes:
            continue
        for gender in ("masc", "femn"):
            readable = tagged = 0
            for index in parts:
                parse = _personal_parse(words[index].text.lower(), _CASES[case], gender)
                unknown = not any(one.is_known for one in _parses(words[index].text.lower()))
                readable += parse is not None or unknown
                tagged += _GENDERS.get(words[index].feats.get("Gender", "")) == gender
            key = (float(readable), float(votes), float(tagged))
            if key > best_key:
                best, best_key = (case, gender), key
    return best


def _personal_parse(word: str, case: str, gender: str) -> Any | None:
    for parse in _parses(word):
        tag = parse.tag
        if parse.is_known and _case(tag) == case and tag.number != "plur" and tag.gender in (None, gender):
            return parse
    return None
