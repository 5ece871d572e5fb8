"""Dense retrieval over any LangChain vector store, with scores that are cosine similarities."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from pydantic import ConfigDict, Field

from retrievers.documents import chunk_id_of, with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where, matches
from retrievers.lexical import call_filter, call_k
from retrievers.stores.chroma.filters import chroma_where
from retrievers.stores.overfetch import enough
from retrievers.stores.segmented import SegmentedVectors

# Search by vector with the numbers of similarity_search_with_score; LangChain's stores do not agree on its name.
_BY_VECTOR = ("similarity_search_with_score_by_vector", "similarity_search_by_vector_with_relevance_scores")
_CHROMA = "langchain_chroma"
_FAISS = "langchain_community.vectorstores.faiss"
Scored = tuple[Document, float]
_NOTHING = 1e-6  # a cosine below this is that of a question without a known word


class StoreScore(StrEnum):
    """What the numbers of ``similarity_search_with_score`` are; stores do not agree."""

    COSINE = "cosine similarity"
    COSINE_DISTANCE = "cosine distance"
    SQUARED_L2 = "squared Euclidean distance"


class StoreFilter(StrEnum):
    """What a store takes as ``filter``; stores do not agree.

    Whatever it takes, its hits are held against the filter again, and it is asked for more where some do not match.
    """

    WHERE = "the filter itself"
    CHROMA = "the filter, less what Chroma would get wrong"
    DOCUMENT = "a function of a document"
    METADATA = "a function of its metadata"
    NOTHING = "nothing that is known here"


def store_score_of(store: VectorStore) -> StoreScore:
    """What ``store`` returns: Chroma its collection's distance, FAISS a squared one, others the similarity."""
    if _comes_from(store, _FAISS):
        inner = str(getattr(store, "distance_strategy", "")).endswith("MAX_INNER_PRODUCT")
        return StoreScore.COSINE if inner else StoreScore.SQUARED_L2
    if not _comes_from(store, _CHROMA):
        return StoreScore.COSINE
    configuration: dict[str, Any] = store._collection.configuration_json  # type: ignore[attr-defined]
    space = (configuration.get("hnsw") or configuration.get("spann") or {}).get("space", "l2")
    return StoreScore.SQUARED_L2 if space == "l2" else StoreScore.COSINE_DISTANCE


def store_filter_of(store: VectorStore) -> StoreFilter:
    """What ``store`` takes, as far as that is known here; other stores' own forms of a filter are not guessed."""
    if isinstance(store, SegmentedVectors):
        return StoreFilter.WHERE
    if _comes_from(store, _CHROMA):
        return StoreFilter.CHROMA
    if isinstance(store, InMemoryVectorStore):
        return StoreFilter.DOCUMENT
    return StoreFilter.METADATA if _comes_from(store, _FAISS) else StoreFilter.NOTHING


def _comes_from(store: VectorStore, module: str) -> bool:
    return any(base.__module__.startswith(module) for base in type(store).__mro__)


def to_cosine(value: float, kind: StoreScore) -> float:
    """Cosine similarity in [-1, 1] for a store's number; for Euclidean distances the vectors have length 1.

    >>> to_cosine(0.25, StoreScore.COSINE_DISTANCE), to_cosine(0.5, StoreScore.SQUARED_L2)
    (0.75, 0.75)
    """
    if kind is StoreScore.COSINE_DISTANCE:
        value = 1.0 - value
    elif kind is StoreScore.SQUARED_L2:
        value = 1.0 - value / 2.0
    return min(1.0, max(-1.0, float(value))) if value == value else 0.0  # NaN: a vector of length 0


class DenseRetriever(BaseRetriever):
    """Chunks whose vectors are nearest to the question's.

    Scores are cosine similarities in [-1, 1], higher is better, comparable between questions of one encoder. A question
    whose vector is zero (no word of it is known to the encoder) finds nothing.

    Args:
        store: any LangChain vector store with ``similarity_search_with_score``.
        k: how many chunks.
        filter: only chunks whose metadata match it (Chroma ``where`` form).
        component: key of this retriever's score and rank in the metadata.
        store_score: what the store's numbers are; by default found out from the store.
        store_filter: what the store takes as a filter; by default found out from the store.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    store: VectorStore = Field(repr=False)
    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str = "dense"
    store_score: StoreScore | None = None
    store_filter: StoreFilter | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        return self._searched(partial(self.store.similarity_search_with_score, query), k, filter)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        if call_filter(filter, self.filter) is not None:
            search = partial(self.store.similarity_search_with_score, query)
            return await run_in_executor(None, self._searched, search, k, filter)
        return self._scored(await self.store.asimilarity_search_with_score(query, k=call_k(k, self.k)))

    def search_vector(self, vector: Sequence[float], k: int, where: Where | None = None) -> list[Document]:
        """The ``k`` chunks nearest to a vector, with scores and ranks, as for a question.

        Raises:
            InputError: the store has no search by a vector that tells scores.
        """
        for name in _BY_VECTOR:
            if search := getattr(self.store, name, None):
                return self._searched(partial(search, list(vector)), k, where)
        raise InputError(f"{type(self.store).__name__} does not tell the scores of a search by vector")

    def _searched(self, search: Callable[..., list[Scored]], k: int | None, where: Where | None) -> list[Document]:
        where, count = call_filter(where, self.filter), call_k(k, self.k)
        if where is None:
            return self._scored(search(k=count))

        def keep(hits: Sequence[Scored]) -> list[Scored]:
            return [hit for hit in hits if matches(hit[0].metadata, where)]

        condition = self._condition(where)
        return self._scored(enough(lambda n: search(k=n, **condition), keep, count))

    def _condition(self, where: Where) -> dict[str, Any]:
        match self.store_filter or store_filter_of(self.store):
            case StoreFilter.WHERE:
                return {"filter": where}
            case StoreFilter.CHROMA:
                return {"filter": chroma_where(where)}
            case StoreFilter.DOCUMENT:
                return {"filter": lambda document: matches(document.metadata, where)}
            case StoreFilter.METADATA:  # FAISS applies it to the nearest fetch_k, 20 by default
                every = {} if (index := getattr(self.store, "index", None)) is None else {"fetch_k": index.ntotal}
                return {"filter": lambda metadata: matches(metadata, where), **every}
            case StoreFilter.NOTHING:
                return {}

    def _scored(self, hits: list[Scored]) -> list[Document]:
        kind = self.store_score or store_score_of(self.store)
        scores = [to_cosine(value, kind) for _, value in hits]
        if not any(abs(score) > _NOTHING for score in scores):
            return []
        found: list[Document] = []
        for rank, ((document, _), score) in enumerate(zip(hits, scores, strict=True), start=1):
            hit = with_score(document, self.component, score, rank)
            hit.id = chunk_id_of(document)
            found.append(hit)
        return found
