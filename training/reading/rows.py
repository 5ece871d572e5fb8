"""Training rows as a span reader sees them: every question with all its passages, cut into windows with targets."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generators.evidence import Span
from retrievers.span_reader.windows import Framing, Passage, Window
from training.examples import Example
from training.reading.places import answer_places

_TRIES = 20  # draws of a passage from another document before a question is left with fewer


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with passages.

    Args:
        question: as asked.
        passages: the row's own, then the negatives.
        relevant: whether the first passage belongs to the question.
        spans: characters of the first passage's text where an answer stands; empty where none was found.
        answers: right answers, empty where they are not known.
    """

    question: str
    passages: tuple[Passage, ...]
    relevant: bool
    spans: tuple[Span, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Marked:
    """A window with its targets.

    Args:
        window: of question and passage.
        passage: index of the passage in its question.
        starts: body tokens where an answer starts, bool, shape (n_body,).
        stops: body tokens where one ends, bool, shape (n_body,).
    """

    window: Window
    passage: int
    starts: NDArray[np.bool_]
    stops: NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Feature:
    """One question, ready for a batch.

    Args:
        windows: of all its passages.
        relevant: whether the first passage belongs to the question.
    """

    windows: tuple[Marked, ...]
    relevant: bool

    @property
    def answerable(self) -> bool:
        """An answer stands in one of the windows."""
        return any(one.starts.any() for one in self.windows)


def as_asked(examples: Sequence[Example], negatives: int, seed: int) -> tuple[list[Asked], dict[str, int]]:
    """Questions with up to ``negatives`` passages beside their own, and how their answers were found.

    A row's own negatives come first, hardest first; the rest are drawn from the rows of other documents, and never a
    passage that words an answer of the question.

    Args:
        examples: rows; one with a label of 0 or less is a passage that does not belong to its question.
        negatives: passages beside the row's own.
        seed: of the draws.

    Returns:
        Questions in the order of the rows, and counts by :class:`Match` (``"none"``: not found, ``"no answer"``: the
        row has none).
    """
    draw = random.Random(seed)
    asked, found = [], Counter[str]()
    for example in examples:
        spans, match = answer_places(example)
        relevant = example.label is None or example.label > 0
        found[match.value if match and relevant else "none" if example.answers and relevant else "no answer"] += 1
        body = len(example.text) - len(example.passage)
        texts = [Passage(text) for text in example.negatives[:negatives]]
        texts += _drawn(example, examples, negatives - len(texts), draw)
        placed = tuple((start + body, stop + body) for start, stop in spans) if relevant else ()
        asked.append(Asked(example.question, (Passage(example.text, body), *texts), relevant, placed, example.answers))
    return asked, dict(found)


def _drawn(example: Example, rows: Sequence[Example], count: int, draw: random.Random) -> list[Passage]:
    """Passages of other documents that do not word an answer."""
    found: dict[str, Passage] = {}
    for _ in range(_TRIES * max(count, 0)):
        if len(found) >= count:
            break
        other = rows[draw.randrange(len(rows))]
        known = other.passage == example.passage or other.text in example.negatives
        if known or (example.doc_id and other.doc_id == example.doc_id):
            continue
        if any(answer.lower() in other.passage.lower() for answer in example.answers):
            continue
        found[other.text] = Passage(other.text, len(other.text) - len(other.passage))
    return list(found.values())


def as_feature(asked: Asked, framing: Framing, most_windows: int) -> Feature:
    """Windows of all passages with their targets.

    Args:
        asked: the question.
        framing: cuts the windows.
        most_windows: of a passage; those with an answer are kept first, then those from its beginning.
    """
    marked: list[Marked] = []
    for index, windows in enumerate(framing.windows(asked.question, asked.passages)):
        spans = asked.spans if index == 0 else ()
        of_passage = [_mark(window, index, spans) for window in windows]
        marked += sorted(of_passage, key=lambda one: not one.starts.any())[:most_windows]  # stable
    return Feature(tuple(marked), asked.relevant)


def _mark(window: Window, passage: int, spans: Sequence[Span]) -> Marked:
    """Targets of the spans that stand in the window as a whole."""
    starts, stops = np.zeros(len(window.offsets), bool), np.zeros(len(window.offsets), bool)
    for start, stop in spans:
        inside = np.flatnonzero((window.offsets[:, 0] < stop) & (window.offsets[:, 1] > start))
        if not len(inside):
            continue
        first, last = inside[0], inside[-1]
        begins, ends = window.offsets[first, 0] <= start or first > 0, window.offsets[last, 1] >= stop
        if begins and ends and window.starts[first] and window.stops[last]:
            starts[first] = stops[last] = True
    return Marked(window, passage, starts, stops)
