"""What every generator takes and gives: a question with documents in, a grounded text out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from langchain_core.documents import Document

# What a prompted model is told to say where the documents hold no answer, and what the chain says then.
NO_ANSWER = "В документах нет ответа на этот вопрос"


@dataclass(frozen=True, slots=True)
class ReadingTask:
    """A question and the chunks to answer it from, best first."""

    question: str
    documents: tuple[Document, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where an answer stands: ``start`` and ``end`` are character offsets into the chunk's ``page_content``."""

    chunk_id: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Generation:
    """An answer before it is judged.

    Args:
        text: the answer in Russian, ``""`` when the generator found none.
        confidence: probability in [0, 1] that the answer is right, or None where the generator cannot tell.
        evidence: spans that support the answer, strongest first.
    """

    text: str
    confidence: float | None = None
    evidence: tuple[Evidence, ...] = ()

    def __add__(self, other: Generation) -> Generation:
        """Join streamed parts: texts in order, confidence and evidence from the latest part that has them."""
        return Generation(
            text=self.text + other.text,
            confidence=self.confidence if other.confidence is None else other.confidence,
            evidence=other.evidence or self.evidence,
        )


@runtime_checkable
class Alternatives(Protocol):
    """A generator that can say what else the answer might be."""

    def alternatives(self, task: ReadingTask, n: int) -> Sequence[Generation]:
        """At most ``n`` different answers, the likeliest first: what ``invoke`` gives, then others."""
        ...
