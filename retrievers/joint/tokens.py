"""Texts as the joint network sees them: words and marks with dictionary forms, grammar and shape, all by table lookup.

Nothing here depends on the context of a word, so a word is analysed once a process, and a passage of 600 characters
takes a fraction of a millisecond; the network works out the context.
"""

from __future__ import annotations

import functools
import math
import re
import zlib
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from retrievers.analysis import fold, lemma, morph, stop_words, visible_with_offsets
from retrievers.models import load_navec

# Numbers keep their decimal comma; letters of all scripts; of other characters each is a token.
_TOKEN = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+|[^\w\s]|_")
_SENTENCE_END = frozenset(".!?…")
_ABBREVIATED = 2  # «г.», «м.», initials: a point after so short a word seldom ends a sentence
_ROMAN = re.compile(r"[IVXLC]+")
_UNSEEN_COUNT = 20.0  # news frequency of a word outside navec's 250 000
HASHES = 512  # buckets of the ends of words, which tell the inflection and the kind of words no dictionary has


class Shape(IntEnum):
    """How a token is written."""

    PAD = 0
    LOWER = 1
    CAPITALISED = 2
    UPPER = 3
    MIXED = 4
    SHORT_NUMBER = 5
    YEAR = 6
    LONG_NUMBER = 7
    DECIMAL = 8
    ROMAN = 9
    LATIN_LOWER = 10
    LATIN_CAPITALISED = 11
    OPENING_QUOTE = 12
    CLOSING_QUOTE = 13
    PLAIN_QUOTE = 14
    OPENING_BRACKET = 15
    CLOSING_BRACKET = 16
    COMMA = 17
    STOP = 18
    DASH = 19
    HYPHEN = 20
    COLON = 21
    OTHER_MARK = 22


_MARKS = {
    "«": Shape.OPENING_QUOTE, "„": Shape.OPENING_QUOTE, "“": Shape.OPENING_QUOTE,
    "»": Shape.CLOSING_QUOTE, "”": Shape.CLOSING_QUOTE, '"': Shape.PLAIN_QUOTE,
    "(": Shape.OPENING_BRACKET, "[": Shape.OPENING_BRACKET, ")": Shape.CLOSING_BRACKET, "]": Shape.CLOSING_BRACKET,
    ",": Shape.COMMA, ".": Shape.STOP, "!": Shape.STOP, "?": Shape.STOP, "…": Shape.STOP,
    "—": Shape.DASH, "–": Shape.DASH, "-": Shape.HYPHEN, ":": Shape.COLON, ";": Shape.COLON,
}  # fmt: skip

# Categories of pymorphy's tags (OpenCorpora); 0 is "none of them".
PARTS_OF_SPEECH = (
    "NOUN", "ADJF", "ADJS", "COMP", "VERB", "INFN", "PRTF", "PRTS", "GRND", "NUMR", "ADVB", "NPRO", "PRED", "PREP",
    "CONJ", "PRCL", "INTJ",
)  # fmt: skip
CASES = ("nomn", "gent", "datv", "accs", "ablt", "loct")
NUMBERS = ("sing", "plur")
GENDERS = ("masc", "femn", "neut")
PROPER = ("Name", "Surn", "Patr", "Geox", "Orgn", "Abbr", "Init", "Trad")
COLUMNS = ("shape", "part_of_speech", "case", "number", "gender", "proper", "animate", "ending", "beginning")
SIZES = (
    len(Shape), len(PARTS_OF_SPEECH) + 1, len(CASES) + 1, len(NUMBERS) + 1, len(GENDERS) + 1, len(PROPER) + 1, 3,
    HASHES, HASHES,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Word:
    """What is known of a token wherever it stands.

    Args:
        folded: comparable form; ``lemma`` is its dictionary form.
        categories: one number a column of ``COLUMNS``, below its size in ``SIZES``.
        rarity: inverse document frequency in news, nats; 0 for marks and stop words.
    """

    folded: str
    lemma: str
    categories: tuple[int, ...]
    rarity: float


@dataclass(frozen=True, slots=True, eq=False)
class Tokens:
    """A text taken apart; ``n`` tokens.

    Args:
        words: of the tokens, in order.
        starts, stops: offsets into the text, shape (n,).
        categories: shape (n, len(COLUMNS)), int64.
        rarity: shape (n,), float32.
        sentence: number of the sentence each token stands in, shape (n,).
    """

    words: tuple[Word, ...]
    starts: NDArray[np.int64]
    stops: NDArray[np.int64]
    categories: NDArray[np.int64]
    rarity: NDArray[np.float32]
    sentence: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.words)


