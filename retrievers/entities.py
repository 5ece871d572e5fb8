"""Names of people, places and organisations in Russian text, with exact offsets and a nominative form.

The names are found by slovnet's recogniser (a convolutional network and a CRF over navec vectors). The nominative form
is chosen among pymorphy3's readings of the words, all words of the noun phrase together, so that they agree in case,
gender and number with one another and with the tags that slovnet's morphology gives them in context.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from retrievers.analysis import fold, morph, without_marks
from retrievers.models import load_morph, load_ner


class EntityType(StrEnum):
    """Kind of a named entity."""

    PER = "PER"
    LOC = "LOC"
    ORG = "ORG"


@dataclass(frozen=True, slots=True)
class Entity:
    """A name in a text.

    Attributes:
        text: the name as it stands, ``source[start:stop]``.
        start: offset of its first character.
        stop: offset behind its last character.
        type: person, place or organisation.
        normal: nominative form, without stress marks: «Анной Ахматовой» gives «Анна Ахматова».
    """

    text: str
    start: int
    stop: int
    type: EntityType
    normal: str


_WINDOW = 800  # characters the recogniser sees at once
_BATCH = 32  # windows a batch: the CRF loops over positions, so that a batch costs little more than a text
# Reach of three convolutions of width 3: tags of a word do not depend on words farther away (tested).
_REACH = 3
_LINE = re.compile(r"[^\r\n]+")
_LETTER = re.compile(r"[^\W\d_]")
_CYRILLIC_WORD = re.compile(r"[А-Яа-яЁё]+(?:-[А-Яа-яЁё]+)*")

# Universal Dependencies to OpenCorpora.
_CASES = {"Nom": "nomn", "Gen": "gent", "Dat": "datv", "Acc": "accs", "Ins": "ablt", "Loc": "loct", "Voc": "nomn"}
_MINOR_CASES = {"gen1": "gent", "gen2": "gent", "acc2": "accs", "loc1": "loct", "loc2": "loct", "voct": "nomn"}
_GENDERS = {"Masc": "masc", "Fem": "femn", "Neut": "neut"}
_NUMBERS = {"Sing": "sing", "Plur": "plur"}
_ALL_CASES = tuple(dict.fromkeys(_CASES.values()))
_MODIFIERS = frozenset({"ADJ", "VERB", "DET", "NUM"})
_NOUNS = frozenset({"NOUN", "PROPN"})
# Nouns whose proper name agrees with them: «в городе Москве», but «на острове Пасхи».
_AGREEING = frozenset("город городок село деревня поселок станица хутор река столица".split())
_PREFERRED: dict[EntityType, dict[str, float]] = {
    EntityType.PER: {"Name": 1.5, "Patr": 1.5, "Surn": 1.5, "anim": 0.5},
    EntityType.LOC: {"Geox": 1.5, "inan": 0.5},
    EntityType.ORG: {"Orgn": 1.0, "inan": 0.5},
}


class _Tag(NamedTuple):
    """Part of speech and features of a word, in OpenCorpora's words; empty where slovnet gives none."""

    pos: str
    case: str
    gender: str
    number: str


class _Span(NamedTuple):
    text: int  # which text
    window: tuple[int, int]  # the piece of it that the recogniser saw
    start: int
    stop: int
    type: EntityType


def extract_entities(text: str) -> list[Entity]:
    """Entities of ``text`` in order of appearance; they do not overlap."""
    return extract_entities_batch([text])[0]


def extract_entities_batch(texts: Iterable[str]) -> list[list[Entity]]:
    """Entities of every text, in the order of ``texts``; much faster than one call a text."""
    sources = list(texts)
    plain = [without_marks(text) for text in sources]
    spans = _recognise([text for text, _ in plain])
    normals = _normal_forms([text for text, _ in plain], spans)
    entities: list[list[Entity]] = [[] for _ in sources]
    for span, normal in zip(spans, normals, strict=True):
        offsets = plain[span.text][1]
        start, stop = offsets[span.start], offsets[span.stop - 1] + 1
        entities[span.text].append(Entity(sources[span.text][start:stop], start, stop, span.type, normal))
    return entities


def _recognise(texts: Sequence[str]) -> list[_Span]:
    windows = [(number, start, stop) for number, text in enumerate(texts) for start, stop in _windows(text)]
    by_length = sorted(range(len(windows)), key=lambda place: windows[place][2] - windows[place][1])  # little padding
    pieces = [texts[windows[place][0]][windows[place][1] : windows[place][2]] for place in by_length]
    found: list[list[_Span]] = [[] for _ in windows]
    for place, markup in zip(by_length, _in_batches(load_ner(), pieces), strict=True):
        number, start, stop = windows[place]
        found[place] = [
            _Span(number, (start, stop), start + span.start, start + span.stop, EntityType(span.type))
            for span in markup.spans
        ]
    return list(itertools.chain.from_iterable(found))


