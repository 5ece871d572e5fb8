"""Nominative of names: «Софьи Ковалевской» is «Софья Ковалевская», «Московского университета» «Московский университет».

A name is read in every case, number and gender in which its words agree (pymorphy3, and endings for words it does not
know). Most names have one nominative in all their readings. Where they have several («Александра Пушкина» is a woman,
or a man in the genitive), slovnet's morphology looks at the name in its sentence and decides; its network sees three
words to either side, so that no more than these are tagged.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from retrievers.analysis import fold, lemma, morph
from retrievers.models import load_morph

_CONTEXT = 3  # words to either side that a tag depends on: three convolutions of width three
_CONTEXT_CHARS = 100
_MARGIN = 1.0  # a reading this much worse than the best is not asked about
_AGREED = 0.6  # quality for every further word that agrees: «Красной площади» is not «Красная» and «площади»
_CASE_WEIGHT, _GENDER_WEIGHT, _NUMBER_WEIGHT = 1.0, 0.4, 0.3  # of the tagger's opinion, against qualities of 0 to 3

_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
_NUMBERS = {"Sing": "sing", "Plur": "plur"}
_SECOND = {"gen1": "gent", "gen2": "gent", "loc1": "loct", "loc2": "loct", "acc2": "accs"}
_ONE_GENDER = (("sing", "masc"), ("sing", "femn"))
_ALL_GENDERS = (*_ONE_GENDER, ("sing", "neut"), ("plur", ""))
_PERSONAL = ("Name", "Surn", "Patr")
_OPENING = "«„“\"'("
_LONGEST_ACRONYM = 5  # letters; longer words in capitals are words
# Nouns whose name stands in their case: «города Москвы» is «город Москва», but «университета Москвы» stays so.
_NAMED_IN_CASE = frozenset(("город", "река", "деревня", "село", "станица", "столица", "императрица", "император"))
# fmt: off
# Words that end the declined part of a place or an organisation.
_LINKS = frozenset((
    "и", "в", "во", "на", "по", "при", "имени", "им", "под", "над", "за", "из", "от", "до", "для", "о", "об", "с", "со",
    "к",
))
# Words inside a person's name that are not declined.
_PARTICLES = frozenset((
    "фон", "ван", "де", "да", "ди", "дю", "дер", "ден", "дела", "ла", "ле", "тер", "ибн", "бен", "бин", "аль", "эль",
    "оглы", "заде", "цу", "и",
))
# Nominatives of words the dictionary does not know, by ending. Longer endings first.
_MASCULINE: dict[str, tuple[tuple[str, str], ...]] = {
    "gent": (("ского", "ский"), ("цкого", "цкий"), ("ея", "ей"), ("ая", "ай"), ("ия", "ий"), ("я", "ь"), ("а", ""),
             ("ы", "а")),
    "datv": (("скому", "ский"), ("цкому", "цкий"), ("ею", "ей"), ("аю", "ай"), ("ию", "ий"), ("ю", "ь"), ("у", "")),
    "accs": (("ского", "ский"), ("цкого", "цкий"), ("ея", "ей"), ("ая", "ай"), ("ия", "ий"), ("я", "ь"), ("а", ""),
             ("у", "а")),
    "ablt": (("ским", "ский"), ("цким", "цкий"), ("овым", "ов"), ("евым", "ев"), ("иным", "ин"), ("еем", "ей"),
             ("аем", "ай"), ("ием", "ий"), ("ом", ""), ("ем", ""), ("ой", "а")),
    "loct": (("ском", "ский"), ("цком", "цкий"), ("ее", "ей"), ("ае", "ай"), ("ии", "ий"), ("е", "")),
}
_FEMININE_OBLIQUE = (("ской", "ская"), ("цкой", "цкая"), ("овой", "ова"), ("евой", "ева"), ("иной", "ина"))
_FEMININE: dict[str, tuple[tuple[str, str], ...]] = {
    "gent": (*_FEMININE_OBLIQUE, ("ии", "ия"), ("ки", "ка"), ("ги", "га"), ("хи", "ха"), ("жи", "жа"), ("ши", "ша"),
             ("чи", "ча"), ("и", "я"), ("ы", "а")),
    "datv": (*_FEMININE_OBLIQUE, ("ии", "ия"), ("е", "а")),
    "accs": (("скую", "ская"), ("цкую", "цкая"), ("ию", "ия"), ("ю", "я"), ("у", "а")),
    "ablt": (*_FEMININE_OBLIQUE, ("ией", "ия"), ("ой", "а"), ("ей", "я")),
    "loct": (*_FEMININE_OBLIQUE, ("ии", "ия"), ("е", "а")),
}
# fmt: on
_SURNAME_ENDINGS = ("ов", "ев", "ова", "ева")
_VOWELS = "аеёиоуыэюя"
_FIXED_ENDINGS = "еёиоуэю"  # a foreign name ending in one of these is the same in all cases: «Дебюсси», «Палау»


@dataclass(frozen=True, slots=True)
class NameInText:
    """A name at ``text[start:stop]``; ``personal`` for the name of a person."""

    text: str
    start: int
    stop: int
    personal: bool


@dataclass(frozen=True, slots=True)
class _Reading:
    """A way to read a name: its nominative and the form it is taken for.

    Args:
        normal: the nominative.
        case, number, gender: OpenCorpora grammemes; gender is "" in the plural.
        declined: offsets in the name of the words read so.
        quality: how well the dictionary knows it so, 0 to about 3.
    """

    normal: str
    case: str
    number: str
    gender: str
    declined: tuple[int, ...]
    quality: float


def nominatives(names: Sequence[NameInText]) -> list[str]:
    """Nominative of every name, with single spaces; names in quotes after a noun and figures stay as written."""
    choices = [_choices(name.text[name.start : name.stop], name.personal) for name in names]
    asked = [index for index, readings in enumerate(choices) if len({one.normal for one in readings}) > 1]
    tags = dict(zip(asked, _tags([names[index] for index in asked]), strict=True))
    return [
        max(readings, key=lambda one: one.quality + _agreement(one, tags.get(index, {}))).normal
        for index, readings in enumerate(choices)
    ]


def _agreement(reading: _Reading, tags: dict[int, dict[str, str]]) -> float:
    """How far the tags of the declined words speak for a reading."""
    score = 0.0
    for at in reading.declined:
        feats = tags.get(at, {})
        score += _CASE_WEIGHT * (_CASES.get(feats.get("Case", "")) == reading.case)
        score += _GENDER_WEIGHT * (_GENDERS.get(feats.get("Gender", "")) == reading.gender)
        score += _NUMBER_WEIGHT * (_NUMBERS.get(feats.get("Number", "")) == reading.number)
    return score / max(len(reading.declined), 1)


def _tags(names: Sequence[NameInText]) -> list[dict[int, dict[str, str]]]:
    """Features of the words of each name by their offset in it, tagged between their neighbours."""
    import razdel

    rows: list[list[str]] = []
    offsets: list[list[int]] = []
    for name in names:
        left = max(0, name.start - _CONTEXT_CHARS)
        tokens = list(razdel.tokenize(name.text[left : name.stop + _CONTEXT_CHARS]))
        start, stop = name.start - left, name.stop - left
        inside = [index for index, token in enumerate(tokens) if token.start < stop and token.stop > start]
        window = tokens[max(0, inside[0] - _CONTEXT) : inside[-1] + 1 + _CONTEXT]
        rows.append([token.text for token in window])
        offsets.append([token.start - start for token in window])
    order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
    result: list[dict[int, dict[str, str]]] = [{} for _ in rows]
    for index, markup in zip(order, load_morph().map([rows[index] for index in order]), strict=True):
        result[index] = {at: token.feats for at, token in zip(offsets[index], markup.tokens, strict=True)}
    return result


@functools.lru_cache(maxsize=50_000)
def _choices(name: str, personal: bool) -> tuple[_Reading, ...]:
    """Readings of ``name`` that are worth choosing among; never empty."""
    written = " ".join(name.split())
    found = _person_readings(name) if personal else _group_readings(name)
    best = max((one.quality for one in found), default=0.0)
    kept = tuple(one for one in found if one.quality >= best - _MARGIN)
    return kept or (_Reading(written, "nomn", "sing", "", (), 0.0),)


def _rewritten(name: str, forms: dict[int, str]) -> str:
    """``name`` with the words at the offsets of ``forms`` replaced."""
    replaced = _WORD.sub(lambda match: forms.get(match.start(), match.group()), name)
    return " ".join(replaced.split())


def is_cyrillic(word: str) -> bool:
    """Whether a word has a Russian letter."""
    return any("а" <= char <= "я" or char == "ё" for char in word.lower())


def _is_initial(match: re.Match[str]) -> bool:
    """«А», «Дж.»: a letter alone, or a few before a full stop."""
    return len(match.group()) == 1 or (len(match.group()) <= 3 and match.string.startswith(".", match.end()))


def _is_acronym(word: str) -> bool:
    return 1 < len(word) <= _LONGEST_ACRONYM and word.isupper()


@dataclass(frozen=True, slots=True)
class _Parse:
    """A dictionary reading of a word, as plain strings; ``genders`` is empty in the plural."""

    pos: str
    case: str
    number: str
    genders: tuple[str, ...]
    marks: frozenset[str]
    known: bool
    score: float
    entry: Any

    @property
    def personal(self) -> bool:
        """A given name, patronymic or surname."""
        return not self.marks.isdisjoint(_PERSONAL)


@functools.lru_cache(maxsize=50_000)
def _parses(word: str) -> tuple[_Parse, ...]:
    """Readings of a lower-case word as a noun or adjective."""
    found: list[_Parse] = []
    for entry in morph().parse(word):
        tag = entry.tag
        marks, pos, case = tag.grammemes, str(tag.POS), str(tag.case)
        if pos not in ("NOUN", "ADJF", "PRTF") or "Infr" in marks or "Abbr" in marks or tag.case is None:
            continue
        number, gender = str(tag.number), str(tag.gender)
        genders: tuple[str, ...] = (gender,) if gender in ("masc", "femn", "neut") else ("masc", "femn")
        if number == "plur":
            genders = ()
        found.append(_Parse(pos, _SECOND.get(case, case), number, genders, marks, entry.is_known, entry.score, entry))
    return tuple(found)


def _inflected(parse: _Parse, gender: str, source: str) -> str | None:
    """Nominative of a word read as ``parse``, in the number it has, with the capitals of ``source``."""
    if parse.case == "nomn":
        return source
    if parse.pos == "NOUN" and parse.number == "sing" and parse.marks.isdisjoint(("Surn", "Patr")):
        spelt = str(parse.entry.normal_form)
    else:
        goal = {"nomn", parse.number}
        if parse.pos != "NOUN" and gender:
            goal.add(gender)
        form = parse.entry.inflect(goal)
        if form is None:
            return None
        spelt = str(form.word)
    if not parse.known and "ё" not in source.lower():
        spelt = spelt.replace("ё", "е")  # a guess must not bring a ё into a foreign name
    return source if spelt == source.lower() else recased(spelt, source)


_Form = tuple[str, float]  # nominative of a word and the quality of the reading it comes from
_Key = tuple[str, str, str]  # case, number, gender


def _best_forms(word: str, pos: tuple[str, ...], quality: Callable[[_Parse], float]) -> dict[_Key, _Form]:
    """The best nominative of ``word`` for every case, number and gender it can be read in."""
    best: dict[_Key, tuple[float, _Parse]] = {}
    for parse in _parses(word.lower()):
        if parse.pos not in pos:
            continue
        worth = quality(parse) + 0.3 * parse.score
        for gender in parse.genders or ("",):
            key = (parse.case, parse.number, gender)
            if key not in best or worth > best[key][0]:
                best[key] = (worth, parse)
    forms: dict[_Key, _Form] = {}
    for key, (worth, parse) in best.items():
        form = _inflected(parse, key[2], word)
        if form is not None:
            forms[key] = (form, worth)
    return forms


def _is_known(word: str) -> bool:
    return any(parse.known for parse in _parses(word.lower()))


def _person_readings(name: str) -> list[_Reading]:
    parts = [
        match
        for match in _WORD.finditer(name)
        if is_cyrillic(match.group())
        and match.group().lower() not in _PARTICLES
        and not _is_initial(match)
        and not _is_acronym(match.group())
    ]
    if not parts:
        return []
    readings: list[_Reading] = []
    for number, gender in _ONE_GENDER:
        for case in _CASES.values():
            found = [_person_forms(match.group()).get((case, number, gender)) for match in parts]
            forms = {match.start(): form[0] for match, form in zip(parts, found, strict=True) if form}
            if len(forms) == len(parts):
                quality = sum(form[1] for form in found if form) / len(parts)
                readings.append(_Reading(_rewritten(name, forms), case, number, gender, tuple(forms), quality))
    return readings


@functools.lru_cache(maxsize=50_000)
def _person_forms(word: str) -> dict[_Key, _Form]:
    """Nominatives of a part of a person's name in the cases and genders it can stand in."""
    forms = {key: form for key, form in _best_forms(word, ("NOUN", "ADJF"), _personal_quality).items() if key[2]}
    if not any(parse.known and parse.personal and parse.genders for parse in _parses(word.lower())):
        _add_guesses(forms, word, _person_forms)
    if len(word) > 4 and word.lower().endswith("ом") and not _is_known(word):
        # Rather an instrumental than a nominative: «Гайдном», where the tagger is wrong as often as not.
        forms = {key: (form, worth - 1.5 if form == word else worth) for key, (form, worth) in forms.items()}
    return forms


