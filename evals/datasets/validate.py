"""Checking an evaluation file: all that is wrong with it, what it holds, and whether an index has what it asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from evals.dataset import Question
from evals.datasets.reading import parse_line, raw_lines
from retrievers.errors import InputError


@dataclass(frozen=True, slots=True)
class Checked:
    """An evaluation file as it was found.

    Args:
        questions: those that can be read.
        mistakes: file, line and field of what cannot, in the order of the lines.
    """

    questions: Sequence[Question]
    mistakes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Missing:
    """Ids a file names that an index does not have, each with the first question that names it."""

    documents: dict[str, str]
    chunks: dict[str, str]


def check_file(path: Path) -> Checked:
    """Read an evaluation file to its end, whatever is wrong with single lines.

    Raises:
        InputError: the file cannot be read at all.
    """
    questions: list[Question] = []
    mistakes: list[str] = []
    lines: dict[str, int] = {}
    for number, raw in raw_lines(path):
        if not raw.strip():
            continue
        try:
            question = Question.model_validate(parse_line(path, number, raw).fields)
        except ValidationError as error:
            mistakes += [
                f"{path}:{number}: field {'.'.join(map(str, one['loc'])) or 'record'}: {one['msg']}"
                for one in error.errors()
            ]
        except InputError as error:
            mistakes.append(str(error))
        else:
            if question.qid in lines:
                mistakes.append(
                    f"{path}:{number}: field qid: {question.qid!r} stands already on line {lines[question.qid]}"
                )
            lines.setdefault(question.qid, number)
            questions.append(question)
    if not questions and not mistakes:
        mistakes.append(f"{path}: holds no questions")
    return Checked(questions, mistakes)


def count_questions(questions: Sequence[Question]) -> dict[str, int]:
    """How many questions have what."""
    has: dict[str, Callable[[Question], bool]] = {
        "with answers": lambda question: bool(question.answers),
        "unanswerable": lambda question: not question.answerable,
        "with gold documents": lambda question: bool(question.gold_doc_ids),
        "with several gold documents": lambda question: len(question.gold_doc_ids) > 1,
        "with hops": lambda question: bool(question.hops),
        "with a history": lambda question: bool(question.history),
        "with a paragraph": lambda question: question.paragraph is not None,
        "with gold chunks": lambda question: bool(question.gold_chunk_ids),
    }
    return {
        "questions": len(questions),
        **{name: sum(map(test, questions)) for name, test in has.items()},
        "gold documents in all": len({doc_id for question in questions for doc_id in _documents(question)}),
    }


def missing_from_index(questions: Sequence[Question], index: Path) -> Missing:
    """Gold documents and chunks that an index lacks.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is foreign or damaged.
    """
    from rag.index import open_index

    with open_index(index) as opened:
        doc_ids, chunk_ids = set(opened.chunks.doc_ids()), set(opened.chunks.chunk_ids())
    documents: dict[str, str] = {}
    chunks: dict[str, str] = {}
    for question in questions:
        for doc_id in _documents(question):
            if doc_id not in doc_ids:
                documents.setdefault(doc_id, question.qid)
        for chunk_id in question.gold_chunk_ids:
            if chunk_id not in chunk_ids:
                chunks.setdefault(chunk_id, question.qid)
    return Missing(documents, chunks)


def _documents(question: Question) -> list[str]:
    """Gold documents of a question and of its hops."""
    return [*question.gold_doc_ids, *(doc_id for hop in question.hops for doc_id in hop.gold_doc_ids)]
