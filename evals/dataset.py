"""The evaluation dataset: one JSON object a line, checked field by field."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from evals.files import atomic_write
from rag.errors import first_mistake
from retrievers.analysis import words
from retrievers.errors import InputError


class Hop(BaseModel):
    """One step of a multi-step question."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str = Field(min_length=1)
    answer: str = ""
    gold_doc_ids: tuple[str, ...] = ()


class Turn(BaseModel):
    """One exchange of a conversation: what was asked before, and what was answered."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: str = Field(min_length=1)
    answer: str = ""


class Question(BaseModel):
    """A question with its gold answers and documents.

    Args:
        qid: unique within its file.
        question: as a person asks it.
        answers: accepted answers, best first; empty leaves the question out of answer metrics.
        gold_doc_ids: documents that hold the answer; several where the question needs several.
        answerable: False where the corpus holds no answer and abstaining is right.
        paragraph: text of the passage that answers, where known.
        gold_chunk_ids: chunks of the index that answer, where known; they hold for one chunking only.
        hops: the steps of a multi-step question, in order.
        history: turns of the conversation before the question, oldest first; empty for a question on its own.
        standalone: the question as it would be asked without the history; only beside one.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    qid: str = Field(min_length=1)
    question: str = Field(min_length=1)
    answers: tuple[str, ...] = ()
    gold_doc_ids: tuple[str, ...] = ()
    answerable: bool = True
    paragraph: str | None = None
    gold_chunk_ids: tuple[str, ...] = ()
    hops: tuple[Hop, ...] = ()
    history: tuple[Turn, ...] = ()
    standalone: str | None = None

    @field_validator("answers", "gold_doc_ids", "gold_chunk_ids")
    @classmethod
    def _not_blank(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if any(not value.strip() for value in values):
            raise ValueError("must not hold empty strings")
        return values

    @field_validator("gold_doc_ids", "gold_chunk_ids")
    @classmethod
    def _unique(cls, ids: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(ids)) != len(ids):
            raise ValueError("must not repeat an id")
        return ids

    @field_validator("paragraph")
    @classmethod
    def _wordy(cls, paragraph: str | None) -> str | None:
        if paragraph is not None and not words(paragraph):
            raise ValueError("must hold words; leave it out where none is known")
        return paragraph

    @field_validator("answerable")
    @classmethod
    def _consistent(cls, answerable: bool, info: ValidationInfo) -> bool:
        if not answerable and info.data.get("answers"):
            raise ValueError("answers must be empty where answerable is false")
        return answerable

    @field_validator("standalone")
    @classmethod
    def _follows(cls, standalone: str | None, info: ValidationInfo) -> str | None:
        if standalone is not None and not standalone.strip():
            raise ValueError("must hold words; leave it out where none is known")
        if standalone is not None and not info.data.get("history"):
            raise ValueError("belongs beside a history; a question on its own is standalone as it is")
        return standalone


def read_questions(path: Path) -> list[Question]:
    """Read an evaluation file.

    Raises:
        InputError: naming file, line and field of whatever is wrong; ids that repeat are wrong too.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected JSON Lines with qid, question, answers, gold_doc_ids")
    questions: list[Question] = []
    lines: dict[str, int] = {}
    for number, question in _parse(path):
        if question.qid in lines:
            raise InputError(
                f"{path}:{number}: field qid: {question.qid!r} stands already on line {lines[question.qid]}"
            )
        lines[question.qid] = number
        questions.append(question)
    if not questions:
        raise InputError(f"{path}: holds no questions")
    return questions


def write_questions(path: Path, questions: Iterable[Question]) -> None:
    """Write an evaluation file that :func:`read_questions` reads; it appears whole or not at all."""
    with atomic_write(path) as file:
        for question in questions:
            file.write(json.dumps(question.model_dump(exclude_defaults=True), ensure_ascii=False) + "\n")


def _parse(path: Path) -> Iterator[tuple[int, Question]]:
    try:
        with path.open("rb") as file:
            for number, raw in enumerate(file, start=1):
                if raw.strip():
                    yield number, _question(raw, number, f"{path}:{number}")
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _question(raw: bytes, number: int, where: str) -> Question:
    try:
        line = raw.decode("utf-8-sig" if number == 1 else "utf-8")
        return Question.model_validate(json.loads(line))
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 ({error.reason} at byte {error.start})") from error
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error.msg} at column {error.colno}") from error
    except ValidationError as error:
        raise InputError(f"{where}: {first_mistake(error)}") from error
    except (ValueError, RecursionError) as error:  # a number of thousands of digits, brackets in brackets without end
        raise InputError(f"{where}: not a record: {error}") from error
