"""What searches and answers look like in JSON. All offsets count Unicode characters, as Python does."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from rag.agent.trace import AgentTrace

_EXAMPLE_SCORES = {"bm25": 18.4, "dense": 0.61, "hybrid": 1.2, "cross_encoder": 3.7}

Timings = dict[str, float]
Scores = dict[str, float]
_Span = tuple[int, int]


class Reply(BaseModel):
    """Something the service says; it is never changed afterwards."""

    model_config = ConfigDict(frozen=True)


class SpanReply(Reply):
    """The likeliest answer inside one passage."""

    start: int = Field(description="Offset in the passage's text.")
    end: int
    text: str
    confidence: float = Field(description="Calibrated probability from 0 to 1 that it is right, by this passage.")


class CandidateReply(Reply):
    """A passage that a search found."""

    chunk_id: str
    doc_id: str
    title: str
    text: str
    start: int = Field(description="Offset of the passage in its document.")
    scores: Scores = Field(
        description="Of every component that saw it, in the order in which they did; the last one made the order.",
        examples=[_EXAMPLE_SCORES],
    )
    matches: list[_Span] = Field(description="Words of the text that the question has, in whatever form.")
    span: SpanReply | None = Field(description="Null where the service has no extractive reader, or it found nothing.")
    metadata: dict[str, Any] = Field(description="Of document and passage, as filters see it; no nested values.")


class SearchReply(Reply):
    """Candidates, best first."""

    question: str
    generation: str = Field(description="Generation of the index that was searched.")
    retriever: str
    rerank: bool
    candidates: list[CandidateReply]
    timings: Timings = Field(description="Seconds by stage; of the first time where the search was made before.")


class CitationReply(Reply):
    """A sentence that supports the answer."""

    n: int = Field(description="Number of the citation, from 1.")
    chunk_id: str
    doc_id: str
    title: str
    quote: str
    start: int = Field(description="Offset of the quote in its document.")
    end: int
    answer_start: int = Field(description="Offset of the answer in the quote.")
    answer_end: int
    chunk_start: int | None = Field(description="Offset of the quote in its passage; null where it lies outside.")
    chunk_end: int | None
    score: float


class ContextReply(Reply):
    """A passage that the answer was read from."""

    n: int = Field(description="Place in the order of reading, from 1.")
    chunk_id: str
    doc_id: str
    title: str
    text: str = Field(description="As it was read: with its neighbours where the profile reads so.")
    start: int = Field(description="Offset of this text in its document.")
    scores: Scores = Field(examples=[_EXAMPLE_SCORES])


class AnswerReply(Reply):
    """An answer and where it comes from."""

    id: str
    question: str
    answer: str
    abstained: bool = Field(description="Whether the documents hold no answer, or none that is sure enough.")
    confidence: float = Field(description="Calibrated probability from 0 to 1 that the answer is right.")
    citations: list[CitationReply] = Field(description="Strongest first.")
    contexts: list[ContextReply] = Field(description="Passages in the order in which they were read.")
    timings: Timings = Field(description="Seconds by stage; of the first time where the answer is cached.")
    generation: str = Field(description="Generation of the index that was read.")
    cached: bool = Field(description="Whether this was answered before, from the same index in the same way.")
    trace: AgentTrace | None = Field(description="What the agent did; null where it was not asked.")
