"""Dense retrieval over any LangChain vector store, with scores that are cosine similarities."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from pydantic import ConfigDict, Field

from retrievers.documents import chunk_id_of, with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where, matches
from retrievers.lexical import call_filter, call_k

# Search by vector with the numbers of similarity_search_with_score; LangChain's stores do not agree on its name.
_BY_VECTOR = ("similarity_search_with_score_by_vector", "similarity_search_by_vector_with_relevance_scores")
_NOTHING = 1e-6  # a cosine below this is that of a question without a known word


class StoreScore(StrEnum):
    """What the numbers of ``similarity_search_with_score`` are; stores do not agree."""

    COSINE = "cosine similarity"
    COSINE_DISTANCE = "cosine distance"
    SQUARED_L2 = "squared Euclidean distance"


def store_score_of(store: VectorStore) -> StoreScore:
    """What ``store`` returns: Chroma its collection's distance, other stores are taken to return the similarity."""
    if not any(base.__module__.startswith("langchain_chroma") for base in type(store).__mro__):
        return StoreScore.COSINE
    configuration: dict[str, Any] = store._collection.configuration_json  # type: ignore[attr-defined]
    space = (configuration.get("hnsw") or configuration.get("spann") or {}).get("space", "l2")
    return StoreScore.SQUARED_L2 if space == "l2" else StoreScore.COSINE_DISTANCE


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
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    store: VectorStore = Field(repr=False)
    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str = "dense"
    store_score: StoreScore | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        hits = self.store.similarity_search_with_score(query, k=call_k(k, self.k), **self._condition(filter))
        return self._scored(hits)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        hits = await self.store.asimilarity_search_with_score(query, k=call_k(k, self.k), **self._condition(filter))
        return self._scored(hits)

    def search_vector(self, vector: Sequence[float], k: int, where: Where | None = None) -> list[Document]:
        """The ``k`` chunks nearest to a vector, with scores and ranks, as for a question.

        Raises:
            InputError: the store has no search by a vector that tells scores.
        """
        for name in _BY_VECTOR:
            if search := getattr(self.store, name, None):
                return self._scored(search(list(vector), k=k, **self._condition(where)))
        raise InputError(f"{type(self.store).__name__} does not tell the scores of a search by vector")

    def _condition(self, where: Where | None) -> dict[str, Any]:
        where = call_filter(where, self.filter)
        if where is None:
            return {}
        if isinstance(self.store, InMemoryVectorStore):  # takes a predicate
            return {"filter": lambda document: matches(document.metadata, where)}
        return {"filter": where}

    def _scored(self, hits: list[tuple[Document, float]]) -> list[Document]:
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
