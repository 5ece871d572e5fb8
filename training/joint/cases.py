"""Questions with passages that answer them and passages that do not, as the joint network trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from evals.dataset import Question
from evals.relevance import find_relevant
from retrievers.documents import chunk_id_of
from retrievers.joint.model import Passage
from training.examples import Example

if TYPE_CHECKING:
    from rag.index import Index
    from rag.profile import Profile

_NEAR = 8.0  # mean rank of the wrong passages drawn: mostly hard ones, now and then an easy one
_SHORT = 2500  # characters; a whole document this short is a passage


@dataclass(frozen=True, slots=True)
class Candidate:
    """A passage for a question.

    Args:
        passage: with its title.
        relevant: it answers the question.
        start: character where the first answer stands; None where that is not known.
        doc_id: document of the passage.
    """

    passage: Passage
    relevant: bool
    start: int | None = None
    doc_id: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """A question with its passages.

    Args:
        source: of the question, for reports.
        question: as asked.
        answers: right ones.
        document: cases of one document are never split between folds.
        gold: the passage that is known to answer, where there is one beside the candidates.
        candidates: passages found, best first.
        gold_doc_ids: documents that answer.
    """

    source: str
    question: str
    answers: tuple[str, ...]
    document: str
    gold: Candidate | None
    candidates: tuple[Candidate, ...] = field(repr=False)
    gold_doc_ids: tuple[str, ...] = ()


def case_of_example(example: Example) -> Case:
    """A row of training data; its negatives are the wrong passages, untitled: what a title says is in their text."""
    gold = Candidate(Passage(example.title, example.passage), True, example.answer_start, example.doc_id)
    wrong = tuple(Candidate(_untitled(text), False) for text in example.negatives)
    return Case(example.source, example.question, example.answers, example.doc_id, gold, wrong)


def _untitled(text: str) -> Passage:
    """A negative as :func:`training.examples.search_text` lays it out: its first line is the title."""
    title, line, body = text.partition("\n")
    return Passage(title, body) if line and body.strip() else Passage("", text)


def cases_of_index(source: str, index: Index, profile: Profile, questions: Sequence[Question]) -> list[Case]:
    """Questions about an index with the candidates that the profile's retriever finds, and the gold paragraph."""
    from rag.components import build_retriever

    retriever = build_retriever(index, profile.retrieval)
    cases = []
    for question in questions:
        relevant = find_relevant(question, index.chunks.chunks_of) if question.gold_doc_ids else frozenset()
        found = retriever.invoke(question.question, k=profile.retrieval.pool)
        candidates = tuple(
            Candidate(Passage.of(chunk), chunk_id_of(chunk) in relevant, None, str(chunk.metadata.get("doc_id", "")))
            for chunk in found
        )
        document = question.gold_doc_ids[-1] if question.gold_doc_ids else question.qid
        gold = _gold(index, question)
        cases.append(
            Case(source, question.question, question.answers, document, gold, candidates, question.gold_doc_ids)
        )
    return cases


def _gold(index: Index, question: Question) -> Candidate | None:
    """The paragraph the data names, or a whole document short enough to be one."""
    if not question.answers or not question.gold_doc_ids:
        return None
    doc_id = question.gold_doc_ids[-1]
    try:
        source = index.chunks.document(doc_id)
    except KeyError:
        return None
    text = question.paragraph or (source.text if len(source.text) <= _SHORT else "")
    return Candidate(Passage(source.title, text), True, None, doc_id) if text else None


def draw(case: Case, generator: np.random.Generator, wrong: int) -> list[tuple[Candidate, ...]]:
    """Groups for one epoch: the gold passage, and a relevant candidate, each among wrong ones, mostly hard ones."""
    negatives = [one for one in case.candidates if not one.relevant]
    found = [one for one in case.candidates if one.relevant]

    def among() -> tuple[Candidate, ...]:
        if not negatives or not wrong:
            return ()
        ranks = {min(len(negatives) - 1, int(generator.exponential(_NEAR))) for _ in range(2 * wrong)}
        return tuple(negatives[rank] for rank in sorted(ranks)[:wrong])

    groups = [(case.gold, *among())] if case.gold is not None else []
    if found:
        groups.append((found[int(generator.integers(min(len(found), 3)))], *among()))
    return groups