def _add_guesses(forms: dict[_Key, _Form], word: str, forms_of: Callable[[str], dict[_Key, _Form]]) -> None:
    """Put guessed nominatives where the dictionary has no better ones."""
    for case in _CASES.values():
        for number, gender in _ONE_GENDER:
            key = (case, number, gender)
            guess = _guessed(word, key, forms_of)
            if guess is not None and (key not in forms or guess[1] > forms[key][1]):
                forms[key] = guess


def _personal_quality(parse: _Parse) -> float:
    if not parse.known:
        return 1.2 if parse.personal else 0.5
    if parse.personal:
        return 3.0
    if parse.pos == "ADJF":
        return 2.2
    return 2.0 if "anim" in parse.marks else 1.0


def _guessed(word: str, key: _Key, forms_of: Callable[[str], dict[_Key, _Form]]) -> _Form | None:
    """Nominative of a word the dictionary does not know: by its parts, its ending or as it is written."""
    case, _, gender = key
    first, hyphen, last = word.rpartition("-")
    if hyphen and first and last[:1].isupper():  # «Римского-Корсакова»: both decline, «Сент-Экзюпери»: one does
        tail = forms_of(last).get(key) or _adjective_forms(last).get(key)
        head = forms_of(first).get(key)
        return (f"{head[0] if head and head[1] > 1.5 else first}-{tail[0]}", tail[1]) if tail else None
    lowered = word.lower()
    fixed = lowered[-1] in _FIXED_ENDINGS or (gender == "femn" and lowered[-1] not in _VOWELS + "й")
    if case == "nomn" or fixed:
        return None if _is_known(word) else (word, 0.8)
    endings = _MASCULINE if gender == "masc" else _FEMININE
    for ending, replacement in endings.get(case, ()):
        base = lowered.removesuffix(ending)
        if base != lowered and len(base) > 2 and (replacement or base[-1] not in _VOWELS + "ьй"):
            # The dictionary knows many a surname as an adjective only: «Мамонтовой» of «мамонтовый».
            worth = 2.4 if replacement in _SURNAME_ENDINGS else 0.7 if ending == "и" else 0.9
            return recased(base + replacement, word), worth
    return None


