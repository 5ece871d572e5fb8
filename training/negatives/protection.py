"""What must not become a negative although an index ranks it high: passages that answer the question after all."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from langchain_core.documents import Document

from evals.relevance import holds_answer
from retrievers.documents import doc_id_of
from training.data.near_duplicates import containment, normal_form, shingles
from training.examples import Example

NEAR = 0.5  # common trigrams, as a share of the shorter text, from which two passages are cuts of one text
_CACHED = 50_000  # passages whose shingles are kept: neighbouring questions find the same ones


class Reason(StrEnum):
    """Why a candidate was dropped."""

    POSITIVE = "a positive of the same question"
    NEAR_POSITIVE = "near-duplicate of the positive"
    ANSWER = "holds an answer"
    DOCUMENT = "same document"
    KNOWN = "already a negative"
    WINDOW = "outside the rank window"
    MARGIN = "scored within the margin of the positive"
    SHARE = "scored above the share of the positive"
    SCORE = "scored above the limit"


class Protection:
    """Knows which candidates are likely to be right.

    Args:
        examples: all of them: a passage is a positive of every row with the same question.
        same_document: whether other passages of the positive's document may be negatives.
        answers: whether passages that hold an answer, in any grammatical form, are dropped.
    """

    def __init__(self, examples: Iterable[Example], *, same_document: bool, answers: bool = True) -> None:
        self._same_document = same_document
        self._answers = answers
        self._positives = _positives(examples)

    def reason_against(self, example: Example, candidate: Document) -> Reason | None:
        """Why a candidate must not be a negative of an example, None where nothing speaks against it."""
        text = candidate.page_content
        form = normal_form(text)
        if form in self._positives[normal_form(example.question)]:
            return Reason.POSITIVE
        if not self._same_document and example.doc_id and doc_id_of(candidate) == example.doc_id:
            return Reason.DOCUMENT
        if containment(_shingles(text), _shingles(example.passage)) >= NEAR:
            return Reason.NEAR_POSITIVE
        if self._answers and example.answers and holds_answer(text, example.answers):
            return Reason.ANSWER
        return None


def _positives(examples: Iterable[Example]) -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = {}
    for example in examples:
        known = found.setdefault(normal_form(example.question), set())
        if example.label is None or example.label > 0:
            known.add(normal_form(example.passage))
    return found


@functools.lru_cache(maxsize=_CACHED)
def _shingles(text: str) -> frozenset[str]:
    return shingles(text)


def windowed(candidates: Sequence[Document], window: tuple[int, int] | None) -> tuple[list[Document], int]:
    """Candidates whose rank, from 1, is in the window, and how many were outside it."""
    if window is None:
        return list(candidates), 0
    first, last = window
    kept = list(candidates[first - 1 : last])
    return kept, len(candidates) - len(kept)
