"""What the agent did, step by step: typed, one JSON object a question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, ValidationError

from rag.agent.budget import Spent, StopReason
from rag.agent.plan import Plan
from rag.citations import final_score
from rag.errors import first_mistake
from retrievers.documents import chunk_id_of, doc_id_of
from retrievers.errors import InputError

_STRICT = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Operation(StrEnum):
    """What a step of the trace did.

    RETRIEVE: one search and what was read from it (with FILTER by the compressor, and EXTRACT_ANSWER or
    EXTRACT_ENTITIES after it). MAP_RETRIEVE: the same for one of several entities. UNION, INTERSECT, COMPARE: over
    answers found before. FALLBACK: the question as asked, after its steps came to nothing. SYNTHESIZE, which puts the
    answer together, is the end of the trace and no step of it.
    """

    RETRIEVE = "retrieve"
    MAP_RETRIEVE = "map_retrieve"
    UNION = "union"
    INTERSECT = "intersect"
    COMPARE = "compare"
    FALLBACK = "fallback"


class Verdict(StrEnum):
    """What the self-check said of a step.

    ENOUGH: the step was taken as answered. LOW_CONFIDENCE, LOW_COVERAGE, NO_PASSAGES, NO_ANSWER: why it was not, and
    another wording was tried or the step was given up. REPEATED: asked before, nothing was searched again. DONE: an
    operation that has nothing to check.
    """

    ENOUGH = "enough"
    LOW_CONFIDENCE = "low confidence"
    LOW_COVERAGE = "low coverage"
    NO_PASSAGES = "no passages"
    NO_ANSWER = "no answer"
    REPEATED = "repeated"
    DONE = "done"


class TraceHit(BaseModel):
    """A passage that a search found; ``score`` is that of the last stage that ranked it, higher is better."""

    model_config = _STRICT

    chunk_id: str
    doc_id: str
    title: str = ""
    score: float

    @classmethod
    def of(cls, document: Document) -> TraceHit:
        """The trace of a found chunk."""
        return cls(
            chunk_id=chunk_id_of(document),
            doc_id=doc_id_of(document),
            title=str(document.metadata.get("title", "")),
            score=final_score(document),
        )


class TraceStep(BaseModel):
    """One operation.

    Args:
        number: from 1, in the order of work.
        sub_question: id in the plan; ``""`` for what belongs to the whole question.
        operation: what was done.
        question: the sub-question as the plan has it, with its slots.
        query: what was searched for: the question with its slots filled.
        way: how it was searched: ``"question"`` as it stands, or the name of a reformulation.
        hits: what was found, best first.
        evidence: ids of the chunks that were read.
        answer: what was read from them, ``""`` for nothing.
        confidence: calibrated probability in [0, 1] that the answer is right.
        coverage: share of the query, weighted by idf, that the evidence holds; None where nothing was checked.
        verdict: of the self-check.
        seconds: that it took.
    """

    model_config = _STRICT

    number: int
    sub_question: str
    operation: Operation
    question: str
    query: str = ""
    way: str = ""
    hits: tuple[TraceHit, ...] = ()
    evidence: tuple[str, ...] = ()
    answer: str = ""
    confidence: float = 0.0
    coverage: float | None = None
    verdict: Verdict = Verdict.DONE
    seconds: float = 0.0

    @property
    def is_search(self) -> bool:
        """The step asked the index."""
        return self.operation in {Operation.RETRIEVE, Operation.MAP_RETRIEVE, Operation.FALLBACK}


class AgentTrace(BaseModel):
    """The record of one question.

    Args:
        question: as asked, or as rewritten into a standalone one.
        plan: that was followed.
        steps: in order.
        answer: as delivered.
        confidence: calibrated probability in [0, 1] that it is right.
        stop: why the agent stopped.
        spent: what it cost.
        failure: what the language model's server did, where the agent stopped for it.
    """

    model_config = _STRICT

    question: str
    plan: Plan
    steps: tuple[TraceStep, ...] = ()
    answer: str = ""
    confidence: float = 0.0
    stop: StopReason
    spent: Spent
    failure: str = ""

    @property
    def searches(self) -> tuple[TraceStep, ...]:
        """The steps that asked the index, in order; none of them stands twice."""
        return tuple(step for step in self.steps if step.is_search and step.verdict is not Verdict.REPEATED)

    def to_json(self) -> str:
        """One line, defaults left out."""
        return json.dumps(self.model_dump(mode="json", exclude_defaults=True), ensure_ascii=False) + "\n"


def append_trace(path: Path, trace: AgentTrace) -> None:
    """Add a trace to a JSON Lines file, in one write.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        with path.open("ab") as file:
            file.write(trace.to_json().encode())
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error


def read_traces(path: Path) -> Iterator[AgentTrace]:
    """Traces of a JSON Lines file.

    Raises:
        InputError: naming line and field of what is wrong.
    """
    try:
        with path.open("rb") as file:
            yield from _traces(path, file)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}") from error


def _traces(path: Path, lines: Iterable[bytes]) -> Iterator[AgentTrace]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield AgentTrace.model_validate_json(line)
        except ValidationError as error:
            raise InputError(f"{path}:{number}: {first_mistake(error, 'trace')}") from error
