"""What the chain returns: an answer, where it stands in the sources, and what it was read from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Citation:
    """A quoted sentence that supports the answer.

    Args:
        chunk_id: chunk the quote was read from.
        doc_id: its source document.
        title: the document's title.
        quote: the sentence, as it stands in the source.
        start: offset of the quote in the source document's text, in characters.
        end: offset just past it.
        answer_start: offset of the answer inside ``quote``.
        answer_end: offset just past the answer inside ``quote``.
        score: score of the cited chunk from the last stage that ranked it, higher is better.
    """

    chunk_id: str
    doc_id: str
    title: str
    quote: str
    start: int
    end: int
    answer_start: int
    answer_end: int
    score: float


@dataclass(frozen=True, slots=True)
class Context:
    """A passage the answer was read from, with the score every component gave it."""

    chunk_id: str
    doc_id: str
    title: str
    text: str
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its evidence.

    Args:
        question: the question as it was asked.
        answer: the answer in Russian, or ``generators.base.NO_ANSWER``.
        abstained: True where the documents hold no answer, or none that is confident enough.
        confidence: calibrated probability in [0, 1] that the answer is right.
        citations: quotes that support the answer, strongest first; empty where abstained.
        contexts: the passages the generator read, best first.
        timings: seconds by stage (``retrieve``, ``rerank``, ``generate``, ``total``).
    """

    question: str
    answer: str = ""
    abstained: bool = False
    confidence: float = 0.0
    citations: tuple[Citation, ...] = ()
    contexts: tuple[Context, ...] = ()
    timings: dict[str, float] = field(default_factory=dict)

    def __add__(self, other: Answer) -> Answer:
        """Join streamed parts: the text grows, everything else comes from the latest part that has it."""
        return Answer(
            question=other.question or self.question,
            answer=self.answer + other.answer,
            abstained=self.abstained or other.abstained,
            confidence=other.confidence or self.confidence,
            citations=other.citations or self.citations,
            contexts=other.contexts or self.contexts,
            timings={**self.timings, **other.timings},
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return dataclasses.asdict(self)
