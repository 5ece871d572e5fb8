"""Russian text analysis: one definition of "the same word" for search, reading and scoring.

Folding maps a text to its comparable form (case, ё/е, stress marks, soft hyphens, quotes, spaces); tokens are folded
words with offsets into the source; terms are lemmas (pymorphy3), Snowball stems or the words themselves without stop
words. Rules are data: the tables below and ``data/stopwords.txt``.
"""

from __future__ import annotations

import functools
import re
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pymorphy3

# Invisible inside a word: dropped. Soft hyphen, zero-width characters, byte-order mark, variation selectors.
_DROPPED = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufe00\ufe0e\ufe0f\ufeff"
_COMBINING = "".join(map(chr, range(0x0300, 0x0370)))  # stress marks and other diacritics set over a letter
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
_HYPHENS = "\u2010\u2011\u2043\ufe63\uff0d"
_DASHES = "\u2012\u2013\u2014\u2015\u2212"
_DOUBLE_QUOTES = "«»„“”‟″〝〞＂"
_SINGLE_QUOTES = "‘’‚‛′ʼ`´"


def _fold_table() -> dict[int, str | None]:
    table: dict[int, str | None] = {ord(mark): None for mark in _DROPPED + _COMBINING}
    table |= {ord(space): " " for space in _SPACES}
    table |= {ord(hyphen): "-" for hyphen in _HYPHENS}
    table |= {ord(dash): "—" for dash in _DASHES}
    table |= {ord(quote): '"' for quote in _DOUBLE_QUOTES}
    table |= {ord(quote): "'" for quote in _SINGLE_QUOTES}
    table |= {ord("ё"): "е", ord("Ё"): "е", ord("İ"): "i"}
    for code in range(0x00C0, 0x0250):  # Latin letters with diacritics: «é» is found by «e»
        base = unicodedata.normalize("NFD", chr(code))[0]
        if base.isascii() and base.isalpha():
            table.setdefault(code, base.lower())
    return table


_FOLD = _fold_table()
# Letters that some PDFs spell as a base and a combining mark; й is a letter of its own, so its breve must survive.
_DECOMPOSED = re.compile("[иИ]\u0306")
_MARKS = re.compile(f"[{_COMBINING}]+")
_COMPOSED = {"и\u0306": "й", "И\u0306": "Й", "е\u0308": "ё", "Е\u0308": "Ё"}
_INVISIBLE = re.compile(f"[{_DROPPED}{_COMBINING}]")
_PLAIN = str.maketrans(dict.fromkeys(_SPACES, " ") | dict.fromkeys(_HYPHENS, "-"))
_WORD = re.compile(
    r"\d{1,3}(?:[ ]\d{3})+(?!\d)"  # 21 700 000
    r"|(?<![\d.,])\d+[.,]\d+(?![.,]?\d)"  # 4,5 but not 22.06.1941
    r"|\d+"
    r"|[^\W\d_]+"
)


def fold(text: str) -> str:
    """Comparable form of ``text``: ``fold("Но́вая Ёлка") == "новая елка"``.

    Lower case, ё to е, stress marks and soft hyphens dropped, exotic spaces, hyphens and quotes made plain.
    """
    if "\u0306" in text:
        text = _DECOMPOSED.sub("й", text)
    return text.translate(_FOLD).lower()


def fold_with_offsets(text: str) -> tuple[str, Sequence[int]]:
    """Folded text and, for each of its characters, the index in ``text`` it came from (plus the end).

    Returns:
        ``(folded, offsets)`` with ``len(offsets) == len(folded) + 1``; ``offsets`` never decreases.
    """
    folded = fold(text)
    if len(folded) == len(text):
        return folded, range(len(text) + 1)
    kept = [index for index, char in enumerate(text) if _FOLD.get(ord(char), char) is not None]
    return folded, [*kept, len(text)]


def visible_with_offsets(text: str) -> tuple[str, list[int]]:
    """``text`` as a tagger wants it, and where each of its characters stands in ``text`` (plus the end).

    Stress marks, soft hyphens and zero-width characters are dropped, й and ё put together, exotic spaces and hyphens
    made plain; case, ё and quotes stay: ``visible_with_offsets("Кале\u0301")[0] == "Кале"``.

    Returns:
        ``(visible, offsets)`` with ``len(offsets) == len(visible) + 1``; ``offsets`` never decreases.
    """
    if not _INVISIBLE.search(text):
        return text.translate(_PLAIN), list(range(len(text) + 1))
    chars: list[str] = []
    kept: list[int] = []
    for index, char in enumerate(text):
        if not _INVISIBLE.match(char):
            chars.append(char)
            kept.append(index)
        elif kept and kept[-1] == index - 1:  # the base letter stands right before its mark
            chars[-1] = _COMPOSED.get(chars[-1] + char, chars[-1])
    return "".join(chars).translate(_PLAIN), [*kept, len(text)]


