"""Noun groups in another case: adjectives and their noun decline, what the noun governs and quoted titles stay."""

from __future__ import annotations

import re
from dataclasses import dataclass

from rag.agent.declension.people import WORD, decline_person, is_personal, person_gender
from rag.agent.declension.rules import OBLIQUE, by_ending, rules
from rag.agent.declension.words import Reading, is_acronym, readings
from retrievers.names import is_cyrillic, recased

_OPENING = '«„“"('
_FIGURES = re.compile(r"\d[\d ]*|[IVXLC]+")
_ORDINAL = re.compile(r"(\d+)(-[а-я]{1,2})")
_JOINED = re.compile(r"(, (?:и )?| и )")
_WITH_PREPOSITION = re.compile(r"(?P<head>[^\W_-]+)(?P<tail>-на-[^\W_-]+)")  # «Ростов-на-Дону»


@dataclass(frozen=True, slots=True)
class _Group:
    """The declined words of a group: adjectives by their offset, and the noun with its reading."""

    adjectives: tuple[re.Match[str], ...]
    noun: re.Match[str]
    reading: Reading | None  # None: the dictionary does not know it


def decline(phrase: str, case: str, *, personal: bool = False, gender: str = "", after: str = "") -> str:
    """A phrase in the nominative put into another case, spaces and capitals kept.

    Args:
        phrase: «Нижний Новгород», «роман „Солярис“», «Пётр Капица и Лев Ландау».
        case: OpenCorpora grammeme.
        personal: whether it names a person; a given name or surname in it tells too.
        gender: of the person, where the context tells.
        after: preposition it stands after, for «в Крыму».
    """
    if case == "nomn" or not phrase:
        return phrase
    parts = _JOINED.split(phrase)
    if (
        len(parts) > 1
        and not any(quote in phrase for quote in _OPENING)
        and all(_has_nominative(part) for part in parts[::2])
    ):
        declined = [
            part if at % 2 else _one(part, case, personal=personal, gender=gender, after=after)
            for at, part in enumerate(parts)
        ]
        return "".join(declined)
    return _one(phrase, case, personal=personal, gender=gender, after=after)


def _has_nominative(part: str) -> bool:
    """Whether a member of a list can be one: it begins with a name or a word in the nominative."""
    first = WORD.search(part)
    if first is None or first.start() > 0:
        return False
    return any(one.case == "nomn" for one in readings(first.group())) or first.group()[:1].isupper()


def _one(phrase: str, case: str, *, personal: bool, gender: str, after: str) -> str:
    if phrase[:1] in _OPENING:
        return phrase
    first = WORD.search(phrase)
    if first is None:
        return phrase
    if first.group()[:1].isupper() and (personal or is_person_name(phrase)):
        return decline_person(phrase, case, gender)
    group = _group(phrase)
    if group is None:
        return phrase
    forms = _forms(group, case, after)
    end = group.noun.end()
    rest = phrase[end:]
    return _replaced(phrase[:end], forms) + _beside(group, rest, case, gender)


def is_person_name(phrase: str) -> bool:
    """All words in capitals and one of them a given name, or the only one a surname and nothing else."""
    words = [match.group() for match in WORD.finditer(phrase)]
    if not all(word[:1].isupper() or word.lower() in rules().particles for word in words):
        return False
    if len(words) == 1:
        known = [one for one in readings(words[0]) if one.known and one.case == "nomn"]
        return (
            bool(known)
            and all(one.marks & {"Surn", "Name", "Patr"} for one in known[:1])
            and not any("Geox" in one.marks for one in known)
        )
    return any(one.known and "Name" in one.marks and one.case == "nomn" for one in readings(words[0])) or (
        len(words[0]) == 1 and is_personal(words[-1])
    )


def gender_of(phrase: str) -> str:
    """``"plur"`` or the gender that a verb takes beside a phrase in the nominative; ``""`` where nothing tells."""
    if is_person_name(phrase):
        return person_gender(phrase)
    group = _group(phrase)
    if group is None or group.reading is None:
        return "masc" if group is not None else ""
    return "plur" if group.reading.number == "plur" else group.reading.gender.replace("ms-f", "masc")