def _in_batches(tagger: Any, items: Sequence[Any]) -> Iterator[Any]:
    for start in range(0, len(items), _BATCH):
        yield from tagger.infer(items[start : start + _BATCH])


def _windows(text: str) -> Iterator[tuple[int, int]]:
    """Pieces to tag: lines, and of long lines runs of whole sentences."""
    for line in _LINE.finditer(text):
        if _LETTER.search(line.group()) is None:
            continue
        if len(line.group()) <= _WINDOW:
            yield line.span()
            continue
        for start, stop in _sentence_runs(line.group()):
            if _LETTER.search(text, line.start() + start, line.start() + stop):
                yield line.start() + start, line.start() + stop


def _sentence_runs(line: str) -> Iterator[tuple[int, int]]:
    from razdel import sentenize

    begin = end = 0
    for sentence in sentenize(line):
        if sentence.stop - begin > _WINDOW and end > begin:
            yield begin, end
            begin = sentence.start
        end = sentence.stop
        while end - begin > _WINDOW:  # one sentence over the limit is cut between words
            space = line.rfind(" ", begin + 1, begin + _WINDOW)
            cut = space if space > 0 else begin + _WINDOW
            yield begin, cut
            begin = cut
    if end > begin:
        yield begin, end


def _normal_forms(texts: Sequence[str], spans: Sequence[_Span]) -> list[str]:
    """Nominative form of every span; morphology is tagged around the spans only."""
    from razdel import tokenize

    slices: list[tuple[str, ...]] = []  # words around a name
    firsts: list[int] = []  # place of its first word there
    inside: list[list[tuple[int, int]]] = []  # offsets of its words from its start
    for (number, (begin, end)), members in itertools.groupby(spans, key=lambda span: (span.text, span.window)):
        tokens = [(begin + token.start, begin + token.stop, token.text) for token in tokenize(texts[number][begin:end])]
        for span in members:
            own = [i for i, (start, stop, _) in enumerate(tokens) if span.start <= start and stop <= span.stop]
            left = max(own[0] - _REACH, 0)
            slices.append(tuple(word for _, _, word in tokens[left : own[-1] + 1 + _REACH]))
            firsts.append(own[0] - left)
            inside.append([(tokens[i][0] - span.start, tokens[i][1] - span.start) for i in own])
    tags = _tag(slices)
    return [
        _rewrite(
            texts[span.text][span.start : span.stop],
            offsets,
            _nominative(words[first : first + len(offsets)], tags[words][first : first + len(offsets)], span.type),
        )
        for span, words, first, offsets in zip(spans, slices, firsts, inside, strict=True)
    ]


def _tag(slices: Iterable[tuple[str, ...]]) -> dict[tuple[str, ...], list[_Tag]]:
    unique = sorted(set(slices), key=len)
    tags: dict[tuple[str, ...], list[_Tag]] = {}
    for words, markup in zip(unique, _in_batches(load_morph(), unique), strict=True):
        tags[words] = [
            _Tag(
                token.pos,
                _CASES.get(token.feats.get("Case", ""), ""),
                _GENDERS.get(token.feats.get("Gender", ""), ""),
                _NUMBERS.get(token.feats.get("Number", ""), ""),
            )
            for token in markup.tokens
        ]
    return tags


def _rewrite(text: str, offsets: Sequence[tuple[int, int]], words: Sequence[str]) -> str:
    parts: list[str] = []
    end = 0
    for (start, stop), word in zip(offsets, words, strict=True):
        parts += [text[end:start], word]
        end = stop
    return " ".join("".join([*parts, text[end:]]).split())


def _nominative(words: Sequence[str], tags: Sequence[_Tag], kind: EntityType) -> list[str]:
    """Words of a name in the nominative; words that do not agree with its head stay as they are."""
    result = list(words)
    for phrase in _phrases(words, tags, kind):
        forms = _agreeing_forms(tuple(words[i] for i in phrase), tuple(tags[i] for i in phrase), kind)
        for place, form in zip(phrase, forms, strict=True):
            result[place] = form
    return result


