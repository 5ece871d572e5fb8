"""COMPOSE_QUERY: found answers put into the slots of a question, each in the case its place asks for."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from rag.agent.declension import Reading, decline, is_personal, readings
from rag.agent.plan import Slot, slots_of
from retrievers.names import NameInText, nominatives, recased

# A slot with the word before it, which may be a preposition or name what fills the slot, and the word after it.
_PLACE = re.compile(r"(?:(?<!\w)(?P<before>[^\W\d_]+)(?P<space>\s+))?(?P<slot>\{[^{}]*\})(?P<after>\s+[^\W\d_]+)?")
_YEAR = re.compile(r"(?<!\d)(\d{3,4})(?!\d)")
_FIRST_WORD = re.compile(r"(?P<word>[^\W\d_]+)\s+(?=\S)")
_NUMBER = re.compile(r"_?\d+$")  # a second slot of the same noun: «город2»
_QUOTES = {"«": "»", "„": "“", "“": "”", '"': '"'}
_ENDS = " \t\n.,;:!?"


@dataclass(frozen=True, slots=True)
class _Rules:
    """``rag/agent/data/wording.toml``, as looked up."""

    prepositions: frozenset[str]
    nameless: frozenset[str]
    works: frozenset[str]
    adjectival: frozenset[str]
    years: frozenset[str]
    long: dict[str, tuple[str, re.Pattern[str]]]
    short: dict[str, str]


@functools.cache
def _rules() -> _Rules:
    table = tomllib.loads(resources.files("rag.agent").joinpath("data/wording.toml").read_text(encoding="utf-8"))
    long = {short: (form, re.compile(start)) for short, (form, start) in table["long"].items()}
    return _Rules(
        prepositions=frozenset(table["strip"]["prepositions"]),
        nameless=frozenset(table["slots"]["nameless"]),
        works=frozenset(table["slots"]["works"]),
        adjectival=frozenset(table["slots"]["adjectival"]),
        years=frozenset(table["slots"]["year"]),
        long=long,
        short={form: short for short, (form, _) in long.items()},
    )


def compose(question: str, fillings: Mapping[str, str]) -> str:
    """``question`` with every slot filled.

    An answer loses the preposition it came with and stands in the case that its slot names; prepositions before a slot
    take the form that goes with it. A title in quotes is not declined, the noun before it is.

    >>> compose("Что написал сын {автор|gent}?", {"автор": "Станислав Лем"})
    'Что написал сын Станислава Лема?'
    >>> compose("Что находится в {город|loct}?", {"город": "во Владивостоке"})
    'Что находится во Владивостоке?'

    Args:
        question: with slots as :mod:`rag.agent.plan` writes them.
        fillings: answer by slot name.

    Raises:
        KeyError: a slot has no filling.
    """
    composed = _PLACE.sub(lambda match: _filled(match, fillings), question)
    return composed[:1].upper() + composed[1:] if question[:1] == "{" else composed


def _filled(match: re.Match[str], fillings: Mapping[str, str]) -> str:
    before, after = match["before"] or "", match["after"] or ""
    slot = slots_of(match["slot"])
    if not slot:
        return match.group()
    preposition = _rules().short.get(before.lower(), before.lower())
    form = in_slot(
        fillings[slot[0].name], slot[0], preposition=preposition, noun_before=before, noun_after=after.strip()
    )
    return f"{agreeing(before, form)}{match['space'] or ''}{form}{after}"


def in_slot(answer: str, slot: Slot, *, preposition: str = "", noun_before: str = "", noun_after: str = "") -> str:
    """An answer as it stands in a slot.

    Args:
        answer: as the reader gave it.
        slot: its name says what is looked for, its case where it stands.
        preposition: before the slot, in its short form.
        noun_before: word before the slot; a generic noun that stands there is not said twice.
        noun_after: word after it, likewise.
    """
    noun = _NUMBER.sub("", slot.name.lower()).replace("_", " ")
    text = nominative(answer, noun)
    if noun in _rules().years:
        return _as_year(text, slot.case, preposition, followed=_is_form_of(noun_after, noun))
    first = _FIRST_WORD.match(text)
    if first is not None and _lemmas(first["word"]) & _lemmas(noun_before):
        text = text[first.end() :]
    if noun in _rules().adjectival:
        text = _with_noun(text, noun)
    generic = _generic(text, noun, noun_before)
    if noun in _rules().works and generic and text[:1] not in _QUOTES:
        text = f"«{text}»"
    if generic:
        text = f"{noun} {text}"
    personal = _is_person(noun) and text[:1].isupper()
    return decline(text, slot.case, personal=personal, gender=_gender(noun) if personal else "", after=preposition)


def nominative(answer: str, noun: str = "") -> str:
    """An answer without its preposition and full stop, in the nominative: ``nominative("в Енисей") == "Енисей"``.

    An answer that has no preposition is taken to be in the nominative already, unless it cannot be.

    Args:
        answer: as the reader gave it.
        noun: what was asked for, for whether it names a person.
    """
    text = " ".join(answer.split()).strip(_ENDS)
    if not text:
        return answer.strip()
    start = 0
    title = noun in _rules().works and text[:1].isupper()  # «На маяк» is a title
    while not title and (first := _FIRST_WORD.match(text, start)) and first["word"].lower() in _rules().prepositions:
        start = first.end()
    if start == 0 and not _is_oblique(text, noun):
        return text
    if text[start] in _QUOTES:
        return text[start:]
    name = NameInText(text, start, len(text), _is_person(noun) or _reads_as_person(text[start:]))
    return nominatives([name])[0]


def _is_oblique(text: str, noun: str) -> bool:
    """Whether an answer without a preposition is in another case all the same: «Беллинсгаузена», «Мусоргского»."""
    word = text.split()[0].rstrip(",")
    if not word[:1].isalpha() or text[:1] in _QUOTES:
        return False
    nominatives_ = [one for one in readings(word) if one.case == "nomn" and one.known]
    known = any(one.known for one in readings(word))
    if not known:
        return False
    if not nominatives_:
        return True
    # «Пушкина» is a woman's name or a genitive: asked for a poet, it is the genitive.
    gender = _gender(noun)
    personal = _is_person(noun) and word[:1].isupper() and gender == "masc"
    return personal and all(one.gender == "femn" and "Surn" in one.marks for one in nominatives_)


def _as_year(text: str, case: str, preposition: str, *, followed: bool) -> str:
    """«1961» as «1961 году»; of a date, the year alone where the year is asked for."""
    found = _YEAR.findall(text)
    if len(found) != 1:
        return decline(text, case, after=preposition)
    return found[0] if followed else decline(f"{found[0]} год", case, after=preposition or "в")


def _generic(text: str, noun: str, before: str) -> bool:
    """Whether the slot's noun has to be said before a title, which shows no case: «автор *романа* „Солярис“»."""
    if noun in _rules().nameless or " " in noun or _is_form_of(before, noun) or _is_person(noun):
        return False
    if _noun(noun) is None:
        return False
    if text[:1] in _QUOTES:
        return text.endswith(_QUOTES[text[:1]])
    # «Роман „Солярис“» and «роман Лема» say what they are; «Солярис» does not.
    return noun in _rules().works and text[:1].isupper() and not any(quote in text for quote in _QUOTES)