def _group(phrase: str) -> _Group | None:
    """Adjectives in the nominative and the noun they agree with; None where the phrase does not begin so."""
    stop = min((at for quote in _OPENING if (at := phrase.find(quote)) >= 0), default=len(phrase))
    adjectives: list[re.Match[str]] = []
    agreeing: set[tuple[str, str]] | None = None  # number and gender the adjectives leave open
    words = list(WORD.finditer(phrase, 0, stop))
    for at, match in enumerate(words):
        word = match.group()
        if _FIGURES.fullmatch(word) or _ORDINAL.fullmatch(word):
            adjectives.append(match)
            continue
        if not is_cyrillic(word) or is_acronym(word):
            return None
        noun = _noun(word, agreeing)
        following = words[at + 1].group() if at + 1 < len(words) else ""
        if noun is not None and _is_adjective(word) and _noun(following, _agreements(word)):
            noun = None  # «Набережные» of «Набережные Челны» is no embankment
        if noun is not None or not _is_adjective(word):
            known = noun is not None or (word[:1].isupper() and agreeing is None)
            counted = bool(adjectives) and adjectives[-1].group().isdigit() and (noun is None or noun.number == "plur")
            return _Group(tuple(adjectives), match, noun) if known and not counted else None
        agreeing = _agreements(word) if agreeing is None else agreeing & _agreements(word)
        adjectives.append(match)
    if adjectives and _is_adjective(adjectives[-1].group()):  # «Вторая Камчатская», with its noun left out
        last = adjectives.pop()
        reading = next(one for one in readings(last.group()) if one.case == "nomn" and one.pos != "NOUN")
        return _Group(tuple(adjectives), last, reading)
    return None


def _agreements(adjective: str) -> set[tuple[str, str]]:
    """Number and gender of the nouns that an adjective in the nominative can stand with."""
    return {(one.number, one.gender) for one in readings(adjective) if one.case == "nomn" and one.pos != "NOUN"}


def _noun(word: str, agreeing: set[tuple[str, str]] | None) -> Reading | None:
    """The best reading of a word as a noun in the nominative that agrees with the adjectives before it."""
    capital = word[:1].isupper()
    best, best_key = None, None
    for one in readings(word):
        if one.case != "nomn" or one.pos not in ("NOUN", "NUMR") or not one.known:
            continue
        if agreeing is not None and not any(
            number == one.number and (one.gender in (gender, "ms-f") or gender == "ms-f" or number == "plur")
            for number, gender in agreeing
        ):
            continue
        # A capital outside of a person's name is a place's or a thing's: «в Орёл», not «в Орла».
        key = (capital and "Geox" in one.marks, not capital or "inan" in one.marks, one.score)
        if best_key is None or key > best_key:
            best, best_key = one, key
    return best


def _is_adjective(word: str) -> bool:
    return any(one.case == "nomn" and one.pos in ("ADJF", "PRTF") for one in readings(word))


def _forms(group: _Group, case: str, after: str) -> dict[int, str]:
    noun, reading = group.noun.group(), group.reading
    forms = {group.noun.start(): _noun_in_case(noun, reading, case, after)}
    number = reading.number if reading is not None else "sing"
    gender = reading.gender if reading is not None else "masc"
    animate = reading is not None and "anim" in reading.marks
    for match in group.adjectives:
        word = match.group()
        if ordinal := _ORDINAL.fullmatch(word):
            endings = rules().ordinals.get(f"{ordinal[2]} {number if number == 'plur' else gender}")
            forms[match.start()] = ordinal[1] + (endings[OBLIQUE.index(case)] if endings else ordinal[2])
        elif not _FIGURES.fullmatch(word):
            forms[match.start()] = _adjective_in_case(word, number, gender, case, animate=animate)
    return forms