def recased(form: str, source: str) -> str:
    """Capitals of ``source`` put on its other form: ``recased("нью-йорк", "Нью-Йорке") == "Нью-Йорк"``."""
    if len(source) > 1 and source.isupper():
        return form.upper()
    parts, sources = form.split("-"), source.split("-")
    if len(parts) != len(sources):
        return form[:1].upper() + form[1:] if source[:1].isupper() else form
    return "-".join(
        part[:1].upper() + part[1:] if origin[:1].isupper() else part
        for part, origin in zip(parts, sources, strict=True)
    )


def _group_readings(name: str) -> list[_Reading]:
    """Readings of a place or an organisation: adjectives and the noun they agree with; the rest stays as written."""
    quoted = name[:1] in _OPENING
    words = _free_words(name, 1 if quoted else 0)
    if not words:
        return []
    readings: list[_Reading] = []
    for number, gender in _ALL_GENDERS:
        for case in _CASES.values():
            found = _agreeing(words, case, number, gender)
            if found is None:
                continue
            forms, quality = found
            if quoted and case == "nomn":
                quality += 1.0  # a title in quotes is mostly written in the nominative
            quality += _AGREED * (len(forms) - 1)
            readings.append(_Reading(_rewritten(name, forms), case, number, gender, tuple(forms), quality))
    return readings


