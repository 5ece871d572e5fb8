"""Retrievers that leave BM25, or BM25 and vectors together, to the engine that stores the chunks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, Field, field_validator

from retrievers.documents import with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where
from retrievers.hybrid import DEFAULT_DEPTH
from retrievers.lexical import call_filter, call_k
from retrievers.stores.milvus.ranking import EngineRanker


@runtime_checkable
class TermSearching(Protocol):
    """A store with a BM25 of its own over the index terms of its chunks."""

    @property
    def embeddings(self) -> Embeddings | None:
        """What questions are encoded with."""
        ...

    def search_terms(self, terms: Sequence[str], k: int, where: Where | None = None) -> list[tuple[Document, float]]:
        """The ``k`` chunks of the highest BM25 scores, best first."""
        ...

    def search_fused(
        self,
        vector: Sequence[float],
        terms: Sequence[str],
        k: int,
        *,
        depth: int,
        ranker: EngineRanker,
        where: Where | None = None,
    ) -> list[tuple[Document, float]]:
        """The ``k`` chunks of the highest fused scores, best first."""
        ...


class EngineRetriever(BaseRetriever, ABC):
    """Base of retrievers over a :class:`TermSearching` store.

    Options of one call: ``invoke(question, k=3, filter={"topic": "спорт"})``.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    store: Any = Field(repr=False)
    analyzer: Callable[[str], list[str]]
    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str

    @field_validator("store")
    @classmethod
    def _ranks_by_terms(cls, store: Any) -> TermSearching:
        if not isinstance(store, TermSearching):
            raise InputError(
                f"expected a store that ranks by terms itself (milvus:FILE.db or milvus+http://host:port), got "
                f"{type(store).__name__}; use the index's own BM25 with this one"
            )
        return store

    @abstractmethod
    def _search(self, query: str, k: int, where: Where | None) -> list[tuple[Document, float]]:
        """Chunks and scores, best first."""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        found = self._search(query, call_k(k, self.k), call_filter(filter, self.filter))
        return [
            with_score(document, self.component, score, rank) for rank, (document, score) in enumerate(found, start=1)
        ]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        return await run_in_executor(
            None,
            partial(self._get_relevant_documents, query, run_manager=run_manager.get_sync(), k=k, filter=filter),
        )


class EngineBM25Retriever(EngineRetriever):
    """Chunks that the engine's BM25 ranks highest for a question.

    Scores are not negative, higher is better, not comparable between questions, and not those of
    :class:`~retrievers.bm25.BM25Retriever`: the engine counts over its own files, chunks of deleted documents included
    until compaction. A chunk that shares no term with the question is never returned.

    Args:
        store: an index's vectors in an engine with a BM25 of its own.
        analyzer: text to terms, the one the index was built with.
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of this retriever's score and rank in the metadata.
    """

    component: str = "bm25"

    def _search(self, query: str, k: int, where: Where | None) -> list[tuple[Document, float]]:
        found: list[tuple[Document, float]] = self.store.search_terms(self.analyzer(query), k, where)
        return found


class EngineHybridRetriever(EngineRetriever):
    """Chunks that the engine's own ranker puts first, of the best by vector and by BM25: one request instead of two.

    Fused scores are not comparable between questions, and the legs' own scores are not told. A condition that the
    engine cannot say (``$ne``, ``$nin``, ``$not_contains``) is applied to what it has fused.

    Args:
        store: an index's vectors in an engine with a BM25 of its own.
        analyzer: text to terms, the one the index was built with.
        ranker: how the legs are fused.
        depth: hits of each leg that are fused.
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of the fused score and rank in the metadata.
    """

    ranker: EngineRanker = EngineRanker()
    depth: int = Field(default=DEFAULT_DEPTH, ge=1)
    component: str = "hybrid"

    def _search(self, query: str, k: int, where: Where | None) -> list[tuple[Document, float]]:
        if self.store.embeddings is None:
            raise InputError("hybrid search needs an index with vectors, and an encoder for the question")
        found: list[tuple[Document, float]] = self.store.search_fused(
            self.store.embeddings.embed_query(query),
            self.analyzer(query),
            k,
            depth=self.depth,
            ranker=self.ranker,
            where=where,
        )
        return found
