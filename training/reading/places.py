"""Where the answers of a training row stand in its passage."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from generators.evidence import Span, phrase_places
from retrievers.analysis import tokenize
from retrievers.span_reader.windows import whole_words
from training.examples import Example


class Match(StrEnum):
    """How closely the passage words an answer, the closest first."""

    GIVEN = "given"  # the row says where
    EXACT = "exact"  # letter by letter
    FOLDED = "folded"  # apart from case, ё, stress marks and punctuation
    LEMMA = "lemma"  # in another grammatical form


def answer_places(example: Example) -> tuple[tuple[Span, ...], Match | None]:
    """Characters of ``example.passage`` where an answer stands, and how closely they match.

    A row that says where its answer starts has this one place. Otherwise every place counts that words any of the
    answers as closely as the closest does; none and None where no answer is found.
    """
    if example.answer_start is not None:
        stop = example.answer_start + len(example.answers[0])
        return (whole_words(example.passage, example.answer_start, stop),), Match.GIVEN
    for match, find in ((Match.EXACT, _exact), (Match.FOLDED, _folded), (Match.LEMMA, phrase_places)):
        places = {place for answer in example.answers for place in find(answer, example.passage)}
        if places:
            return tuple(sorted(places)), match
    return (), None


def _exact(answer: str, text: str) -> Iterator[Span]:
    """Places that split no word: «Дон» stands in «тихий Дон», not in «Донской»."""
    wanted = answer.strip()
    at = text.find(wanted)
    while at >= 0:
        span = (at, at + len(wanted))
        if whole_words(text, *span) == span:
            yield span
        at = text.find(wanted, at + 1)


def _folded(answer: str, text: str) -> Iterator[Span]:
    wanted = [token.text for token in tokenize(answer)]
    tokens = tokenize(text)
    for first in range(len(tokens) - len(wanted) + 1 if wanted else 0):
        window = tokens[first : first + len(wanted)]
        if [token.text for token in window] == wanted:
            yield window[0].start, window[-1].stop
