"""Reranking: a scorer reads the question with every candidate, the best are kept, with their scores."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Protocol, runtime_checkable

from langchain_core.callbacks import Callbacks
from langchain_core.cross_encoders import BaseCrossEncoder
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict, Field, SkipValidation, field_validator

from retrievers.documents import RERANKER, search_text, with_score
from retrievers.errors import InputError, ToolkitError


@runtime_checkable
class DocumentScorer(Protocol):
    """A scorer that reads more of a candidate than its text: metadata, retrieval scores, the other candidates."""

    def score_documents(self, question: str, documents: Sequence[Document]) -> list[float]:
        """One score a document, in the order given, higher is better."""
        ...


class CrossEncoderCompressor(BaseDocumentCompressor):
    """Reorders documents by a cross-encoder's scores and keeps the best.

    A pair is (question, :func:`~retrievers.documents.search_text` of the chunk). Pairs are scored in batches of about
    equal length, so that padding wastes little. A model with ``score_documents`` (:class:`DocumentScorer`) gets all
    documents at once in their order, and batches by itself.

    The score stands in the metadata under ``component``: raw, higher is better, not comparable between models. Equal
    scores keep the order given. Input documents are left as they are.

    Args:
        model: a LangChain cross-encoder or a :class:`DocumentScorer`.
        top_n: how many documents are kept; None keeps all. Counted after ``threshold``, so it is an upper bound.
        threshold: documents of a lower score are dropped, all of them where none reaches it; None drops nothing.
        batch_size: pairs scored at once.
        max_length: characters of a passage that are read, cut at white space; None leaves cutting to the model.
        component: key of the score and rank in the metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid", protected_namespaces=())

    model: Annotated[BaseCrossEncoder | DocumentScorer, SkipValidation] = Field(repr=False)
    top_n: int | None = Field(default=None, ge=1)
    threshold: float | None = Field(default=None, allow_inf_nan=False)
    batch_size: int = Field(default=32, ge=1)
    max_length: int | None = Field(default=None, ge=1)
    component: str = RERANKER

    @field_validator("model")
    @classmethod
    def _model_scores(cls, value: BaseCrossEncoder | DocumentScorer) -> BaseCrossEncoder | DocumentScorer:
        if not isinstance(value, (BaseCrossEncoder, DocumentScorer)):
            raise InputError(f"expected a BaseCrossEncoder or a DocumentScorer as the model, got {value!r}")
        return value

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> list[Document]:
        """Copies of the kept documents, best first.

        Raises:
            ToolkitError: the model gave another number of scores than documents, or a score that is not finite.
        """
        if not documents:
            return []
        scores = self._scores(query, documents)
        order = sorted(range(len(documents)), key=lambda row: -scores[row])  # stable
        kept = [row for row in order if self.threshold is None or scores[row] >= self.threshold][: self.top_n]
        return [with_score(documents[row], self.component, scores[row], rank) for rank, row in enumerate(kept, start=1)]

    def _scores(self, question: str, documents: Sequence[Document]) -> list[float]:
        if isinstance(self.model, DocumentScorer):
            return self._checked(self.model.score_documents(question, documents), len(documents))
        pairs = [(question, _cut(search_text(document), self.max_length)) for document in documents]
        by_length = sorted(range(len(pairs)), key=lambda row: -len(pairs[row][1]))
        scores = [0.0] * len(pairs)
        for start in range(0, len(pairs), self.batch_size):
            rows = by_length[start : start + self.batch_size]
            batch = self._checked(self.model.score([pairs[row] for row in rows]), len(rows))
            for row, score in zip(rows, batch, strict=True):
                scores[row] = score
        return scores

    def _checked(self, scores: Sequence[float], expected: int) -> list[float]:
        values = [float(score) for score in scores]
        name = getattr(self.model, "model_name", None) or type(self.model).__name__
        if len(values) != expected:
            raise ToolkitError(f"model {name} gave {len(values)} scores for {expected} documents")
        broken = [score for score in values if not math.isfinite(score)]
        if broken:
            raise ToolkitError(
                f"model {name} gave {len(broken)} scores of {expected} that are not finite ({broken[0]}); "
                "its weights may be damaged or overflow at low precision"
            )
        return values


def _cut(text: str, length: int | None) -> str:
    if length is None or len(text) <= length:
        return text
    head = text[: length + 1]
    at = max(head.rfind(" "), head.rfind("\n"))
    return head[:at].rstrip() if at > 0 else head[:length]
