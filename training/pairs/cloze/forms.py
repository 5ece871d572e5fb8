"""Other grammatical forms of tagged words: case and context come from slovnet's tags, forms from pymorphy3."""

from __future__ import annotations

import functools
from typing import Any

from generators.reading.parsing import Word
from retrievers.analysis import morph

# Universal Dependencies to OpenCorpora grammemes.
CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
_NUMBERS = {"Sing": "sing", "Plur": "plur"}
_PARTS = {
    "NOUN": ("NOUN",),
    "PROPN": ("NOUN", "ADJF"),
    "ADJ": ("ADJF", "PRTF", "ADJS"),
    "DET": ("ADJF",),
    "VERB": ("VERB", "PRTS", "PRTF", "INFN"),
    "AUX": ("VERB",),
    "NUM": ("NUMR",),
}
_NAMED = ("Name", "Surn", "Patr", "Geox")


def gender_of(word: Word) -> str:
    """``"plur"``, ``"masc"``, ``"femn"`` or ``"neut"``: the key of agreeing forms."""
    if word.feats.get("Number") == "Plur":
        return "plur"
    tagged = _GENDERS.get(word.feats.get("Gender", ""))
    if tagged:
        return tagged
    parse = read(word)
    return str(parse.tag.gender) if parse is not None and parse.tag.gender else "masc"


@functools.lru_cache(maxsize=200_000)
def _parses(word: str) -> tuple[Any, ...]:
    return tuple(morph().parse(word))


def read(word: Word) -> Any | None:
    """The pymorphy3 parse that fits the word's tags best, None where no parse is of its part of speech."""
    best, best_key = None, None
    wanted = (
        CASES.get(word.case, ""),
        _NUMBERS.get(word.feats.get("Number", ""), ""),
        _GENDERS.get(word.feats.get("Gender", ""), ""),
    )
    for parse in _parses(word.text.lower()):
        tag = parse.tag
        if tag.POS not in _PARTS.get(word.pos, ()):
            continue
        key = (
            not wanted[0] or str(tag.case or "")[:3] == wanted[0][:3],
            not wanted[1] or tag.number == wanted[1],
            not wanted[2] or tag.gender in (None, wanted[2]),
            word.pos != "PROPN" or any(mark in tag for mark in _NAMED),
            parse.score,
        )
        if best_key is None or key > best_key:
            best, best_key = parse, key
    return best


def inflect(word: Word, *grammemes: str) -> str | None:
    """The word in another form, capitals kept; None where the dictionary does not know how.

    Args:
        word: tagged in context.
        grammemes: of OpenCorpora, as pymorphy3 takes them: ``"gent"``, ``"plur"``.
    """
    parse = read(word)
    form = parse.inflect(set(grammemes)) if parse is not None else None
    return with_capitals(str(form.word), word.text) if form is not None else None


def with_capitals(form: str, source: str) -> str:
    """``form`` with the capitals of ``source``."""
    if len(source) > 1 and source.isupper():
        return form.upper()
    return form[:1].upper() + form[1:] if source[:1].isupper() else form


def agreeing(table: dict[str, dict[str, str]], gender: str, case: str, *, animate: bool = False) -> str:
    """«какой» or «чей» in the form that agrees with a noun."""
    return table[gender]["Anim" if animate and case == "Acc" else case]


def noun_form(lemma: str, case: str, number: str = "sing") -> tuple[str, str] | None:
    """A noun of the rules in a case, and its gender key."""
    parse = next((parse for parse in _parses(lemma) if parse.tag.POS == "NOUN" and parse.tag.case == "nomn"), None)
    form = parse.inflect({CASES[case], number}) if parse is not None and case in CASES else None
    if parse is None or form is None:
        return None
    return str(form.word), "plur" if number == "plur" else str(parse.tag.gender)


def in_number(word: Word, gender: str) -> str:
    """A finite verb or short participle made to agree with another subject."""
    if word.feats.get("VerbForm") == "Inf":
        return word.text
    parse = read(word)
    if parse is None or parse.tag.POS not in ("VERB", "PRTS", "ADJS"):
        return word.text
    wanted = {"plur"} if gender == "plur" else {"sing"}
    if gender != "plur" and (parse.tag.tense == "past" or parse.tag.POS in ("PRTS", "ADJS")):
        wanted.add(gender)
    form = parse.inflect(wanted)
    return with_capitals(str(form.word), word.text) if form is not None else word.text


def group_in_case(words: tuple[Word, ...], case: str) -> str | None:
    """A nominative noun group, such as a title, in another case; None where a word of it cannot be inflected.

    Args:
        words: of the group alone, heads counted inside it.
        case: Universal Dependencies.
    """
    if case == "Nom":
        return spaced([(word, word.text) for word in words])
    moved = {index for index, word in enumerate(words) if word.head < 0}
    for _ in words:  # agreement runs down the tree
        moved |= {
            index
            for index, word in enumerate(words)
            if word.head in moved
            and word.relation in ("amod", "flat:name", "flat", "det", "appos")
            and word.case in ("Nom", "")
        }
    forms: list[tuple[Word, str]] = []
    for index, word in enumerate(words):
        if index not in moved or word.is_punctuation or not any("а" <= char <= "я" for char in word.folded):
            forms.append((word, word.text))
            continue
        if any(other.text in '«"„' for other in words[:index]):  # a quoted title stays as it is
            forms.append((word, word.text))
            continue
        form = inflect(word, CASES[case])
        if form is None:
            return None
        forms.append((word, form))
    return spaced(forms)


def spaced(forms: list[tuple[Word, str]]) -> str:
    """Words put together with the spaces they have in the source; one between words that were apart."""
    pieces: list[str] = []
    before: Word | None = None
    for word, form in forms:
        if before is not None and word.start != before.stop:
            pieces.append(" ")
        pieces.append(form)
        before = word
    return "".join(pieces)