@dataclass(frozen=True, slots=True)
class Token:
    """A word or number: ``text`` is folded, ``start`` and ``stop`` are offsets into the source text."""

    text: str
    start: int
    stop: int


def _number(word: str) -> str:
    return word.replace(" ", "").replace(",", ".") if word[0].isdigit() else word


def words(text: str) -> list[str]:
    """Folded words and numbers, hyphenated words in parts: ``words("1 642 м") == ["1642", "м"]``."""
    return [_number(word) for word in _WORD.findall(fold(text))]


def tokenize(text: str) -> list[Token]:
    """The same words as :func:`words`, with offsets into ``text``."""
    folded, offsets = fold_with_offsets(text)
    if len(folded) == len(text):
        return [Token(_number(match.group()), match.start(), match.end()) for match in _WORD.finditer(folded)]
    tokens: list[Token] = []
    for match in _WORD.finditer(folded):
        last = offsets[match.end() - 1] + 1
        stop = _MARKS.match(text, last)  # a stress mark on the last letter is a part of the word
        tokens.append(Token(_number(match.group()), offsets[match.start()], stop.end() if stop else last))
    return tokens


@functools.cache
def morph() -> pymorphy3.MorphAnalyzer:
    """The process-wide pymorphy3 analyser (loads in about .2 s, on first use)."""
    import pymorphy3

    return pymorphy3.MorphAnalyzer(lang="ru")


@functools.lru_cache(maxsize=1_000_000)
def lemma(word: str) -> str:
    """Dictionary form of a folded word: ``lemma("байкала") == "байкал"``. Numbers and Latin words stay as they are.

    A word the dictionary does not know has several guessed forms; the shortest is taken, because it is the one that the
    cases of a surname have in common: «Крупенин» could be «крупенина» too, «Крупениным» only «крупенин».
    """
    if not word or not "а" <= word[0] <= "я":
        return word
    parses = morph().parse(word)
    form = parses[0].normal_form
    if len(parses) > 1 and not parses[0].is_known:
        form = min((parse.normal_form for parse in parses), key=len)
    return str(form).replace("ё", "е")


@functools.lru_cache(maxsize=1_000_000)
def stem(word: str) -> str:
    """Snowball stem of a folded Russian word."""
    with _STEMMING:
        return str(_stemmer().stemWord(word))


_STEMMING = threading.Lock()  # a stemmer keeps the word it works on in itself: two threads would mix their words


@functools.cache
def _stemmer() -> Any:
    import snowballstemmer

    return snowballstemmer.stemmer("russian")


def lemmas(text: str) -> list[str]:
    """Lemmas of all words of ``text``, stop words included."""
    return [lemma(word) for word in words(text)]


@functools.cache
def stop_words() -> frozenset[str]:
    """Folded words and lemmas that are no index terms: function words and the words questions are asked with."""
    lines = resources.files("retrievers").joinpath("data/stopwords.txt").read_text(encoding="utf-8").splitlines()
    return frozenset(fold(line.strip()) for line in lines if line.strip() and not line.startswith("#"))


class TermForm(StrEnum):
    """What an index term is."""

    LEMMA = "lemma"
    STEM = "stem"
    WORD = "word"
    LEMMA_AND_STEM = "lemma+stem"


_REDUCERS: dict[TermForm, Callable[[str], str]] = {
    TermForm.LEMMA: lemma,
    TermForm.STEM: stem,
    TermForm.WORD: str,
    TermForm.LEMMA_AND_STEM: lemma,
}
_STEM_MARK = "*"  # no word holds it: a stem beside a lemma is a term of its own, with a frequency of its own


@dataclass(frozen=True)
class Analyzer:
    """Text to index terms, the same for documents and questions.

    Args:
        form: lemma, stem or the folded word itself; ``lemma+stem`` gives two terms a word, the stem marked. Words with
            different lemmas («протестов», «протестуют») then still meet in their stem.
        stop: leave out :func:`stop_words`.
    """

    form: TermForm = TermForm.LEMMA
    stop: bool = True

    def __call__(self, text: str) -> list[str]:
        """Terms of ``text`` in order of appearance; a text of stop words alone keeps them, so it can still match."""
        reduce = _REDUCERS[self.form]
        reduced = [(word, reduce(word)) for word in words(text)]
        if self.stop:
            excluded = stop_words()
            kept = [(word, term) for word, term in reduced if word not in excluded and term not in excluded]
            reduced = kept or reduced
        if self.form is TermForm.LEMMA_AND_STEM:
            return [part for word, term in reduced for part in (term, stem(word) + _STEM_MARK)]
        return [term for _, term in reduced]
