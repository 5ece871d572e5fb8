"""The per-question record: one JSON object a line, what every report, comparison and reward is computed from.

``questions.jsonl`` holds a :class:`QuestionRecord` for every question and variant. The text of the passages read stands
once each in ``passages.jsonl`` beside it (:class:`Passage`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.dataset import Hop, Question
from evals.files import atomic_write
from rag.errors import first_mistake
from retrievers.errors import InputError

QUESTIONS_FILE = "questions.jsonl"
PASSAGES_FILE = "passages.jsonl"

_Model = TypeVar("_Model", bound=BaseModel)


_STRICT = ConfigDict(extra="forbid", ser_json_inf_nan="constants")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, **_STRICT)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A chunk at its place in a ranking; ``score`` is that of the last stage that ranked it, higher is better.

    A plain class with slots and no pydantic model: a run holds fifty a question and variant, and each takes a sixth of
    the memory.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    chunk_id: str
    doc_id: str
    score: float


class CitationRecord(_Row):
    """A quote given as evidence; ``start`` and ``end`` are character offsets into the source document."""

    chunk_id: str
    doc_id: str
    quote: str
    start: int
    end: int


class AnswerRecord(_Row):
    """What the pipeline answered.

    Args:
        text: the answer as it was written, whether or not it was withheld; ``""`` where none was found.
        abstained: the user was told that there is no answer: none was found, or its confidence was below the threshold.
        confidence: calibrated probability in [0, 1] that the answer is right.
        citations: quotes for the answer as written.
        context_ids: chunks that the answer was read from, best first.
        tokens: tokens in and out by name, where the generator counts them.
    """

    text: str
    abstained: bool
    confidence: float
    citations: tuple[CitationRecord, ...] = ()
    context_ids: tuple[str, ...] = ()
    tokens: dict[str, int] = Field(default_factory=dict)

    @property
    def delivered(self) -> str:
        """The answer as the user got it: ``""`` where it was withheld."""
        return "" if self.abstained else self.text


class Step(_Row):
    """One search of a multi-step answer: what was asked, what came back, what was read from it."""

    query: str
    ranking: tuple[Ranked, ...] = ()
    answer: str = ""


class QuestionRecord(_Row):
    """One question under one variant of the pipeline.

    Args:
        qid: of the question.
        variant: name of the pipeline, like ``"hybrid+rerank"``.
        question: as asked.
        answers: gold answers, any of which is right.
        gold_doc_ids: documents that answer.
        relevant_chunk_ids: chunks that hold the gold passage, resolved against the index; empty where none is known.
        answerable: False where abstaining is right.
        hops: gold steps of a multi-step question.
        ranking: chunks in the order in which the pipeline would read them.
        answer: None where only retrieval was measured.
        steps: the searches of a multi-step pipeline, in order; empty for a single search, which ``ranking`` holds.
        metrics: every metric that is defined for this question, by name.
        timings: seconds by stage.
    """

    qid: str
    variant: str
    question: str
    answers: tuple[str, ...] = ()
    gold_doc_ids: tuple[str, ...] = ()
    relevant_chunk_ids: tuple[str, ...] = ()
    answerable: bool = True
    hops: tuple[Hop, ...] = ()
    ranking: tuple[Ranked, ...] = ()
    answer: AnswerRecord | None = None
    steps: tuple[Step, ...] = ()
    metrics: dict[str, float] = Field(default_factory=dict)
    timings: dict[str, float] = Field(default_factory=dict)

    @classmethod
    def of(cls, question: Question, variant: str, **values: Any) -> Self:
        """A record that carries the gold of ``question``."""
        return cls(
            qid=question.qid,
            variant=variant,
            question=question.question,
            answers=question.answers,
            gold_doc_ids=question.gold_doc_ids,
            answerable=question.answerable,
            hops=question.hops,
            **values,
        )

    @property
    def ranked_documents(self) -> list[str]:
        """Document ids at their best rank."""
        return list(dict.fromkeys(hit.doc_id for hit in self.ranking))

    @property
    def trace(self) -> tuple[Step, ...]:
        """The searches of any pipeline: its steps, or its single search as one."""
        if self.steps:
            return self.steps
        return (Step(query=self.question, ranking=self.ranking, answer=self.answer.delivered if self.answer else ""),)


class Passage(_Row):
    """Text of a chunk that some answer was read from, or that stood among the first of a ranking."""

    chunk_id: str
    doc_id: str
    title: str = ""
    text: str


def dump_record(record: BaseModel) -> str:
    """One line of JSON, defaults left out."""
    return json.dumps(record.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) + "\n"


def read_records(path: Path) -> list[QuestionRecord]:
    """Read ``questions.jsonl`` of a run, or any file of its form.

    Raises:
        InputError: naming file, line and field of what is wrong; a question that repeats within a variant is wrong too.
    """
    if path.is_dir():
        path = path / QUESTIONS_FILE
    records: list[QuestionRecord] = []
    lines: dict[tuple[str, str], int] = {}
    for number, record in read_rows(path, QuestionRecord):
        key = (record.variant, record.qid)
        if key in lines:
            raise InputError(
                f"{path}:{number}: field qid: {record.qid!r} of variant {record.variant!r} stands already on line"
                f" {lines[key]}"
            )
        lines[key] = number
        records.append(record)
    if not records:
        raise InputError(f"{path}: holds no records; expected the questions.jsonl of python -m evals.run")
    return records


def by_variant(records: Iterable[QuestionRecord]) -> dict[str, list[QuestionRecord]]:
    """Records of each variant, in order of first appearance."""
    found: dict[str, list[QuestionRecord]] = {}
    for record in records:
        found.setdefault(record.variant, []).append(record)
    return found


def read_passages(path: Path) -> dict[str, Passage]:
    """Passages by chunk id; ``path`` is ``passages.jsonl``, or the run's directory."""
    if path.is_dir():
        path = path / PASSAGES_FILE
    return {passage.chunk_id: passage for _, passage in read_rows(path, Passage)}


def write_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """Write rows as JSON Lines; the file appears whole or not at all."""
    with atomic_write(path) as file:
        for row in rows:
            file.write(dump_record(row))


def read_rows(path: Path, model: type[_Model]) -> Iterator[tuple[int, _Model]]:
    """Line numbers and rows of a JSON Lines file.

    Raises:
        InputError: naming file, line and field of what is wrong.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield number, _parse(line, model, f"{path}:{number}")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror or error}; expected a file of python -m evals.run"
        ) from error


def _parse(line: bytes, model: type[_Model], where: str) -> _Model:
    try:
        return model.model_validate_json(line)
    except ValidationError as error:
        raise InputError(f"{where}: {first_mistake(error)}") from error