def _adjective_in_case(word: str, number: str, gender: str, case: str, *, animate: bool) -> str:
    for one in readings(word):
        if one.case == "nomn" and one.pos in ("ADJF", "PRTF") and one.number == number:
            # «видеть новый дом», «видеть нового друга»: only a feminine has an accusative of its own.
            if case == "accs" and not (number == "sing" and gender == "femn"):
                case = "gent" if animate and gender != "neut" else "nomn"
            agreement = "" if number == "plur" or gender not in ("masc", "femn", "neut") else gender
            form = one.in_case(case, gender=agreement)
            return recased(form, word) if form is not None else word
    return word


def _noun_in_case(word: str, reading: Reading | None, case: str, after: str) -> str:
    lowered = word.lower()
    if joined := _WITH_PREPOSITION.fullmatch(word):
        head = joined["head"]
        return _noun_in_case(head, _noun(head, None), case, after) + joined["tail"]
    if reading is not None:
        if case == "loct" and after in ("в", "на") and lowered in rules().second_locative:
            second = reading.entry.inflect({"loc2"})
            return recased(str(second.word), word) if second is not None else word
        if reading.pos in ("ADJF", "PRTF"):
            return _adjective_in_case(word, reading.number, reading.gender, case, animate=False)
        form = reading.in_case(case)
        return recased(form, word) if form is not None else word
    head, hyphen, tail = word.rpartition("-")
    if hyphen and tail:
        last = _noun(tail, None)
        if last is None and _is_adjective(tail):  # «Петропавловск-Камчатский»
            first = _noun_in_case(head, _noun(head, None), case, after)
            return f"{first}-{_adjective_in_case(tail, 'sing', 'masc', case, animate=False)}"
        return f"{head}-{_noun_in_case(tail, last, case, after)}"
    if lowered.endswith(rules().fixed) or lowered.endswith("ь"):
        form = _guessed(lowered, case) if lowered.endswith("ь") else None
        return recased(form, word) if form else word
    return recased(by_ending(lowered, rules().things, case) or lowered, word)


def _guessed(word: str, case: str) -> str | None:
    """A word in -ь that the dictionary does not know, by the likeliest of the words like it."""
    reading = next((one for one in readings(word) if one.case == "nomn" and one.pos == "NOUN"), None)
    return reading.in_case(case) if reading is not None else None


def _beside(group: _Group, rest: str, case: str, gender: str) -> str:
    """What follows the noun: a name in its case («писателя Лема», «города Твери») or as it stands."""
    name = rest.lstrip()
    space = rest[: len(rest) - len(name)]
    reading = group.reading
    if not name[:1].isupper() or reading is None or not group.noun.group()[:1].islower():
        return _adjective_behind(group, rest, case)
    if "anim" in reading.marks:
        first = WORD.match(name)
        if (first is not None and any(one.case == "nomn" for one in readings(first.group()))) or not _is_oblique(name):
            return space + decline(name, case, personal=True, gender=gender or reading.gender)
        return rest
    if reading.entry.normal_form in rules().shared_case and not name.lower().endswith(rules().fixed_after_noun):
        return space + _one(name, case, personal=False, gender="", after="")
    return rest


def _is_oblique(name: str) -> bool:
    """Whether the dictionary reads the first word, but not in the nominative: «директор *Пулковской* обсерватории»."""
    first = WORD.search(name)
    known = [one for one in readings(first.group()) if one.known] if first is not None else []
    return bool(known) and not any(one.case == "nomn" for one in known)


def _adjective_behind(group: _Group, rest: str, case: str) -> str:
    """«Великий Новгород» has its adjective in front, «Новгород Великий» behind."""
    match = WORD.fullmatch(rest.strip())
    reading = group.reading
    if match is None or reading is None or not rest.strip()[:1].isupper() or not _is_adjective(match.group()):
        return rest
    declined = _adjective_in_case(match.group(), reading.number, reading.gender, case, animate="anim" in reading.marks)
    return rest.replace(match.group(), declined)


def _replaced(text: str, forms: dict[int, str]) -> str:
    return WORD.sub(lambda match: forms.get(match.start(), match.group()), text)
