"""What of a model's questions is fit to train on, and why the rest is not."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum

from evals.answers import token_f1
from generators.evidence import phrase_places
from retrievers.analysis import lemmas, stop_words, words
from training.examples import Example
from training.pairs.standalone import why_dependent
from training.pairs.written.replies import Reply
from training.pairs.written.requests import Request

_QUESTION_WORDS = range(3, 19)
_ANSWER_WORDS = range(1, 11)
_RUSSIAN = 0.6  # share of the letters that must be Cyrillic
_LETTERS = re.compile(r"[^\W\d_]")
_CYRILLIC = re.compile(r"[А-яЁё]")

# Answer that a reader gives to a question from one passage.
Reader = Callable[[str, str, str], str]


class Refusal(StrEnum):
    """Why a reply makes no example."""

    UNREADABLE = "no JSON with a question"
    LANGUAGE = "not in Russian"
    QUESTION_LENGTH = "question too short or too long"
    NO_QUESTION = "no question"
    ANSWER_LENGTH = "answer too long"
    NOT_IN_PASSAGE = "answer not in the passage"
    GIVEN_AWAY = "answer in the question"
    DEPENDENT = "makes no sense without its text"
    ROUND_TRIP = "a reader answers otherwise"


def example_of(request: Request, reply: Reply) -> Example | Refusal:
    """The example that a reply makes, or why it makes none."""
    fields = reply.fields()
    question = fields.get("question", "")
    if not question:
        return Refusal.UNREADABLE
    if not is_russian(question):
        return Refusal.LANGUAGE
    if not question.endswith("?"):
        return Refusal.NO_QUESTION
    if len(question.split()) not in _QUESTION_WORDS:
        return Refusal.QUESTION_LENGTH
    place = _place(request, fields.get("answer", ""))
    if isinstance(place, Refusal):
        return place
    start, stop = place
    answer = request.passage.text[start:stop]
    if _gives_away(question, answer):
        return Refusal.GIVEN_AWAY
    if why_dependent(question) is not None:
        return Refusal.DEPENDENT
    return Example(
        question=question,
        passage=request.passage.text,
        title=request.passage.title,
        answers=(answer,),
        answer_start=start,
        doc_id=request.passage.doc_id,
        source="written:free" if request.answer is None else "written:span",
    )


def _place(request: Request, said: str) -> tuple[int, int] | Refusal:
    """Where the answer stands in the passage."""
    if request.answer is not None and request.answer_start is not None:
        return request.answer_start, request.answer_start + len(request.answer)
    said = said.strip(" .«»\"'")
    if len(words(said)) not in _ANSWER_WORDS:
        return Refusal.ANSWER_LENGTH
    at = request.passage.text.find(said)
    if at >= 0:
        return at, at + len(said)
    return next(phrase_places(said, request.passage.text), Refusal.NOT_IN_PASSAGE)


def is_russian(text: str) -> bool:
    """Most letters are Cyrillic."""
    letters = _LETTERS.findall(text)
    return bool(letters) and sum(bool(_CYRILLIC.match(letter)) for letter in letters) >= _RUSSIAN * len(letters)


def _gives_away(question: str, answer: str) -> bool:
    """All telling words of the answer stand in the question."""
    telling = set(lemmas(answer)) - stop_words() or set(lemmas(answer))
    return bool(telling) and telling <= set(lemmas(question))


def round_trip_f1(example: Example, reader: Reader) -> float:
    """F1 of lemmas, in [0, 1], of what a reader finds for the question and the answer it was written for.

    Source: round-trip consistency, Alberti et al. 2019, "Synthetic QA Corpora Generation with Roundtrip Consistency"
    (arXiv:1906.05416); F1 in place of equality, since Russian answers stand in many forms.
    """
    found = reader(example.question, example.passage, example.title)
    return token_f1(found, example.answers, lemmatize=True) if found.strip() else 0.0
