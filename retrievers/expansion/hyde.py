"""HyDE: dense retrieval by the vector of a passage that a language model made up for the question."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.runnables import RunnableConfig
from numpy.typing import NDArray
from pydantic import Field, model_validator

from retrievers.dense import DenseRetriever
from retrievers.documents import score_of, with_score
from retrievers.errors import InputError
from retrievers.expansion.base import ExpandingRetriever
from retrievers.expansion.report import Addition, Expansion
from retrievers.expansion.screening import screen_passages
from retrievers.expansion.writing import PassageWriter
from retrievers.filters import Where
from retrievers.hybrid import child_config, child_options


def mean_direction(vectors: Sequence[Sequence[float]]) -> NDArray[np.float64]:
    """Mean of the vectors' directions, shape (dim,); of length 1, or 0 where they cancel out.

    Args:
        vectors: array of shape (n, dim); zero vectors count nothing.
    """
    rows = np.asarray(vectors, np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    total: NDArray[np.float64] = (rows / np.where(norms > 0, norms, 1.0)).sum(axis=0)
    length = float(np.linalg.norm(total))
    return total / length if length > 0 else total


class HydeRetriever(ExpandingRetriever):
    """Chunks nearest to a hypothetical passage, which the encoder sees as one of the documents.

    Gao, Ma, Lin and Callan 2022, "Precise Zero-Shot Dense Retrieval without Relevance Labels" (arXiv:2212.10496): the
    search goes by the mean vector of several passages, and the question's own (their section 3.2). Where no usable
    passage was written, the question is searched with. Only the dense leg is replaced: in a
    :class:`~retrievers.hybrid.HybridRetriever` the lexical leg keeps the question.

    Args:
        dense: the retriever whose vectors are searched.
        writer: of the passages.
        passages: how many are asked for; more than one only makes sense with a writer that varies (temperature > 0).
        include_question: whether the question's own vector is part of the mean.
        embeddings: what passages and question are encoded with; those of the store by default.
    """

    dense: DenseRetriever
    writer: PassageWriter
    passages: int = Field(default=1, ge=1, le=10)
    include_question: bool = True
    embeddings: Embeddings | None = Field(default=None, repr=False)
    component: str = "hyde"

    @model_validator(mode="after")
    def _encoder_is_known(self) -> HydeRetriever:
        self._encoder()
        return self

    def _encoder(self) -> Embeddings:
        encoder = self.embeddings or self.dense.store.embeddings
        if encoder is None:
            raise InputError("the store has no embeddings of its own to encode passages with; give embeddings=…")
        return encoder

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        return self._screened(question, [self.writer.passage(question, config) for _ in range(self.passages)])

    async def _aexpand(
        self,
        question: str,
        where: Where | None,  # noqa: ARG002
        config: RunnableConfig | None,
    ) -> Expansion:
        written = await asyncio.gather(*(self.writer.apassage(question, config) for _ in range(self.passages)))
        return self._screened(question, written)

    def _screened(self, question: str, passages: Sequence[str]) -> Expansion:
        kept, dropped = screen_passages(passages)
        return Expansion(self.component, question, tuple(map(Addition, kept)), tuple(dropped))

    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        if not expansion.added:
            config = child_config(run_manager, self.dense)
            found = self.dense.invoke(expansion.question, config, **child_options(k, where))
        else:
            encoder = self._encoder()
            vectors = encoder.embed_documents(expansion.texts)
            if self.include_question:
                vectors.append(encoder.embed_query(expansion.question))
            found = self.dense.search_vector(mean_direction(vectors).tolist(), k, where)
        return [self._rescored(hit, rank) for rank, hit in enumerate(found, start=1)]

    def _rescored(self, hit: Document, rank: int) -> Document:
        return with_score(hit, self.component, score_of(hit, self.dense.component), rank)
