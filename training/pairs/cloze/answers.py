"""Spans of a sentence worth asking for: names, times, numbers, quoted titles, noun phrases."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from generators.reading.parsing import Name, Sentence, Word
from generators.reading.rules import rules as reading_rules

_YEAR = re.compile(r"1[0-9]{3}|20[0-9]{2}|[1-9][0-9]{2}")
_DAY = re.compile(r"[1-9]|[12][0-9]|3[01]")
_NUMBER = re.compile(r"\d+([.,]\d+)?")
_DECADE = re.compile(r"(1[0-9]|20)?[0-9]0-[ех]\w?")
_ROMAN = re.compile(r"[IVXХ]+")
_THOUSANDS = frozenset({"тысяча", "миллион", "миллиард", "триллион", "тыс", "млн", "млрд", "трлн"})
_NAMES = {"PER": "person", "LOC": "place", "ORG": "organization"}
_LONGEST_TITLE = 8  # words


class AnswerKind(StrEnum):
    """What is asked for."""

    PERSON = "person"
    PLACE = "place"
    ORGANIZATION = "organization"
    TIME = "time"
    YEAR = "year"
    CENTURY = "century"
    NUMBER = "number"
    MEASURE = "measure"
    TITLE = "title"
    PHRASE = "phrase"
    ROLE = "role"
    CAUSE = "cause"
    DEFINITION = "definition"


@dataclass(frozen=True, slots=True)
class Span:
    """A possible answer.

    Args:
        kind: what it is.
        first, last: its words, ``last`` excluded.
        head: the word of it that others outside govern.
    """

    kind: AnswerKind
    first: int
    last: int
    head: int

    def covers(self, index: int) -> bool:
        """Whether a word is part of it."""
        return self.first <= index < self.last


def spans_of(sentence: Sentence, names: Sequence[Name]) -> list[Span]:
    """Names, times, numbers and titles of a sentence, in order; of two that overlap the first kind named here stays."""
    words = sentence.words
    found: list[Span] = []
    for span in (*_times(words), *_titles(words), *_names(words, names), *_numbers(words)):
        if not any(span.first < other.last and other.first < span.last for other in found):
            found.append(span)
    return sorted(found, key=lambda span: span.first)


def named_words(spans: Sequence[Span]) -> frozenset[int]:
    """Indices of the words of names of people, places and organisations."""
    names = (AnswerKind.PERSON, AnswerKind.PLACE, AnswerKind.ORGANIZATION)
    return frozenset(at for span in spans if span.kind in names for at in range(span.first, span.last))


def head_of(words: Sequence[Word], first: int, last: int) -> int:
    """The word of a span that is governed from outside it."""
    for index in range(first, last):
        word = words[index]
        if not word.is_punctuation and word.pos != "ADP" and not first <= word.head < last:
            return index
    return first


def _span(kind: AnswerKind, words: Sequence[Word], first: int, last: int) -> Span:
    return Span(kind, first, last, head_of(words, first, last))


def _names(words: Sequence[Word], names: Sequence[Name]) -> Iterator[Span]:
    for name in names:
        inside = [at for at, word in enumerate(words) if word.start >= name.start and word.stop <= name.stop]
        while inside and words[inside[0]].text in '«„"“':
            inside.pop(0)
        while inside and words[inside[-1]].text in '»”"“':
            inside.pop()
        if inside == [0] and words[0].pos == "NOUN":
            continue  # «Роман», «Город»: an ordinary noun that a sentence begins with
        if inside and any(words[at].text[:1].isupper() for at in inside):
            yield _span(AnswerKind(_NAMES[name.type]), words, inside[0], inside[-1] + 1)


def _times(words: Sequence[Word]) -> Iterator[Span]:
    months = reading_rules().months
    at = 0
    while at < len(words):
        last = at
        kind = AnswerKind.TIME
        if _DAY.fullmatch(words[at].text) and _is(words, at + 1, months):
            last = _with_year(words, at + 2)
        elif words[at].lemma in months and words[at].pos != "VERB" and _year_at(words, at + 1):
            last = _with_year(words, at + 1)
        elif _DECADE.fullmatch(words[at].text) and _is(words, at + 1, {"год"}):
            last = at + 2
        elif _year_at(words, at) and _is(words, at + 1, {"год", "г"}):
            kind, last = AnswerKind.YEAR, at + 2
        elif _ROMAN.fullmatch(words[at].text) and _is(words, at + 1, {"век", "столетие"}):
            kind, last = AnswerKind.CENTURY, at + 2
        if last > at:
            yield _span(kind, words, at, last)
        at = max(last, at + 1)


def _is(words: Sequence[Word], at: int, lemmas: frozenset[str] | set[str]) -> bool:
    return at < len(words) and words[at].lemma in lemmas


def _year_at(words: Sequence[Word], at: int) -> bool:
    return at < len(words) and _YEAR.fullmatch(words[at].text) is not None


def _with_year(words: Sequence[Word], at: int) -> int:
    if not _year_at(words, at):
        return at
    return at + 2 if _is(words, at + 1, {"год", "г"}) else at + 1


def _titles(words: Sequence[Word]) -> Iterator[Span]:
    opened: int | None = None
    for at, word in enumerate(words):
        if word.text in "«„":
            opened = at
        elif word.text in "»“" and opened is not None:
            if 0 < at - opened - 1 <= _LONGEST_TITLE and words[opened + 1].text[:1].isupper():
                yield _span(AnswerKind.TITLE, words, opened + 1, at)
            opened = None


def _numbers(words: Sequence[Word]) -> Iterator[Span]:
    """A number with «млн» and the like; what is counted follows it and is no part of the span."""
    at = 0
    while at < len(words):
        if not _is_number(words[at]):
            at += 1
            continue
        last = at + 1
        while last < len(words) and (_is_number(words[last]) or words[last].lemma in _THOUSANDS):
            last += 1
        if last < len(words) and words[last].text == "." and words[last - 1].folded in _THOUSANDS:
            last += 1
        yield _span(AnswerKind.NUMBER, words, at, last)
        at = last


def _is_number(word: Word) -> bool:
    return _NUMBER.fullmatch(word.text) is not None or (word.pos == "NUM" and word.text.isalpha())