def _phrases(words: Sequence[str], tags: Sequence[_Tag], kind: EntityType) -> Iterator[list[int]]:
    """Places of the words to put in the nominative, one list a noun phrase that agrees in itself."""
    if kind is EntityType.PER:
        places = [i for i, word in enumerate(words) if _inflects(word) and (word[0].isupper() or tags[i].case)]
        yield [i for i in places if len(words[i]) > 1]  # initials stay
        return
    begin = 0
    while begin < len(words):
        head = next((i for i in range(begin, len(words)) if not _modifies(i, words, tags)), len(words) - 1)
        phrase = list(range(begin, head + 1))
        if not all(_inflects(words[i]) for i in phrase):
            return
        yield phrase
        follows = head + 1
        if follows >= len(words) or fold(morph().parse(words[head])[0].normal_form) not in _AGREEING:
            return
        if tags[follows].case != tags[head].case:
            return
        begin = follows


def _modifies(place: int, words: Sequence[str], tags: Sequence[_Tag]) -> bool:
    """Whether a word is an adjective or participle before its noun."""
    if tags[place].pos in _MODIFIERS:
        return True
    if tags[place].pos not in _NOUNS or place + 1 >= len(words) or tags[place + 1].pos not in _NOUNS | _MODIFIERS:
        return False  # «Объединённых» of «Объединённых Арабских Эмиратов» is tagged as a name
    best = morph().parse(words[place])[0]
    return best.tag.POS in {"ADJF", "PRTF"} and tags[place].case == tags[place + 1].case


def _inflects(word: str) -> bool:
    return _CYRILLIC_WORD.fullmatch(word) is not None


class _Reading(NamedTuple):
    """One way to read a word form; empty ``case``, ``gender`` or ``number``: any."""

    case: str
    gender: str
    number: str
    weight: float
    nominative: str


@functools.lru_cache(maxsize=100_000)
def _readings(word: str, kind: EntityType) -> tuple[_Reading, ...]:
    found: list[_Reading] = []
    parses = morph().parse(word)
    for parse in parses:
        tag = parse.tag
        if tag.POS not in {"NOUN", "ADJF", "PRTF"} or tag.case is None:
            continue
        form = parse.inflect({"nomn", tag.number} if tag.number else {"nomn"})
        if form is None:
            continue
        weight = math.log(parse.score + 0.02) + sum(
            bonus for grammeme, bonus in _PREFERRED[kind].items() if grammeme in tag
        )
        gender = "" if "ms-f" in tag or tag.number == "plur" else (tag.gender or "")
        found.append(_Reading(_MINOR_CASES.get(tag.case, tag.case), gender, tag.number or "", weight, form.word))
    if kind is EntityType.PER and not any(parse.is_known for parse in parses):
        if word[-1] in "бвгджзклмнпрстфхцчшщ":  # surnames of women that end in a consonant: «Гарнетт», «Арендт»
            found.append(_Reading("", "femn", "sing", 1.0, word))
        elif word[-1] in "еиоуэыю":  # foreign names: «Стоу», «Гюго»
            found.append(_Reading("", "", "sing", 0.0, word))
    return tuple(found)


@functools.lru_cache(maxsize=100_000)
def _agreeing_forms(words: tuple[str, ...], tags: tuple[_Tag, ...], kind: EntityType) -> tuple[str, ...]:
    """Nominative of the words of one noun phrase, by the case, gender and number that suit all of them best."""
    folded = [word.lower() for word in words]
    choices = itertools.product(_ALL_CASES, _GENDERS.values(), _NUMBERS.values())
    best = max(
        (
            [_best_reading(word, tag, kind, choice) for word, tag in zip(folded, tags, strict=True)]
            for choice in choices
        ),
        key=lambda readings: sum(score for score, _ in readings),
    )
    return tuple(
        word if reading is None else _in_style_of(word, reading.nominative)
        for word, (_, reading) in zip(words, best, strict=True)
    )


_UNREADABLE = -8.0  # log weight of a word that has no reading in the phrase's case


def _best_reading(
    word: str, tag: _Tag, kind: EntityType, choice: tuple[str, str, str]
) -> tuple[float, _Reading | None]:
    case, gender, number = choice
    context = 2.0 * (tag.case == case) + 1.0 * (tag.gender == gender) + 1.0 * (tag.number == number)
    scored = [
        (reading.weight - 2.0 * (reading.gender not in {"", gender}), reading)
        for reading in _readings(word, kind)
        if reading.case in {"", case} and reading.number in {"", number}
    ]
    if not scored:
        return _UNREADABLE + context, None
    weight, reading = max(scored, key=lambda pair: pair[0])
    return weight + context, reading


def _in_style_of(source: str, form: str) -> str:
    """``form`` in capitals as ``source``, with its letters where they are the same (е for ё where it has е)."""
    if source.count("-") == form.count("-") > 0:
        return "-".join(map(_in_style_of, source.split("-"), form.split("-")))
    shared = len(os.path.commonprefix([fold(source), fold(form)]))
    rest = form[shared:]
    return source[:shared] + (rest.upper() if len(source) > 1 and source.isupper() else rest)