def _free_words(name: str, start: int) -> list[re.Match[str]]:
    """Words of ``name`` up to the first that governs or closes it: a link word, a quoted title, an acronym."""
    stop = min((at for at in (name.find(quote, start) for quote in _OPENING) if at >= 0), default=len(name))
    words: list[re.Match[str]] = []
    for match in _WORD.finditer(name, start):
        word = match.group()
        if match.start() > stop and not all(_adjective_forms(before.group()) for before in words):
            break  # «театра «Современник»», but «московского «Спартака»»: adjectives alone have their noun inside
        if word.lower() in _LINKS or _is_acronym(word) or not (is_cyrillic(word) or word[0].isdigit()):
            break
        words.append(match)
    return words


def _agreeing(
    words: Sequence[re.Match[str]], case: str, number: str, gender: str
) -> tuple[dict[int, str], float] | None:
    """Nominatives of the leading words that agree in this form, by offset, and the quality of the reading."""
    forms: dict[int, str] = {}
    qualities: list[float] = []
    heads: list[tuple[dict[int, str], float, int, bool]] = []
    for index, match in enumerate(words):
        word = match.group()
        if word[0].isdigit():  # «1-й Московской дивизии»
            continue
        noun = _noun_forms(word).get((case, number, gender))
        if noun:
            quality = (sum(qualities) + noun[1]) / (len(qualities) + 1)
            heads.append(({**forms, match.start(): noun[0]}, quality, index, noun[1] >= 3.0))
        adjective = _adjective_forms(word).get((case, number, gender))
        if adjective is None:
            break
        forms[match.start()] = adjective[0]
        qualities.append(adjective[1])
        if index == len(words) - 1:
            heads.append((dict(forms), sum(qualities) / len(qualities) - 0.6, index, False))
    if not heads:
        return None
    # The furthest noun is the head, adjectives alone only where there is none.
    forms, quality, index, is_place = max(heads, key=lambda one: (one[2], one[1]))
    rest = words[index + 1 :]
    if rest and words[index].group().islower() and lemma(fold(words[index].group())) in _NAMED_IN_CASE:
        named = max(
            (one for form in _ALL_GENDERS if (one := _agreeing(rest, case, *form))),
            key=lambda one: one[1],
            default=None,
        )
        forms |= named[0] if named else {}
    elif is_place and len(rest) == 1:  # «Новгорода Великого»
        behind = _adjective_forms(rest[0].group()).get((case, number, gender))
        forms |= {rest[0].start(): behind[0]} if behind else {}
    return forms, quality


@functools.lru_cache(maxsize=50_000)
def _adjective_forms(word: str) -> dict[_Key, _Form]:
    """Nominatives of ``word`` read as an adjective."""
    return _best_forms(word, ("ADJF", "PRTF"), lambda parse: 1.9 if parse.known else 1.2)


@functools.lru_cache(maxsize=50_000)
def _noun_forms(word: str) -> dict[_Key, _Form]:
    """Nominatives of ``word`` read as the head of a place or an organisation."""
    forms = _best_forms(word, ("NOUN",), _place_quality)
    if word[0].isupper() and not _is_known(word):
        _add_guesses(forms, word, _noun_forms)
    return forms


def _place_quality(parse: _Parse) -> float:
    if not parse.known:
        return 0.8 if parse.number == "sing" and "Name" not in parse.marks else 0.3
    place = "Geox" in parse.marks or "Orgn" in parse.marks
    if parse.number == "plur" and "Pltm" not in parse.marks:
        return 0.5 if place or parse.personal else 1.9
    if place:
        return 3.0
    if parse.personal:
        return 1.4
    return 2.2 if "inan" in parse.marks else 1.6