def _with_noun(text: str, noun: str) -> str:
    """«Ладожское» with the lake it stands for, anything but a lone adjective as it is."""
    best, forms = _noun(noun), [one for one in readings(text) if one.case == "nomn"]
    if best is None or not forms or any(one.pos != "ADJF" or one.number != best.number for one in forms):
        return text
    agreeing = forms[0].in_case("nomn", gender=best.gender)
    return f"{recased(agreeing, text)} {noun}" if agreeing is not None else text


def _noun(word: str) -> Reading | None:
    """The likeliest reading of a slot's name as a noun in the nominative."""
    return next((one for one in readings(word) if one.case == "nomn" and one.pos == "NOUN" and one.known), None)


def _lemmas(word: str) -> set[str]:
    return {str(one.entry.normal_form) for one in readings(word) if one.known}


def _is_form_of(word: str, noun: str) -> bool:
    return noun in _lemmas(word)


def _is_person(noun: str) -> bool:
    """Whether a slot's noun is one for people: animate by the dictionary."""
    best = _noun(noun)
    return best is not None and "anim" in best.marks


def _gender(noun: str) -> str:
    """Gender of the person a slot's noun stands for, where it tells: «писательница», but not «автор»."""
    best = _noun(noun)
    return best.gender if best is not None and best.gender in ("masc", "femn") else ""


def _reads_as_person(text: str) -> bool:
    words = text.split()
    return len(words) > 1 and all(word[:1].isupper() for word in words) and any(map(_is_name_form, words))


def _is_name_form(word: str) -> bool:
    best = next(iter(readings(word)), None)
    return is_personal(word) or (best is not None and bool(best.marks & {"Name", "Patr"}))


def agreeing(before: str, form: str) -> str:
    """A preposition in the form that goes with the word after it: «в» or «во», «с» or «со», «о» or «об»."""
    lowered = before.lower()
    short = "о" if lowered in ("об", "обо") else _rules().short.get(lowered, lowered)
    if short not in _rules().long or not form[:1].isalpha():
        return before
    longer, start = _rules().long[short]
    word = re.split(r"[^\w-]", form, maxsplit=1)[0]
    spelt = len(word) > 1 and word.isupper() and short != "о"  # «в ФСБ»: read by letters, «эф-эс-бэ»
    chosen = longer if not spelt and start.match(word.lower()) else short
    return chosen[:1].upper() + chosen[1:] if before[:1].isupper() else chosen