def tokenize(text: str, limit: int | None = None) -> Tokens:
    """Tokens of ``text``, at most ``limit`` of them."""
    visible, offsets = visible_with_offsets(text)
    words: list[Word] = []
    starts: list[int] = []
    stops: list[int] = []
    sentences: list[int] = []
    sentence, end = 0, 0
    for match in _TOKEN.finditer(visible):
        start, stop = match.span()
        if words and (ended(words, sentences, sentence) or "\n" in visible[end:start]):
            sentence += 1
        words.append(word(match.group()))
        starts.append(offsets[start])
        stops.append(offsets[stop - 1] + 1)
        sentences.append(sentence)
        end = stop
        if limit is not None and len(words) == limit:
            break
    return Tokens(
        tuple(words),
        np.array(starts, np.int64),
        np.array(stops, np.int64),
        np.array([one.categories for one in words], np.int64).reshape(len(words), len(COLUMNS)),
        np.array([one.rarity for one in words], np.float32),
        np.array(sentences, np.int64),
    )


def ended(words: list[Word], sentences: list[int], sentence: int) -> bool:
    """Whether the last token ends a sentence of its own: a full stop that follows no abbreviation."""
    if words[-1].folded not in _SENTENCE_END:
        return False
    before = words[-2] if len(words) > 1 and sentences[-2] == sentence else None
    return before is None or len(before.folded) > _ABBREVIATED or before.folded[0].isdigit()


@functools.lru_cache(maxsize=400_000)
def word(surface: str) -> Word:
    """Analyse one token as it is written."""
    folded = fold(surface)
    shape = _shape(surface)
    if shape >= Shape.OPENING_QUOTE:
        return Word(folded, folded, (int(shape), 0, 0, 0, 0, 0, 0, 0, 0), 0.0)
    if surface[0].isdigit():
        return Word(
            folded, folded, (int(shape), 0, 0, 0, 0, 0, 0, _bucket(folded[-1:]), len(folded) % HASHES), _rarity(folded)
        )
    form = lemma(folded)
    stopped = folded in stop_words() or form in stop_words()
    categories = (int(shape), *_grammar(folded), _bucket(folded[-3:]), _bucket("^" + folded[:3]))
    return Word(folded, form, categories, 0.0 if stopped else _rarity(form))


def _bucket(part: str) -> int:
    return zlib.crc32(part.encode()) % (HASHES - 1) + 1


def _shape(surface: str) -> Shape:
    first = surface[0]
    if not first.isalnum():
        return _MARKS.get(first, Shape.OTHER_MARK)
    if first.isdigit():
        if not surface.isdigit():
            return Shape.DECIMAL
        if len(surface) < 3:
            return Shape.SHORT_NUMBER
        return Shape.YEAR if len(surface) == 4 and "1000" <= surface <= "2100" else Shape.LONG_NUMBER
    latin = first.isascii()
    if latin and _ROMAN.fullmatch(surface):
        return Shape.ROMAN
    if surface.islower():
        return Shape.LATIN_LOWER if latin else Shape.LOWER
    if latin:
        return Shape.LATIN_CAPITALISED
    if len(surface) > 1 and surface.isupper():
        return Shape.UPPER
    return Shape.CAPITALISED if first.isupper() else Shape.MIXED


def _grammar(folded: str) -> tuple[int, int, int, int, int, int]:
    """Part of speech, case, number, gender, kind of proper name and animacy (1 yes, 2 no) by the likeliest reading."""
    if not "а" <= folded[0] <= "я":
        return 0, 0, 0, 0, 0, 0
    tag = morph().parse(folded)[0].tag
    proper = next((place for place, name in enumerate(PROPER, start=1) if name in tag.grammemes), 0)
    return (
        _place(PARTS_OF_SPEECH, tag.POS),
        _place(CASES, tag.case),
        _place(NUMBERS, tag.number),
        _place(GENDERS, tag.gender),
        proper,
        {"anim": 1, "inan": 2}.get(tag.animacy or "", 0),
    )


def _place(names: tuple[str, ...], name: str | None) -> int:
    return names.index(name) + 1 if name in names else 0


def _rarity(form: str) -> float:
    vocabulary = load_navec().vocab
    row = vocabulary.word_ids.get(form)
    count = float(vocabulary.counts[row]) if row is not None else 0.0
    return max(0.5, math.log(_total_count() / max(count, _UNSEEN_COUNT)) - 4.0)


@functools.cache
def _total_count() -> float:
    return float(np.sum(load_navec().vocab.counts))
