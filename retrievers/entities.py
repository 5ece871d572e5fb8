"""Named entities of Russian texts: people, places and organisations, with offsets and a nominative form.

slovnet's recogniser (a convolutional network over navec vectors) marks the names; ``retrievers.names`` puts them into
the nominative. Paragraphs are seen whole and only long ones are cut, at sentence bounds: a sentence on its own makes
the recogniser take its capitalised first word for a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from retrievers.analysis import visible_with_offsets
from retrievers.models import load_ner
from retrievers.names import NameInText, nominatives
from retrievers.sentences import sentence_spans

_PIECE = 1500  # characters the recogniser sees at once: bounds its memory, which grows with the longest piece
_COMBINING = re.compile("[\u0300-\u036f]+")
_WRAPPED_LINE = 50  # characters; a shorter line is a heading, a list item or the end of a paragraph
_CONTINUED = frozenset(',»")')  # a line ending in one of these, a letter or a digit may run on in the next
# A capital preposition at the start of a sentence is not the initial it looks like: «О Витусе Беринге».
_PREPOSITION = re.compile(r"(?:[ВКОСУИА]|Во|Ко|Об|Со|Из|На|От|По|До|За|При)\s+(?=\S)")
_CLOSING = {"«": "»", "„": "“", "“": "”", "(": ")", "[": "]"}


class EntityType(StrEnum):
    """What is named: a person, a place or an organisation."""

    PER = "PER"
    LOC = "LOC"
    ORG = "ORG"


@dataclass(frozen=True, slots=True)
class Entity:
    """A name in a text.

    Args:
        text: as written, ``source[start:stop]``.
        start, stop: offsets into the source text.
        type: person, place or organisation.
        normal: nominative, without stress marks: «Витус Беринг» for «Витуса Беринга».
    """

    text: str
    start: int
    stop: int
    type: EntityType
    normal: str


def extract_entities(text: str) -> list[Entity]:
    """Entities of ``text`` in order of appearance; they do not overlap.

    ``extract_entities("Музей в Петропавловске-Камчатском.")[0].normal == "Петропавловск-Камчатский"``

    Raises:
        ModelUnavailableError: the model files are missing.
    """
    return extract_entities_batch([text])[0]


def extract_entities_batch(texts: Sequence[str]) -> list[list[Entity]]:
    """Entities of every text, as :func:`extract_entities` finds them, in less time than one by one.

    Raises:
        ModelUnavailableError: the model files are missing.
    """
    sources = [visible_with_offsets(text) for text in texts]
    pieces = [
        (row, start, visible[start:stop])
        for row, (visible, _) in enumerate(sources)
        for start, stop in _pieces(visible)
    ]
    found: list[list[Entity]] = [[] for _ in texts]
    spans = _recognise([piece for _, _, piece in pieces])
    names = [
        NameInText(piece, start, stop, personal=kind is EntityType.PER)
        for (_, _, piece), marked in zip(pieces, spans, strict=True)
        for start, stop, kind in marked
    ]
    normals = iter(nominatives(names))
    for (row, base, _), marked in zip(pieces, spans, strict=True):
        offsets = sources[row][1]
        for start, stop, kind in marked:
            first, last = offsets[base + start], offsets[base + stop - 1] + 1
            if stress := _COMBINING.match(texts[row], last):  # «Кале́»: the mark belongs to the last letter
                last = stress.end()
            found[row].append(Entity(texts[row][first:last], first, last, kind, next(normals)))
    return found


def _recognise(pieces: Sequence[str]) -> list[list[tuple[int, int, EntityType]]]:
    """Start, stop and type of the names in each piece; pieces of like length go together, which saves padding."""
    result: list[list[tuple[int, int, EntityType]]] = [[] for _ in pieces]
    order = sorted(range(len(pieces)), key=lambda index: len(pieces[index]))
    for index, markup in zip(order, load_ner().map([pieces[index] for index in order]), strict=True):
        for span in markup.spans:
            start, stop = _balanced(pieces[index], span.start, span.stop)
            if preposition := _PREPOSITION.match(pieces[index], start, stop):
                start = preposition.end()
            if any(char.isalpha() for char in pieces[index][start:stop]):
                result[index].append((start, stop, EntityType(span.type)))
    return result


def _balanced(text: str, start: int, stop: int) -> tuple[int, int]:
    """The span with its quotes and brackets in pairs: a missing closing one is taken in, a lone one at an end let go.

    ``«Общества взаимного кредита`` becomes ``«Общества взаимного кредита»`` where the text goes on so.
    """
    open_at: list[int] = []
    lone: set[int] = set()
    for index in range(start, stop):
        char = text[index]
        if open_at and char == _CLOSING[text[open_at[-1]]]:
            open_at.pop()
        elif char in _CLOSING:
            open_at.append(index)
        elif char in _CLOSING.values():
            lone.add(index)
    if len(open_at) == 1 and text[stop : stop + 1] == _CLOSING[text[open_at[0]]]:
        return start, stop + 1
    lone.update(open_at)
    while start < stop and (start in lone or text[start].isspace()):
        start += 1
    while stop > start and (stop - 1 in lone or text[stop - 1].isspace()):
        stop -= 1
    return start, stop


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    """Spans of ``text`` the recogniser reads one by one: paragraphs, long ones in parts of at most ``_PIECE``."""
    for start, stop in _paragraphs(text):
        if stop - start <= _PIECE:
            yield start, stop
        else:
            yield from _parts(text, start, stop)


def _paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Spans between line breaks; lines that an editor wrapped inside a paragraph stay together."""
    start, end, at = -1, -1, 0  # the open paragraph and the end of its last line
    wrapped = False
    for line in text.split("\n"):
        body = line.strip()
        left = at + len(line) - len(line.lstrip())
        at += len(line) + 1
        runs_on = start >= 0 and wrapped and body[:1].isalpha()
        if start >= 0 and not runs_on:
            yield start, end
            start = -1
        if body:
            start = start if runs_on else left
            end = left + len(body)
        wrapped = len(body) >= _WRAPPED_LINE and (body[-1].isalnum() or body[-1] in _CONTINUED)
    if start >= 0:
        yield start, end


def _parts(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Whole sentences of ``text[start:stop]`` while they fit into a piece; a sentence over it is cut at a space."""
    first = last = start
    for left, right in sentence_spans(text, start, stop):
        if right - first <= _PIECE:
            last = right
            continue
        if last > first:
            yield first, last
        while right - left > _PIECE:
            space = text.rfind(" ", left + _PIECE // 2, left + _PIECE)
            cut = space if space > 0 else left + _PIECE
            yield left, cut
            left = cut + (space > 0)
        first, last = left, right
    if last > first:
        yield first, last
