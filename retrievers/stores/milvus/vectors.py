"""The segments of an index in Milvus, searched by vector, by terms, or by both at once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrievers.filters import Where
from retrievers.stores.interface import ChunkLookup, Hit
from retrievers.stores.milvus.filters import both, expression_of, living
from retrievers.stores.milvus.ranking import EngineRanker
from retrievers.stores.milvus.terms import encode_terms
from retrievers.stores.segmented import SegmentedVectors

if TYPE_CHECKING:
    from langchain_core.documents import Document
    from langchain_core.embeddings import Embeddings

    from retrievers.stores.milvus.store import MilvusStore

MOST_HITS = 16_384  # of one search, in Milvus' limits

_FEW_DELETED = 5_000  # documents named in an expression; more are made up for by asking for more hits


class MilvusVectors(SegmentedVectors):
    """The segments of an index in Milvus, which ranks by BM25 and by both legs at once besides."""

    def __init__(
        self,
        store: MilvusStore,
        segments: Mapping[str, Collection[str]],
        embeddings: Embeddings | None,
        chunks: ChunkLookup,
    ) -> None:
        deleted = sum(map(len, segments.values()))
        here = living(segments if deleted <= _FEW_DELETED else dict.fromkeys(segments, ()))
        sources = [_Segments(store, here)] if segments else []
        super().__init__(store, sources, segments, embeddings, chunks, most=MOST_HITS)
        self._milvus, self._here = store, here

    def search_terms(self, terms: Sequence[str], k: int, where: Where | None = None) -> list[tuple[Document, float]]:
        """The ``k`` chunks that the engine's BM25 ranks highest for terms, with its scores; none for unknown terms."""
        line, expression = encode_terms(terms), both(self._here, expression_of(where))
        if not terms or not self._sources:
            return []
        return self.living(lambda n: _unsigned(self._milvus.search(line, "sparse", n, expression)), k, where)

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
        """The ``k`` chunks that the engine's ranker puts first, with its fused scores.

        Args:
            vector: of the question; a zero vector leaves the terms.
            terms: of the question; none leaves the vector.
            k: how many chunks.
            depth: hits of each leg that are fused, at least ``k``.
            ranker: how.
            where: only chunks whose metadata match it.
        """
        if not self._sources:
            return []
        legs: dict[str, Any] = {}
        if np.any(asked := np.asarray(vector, np.float32)):
            legs["vector"] = asked
        if terms:
            legs["sparse"] = encode_terms(terms)
        if not legs:
            return []
        expression, engine = both(self._here, expression_of(where)), ranker.made(list(legs))

        def ask(n: int) -> list[Hit]:
            return _unsigned(self._milvus.search_fused(legs, n, min(max(depth, n), MOST_HITS), expression, engine))

        return self.living(ask, k, where)


@dataclass(frozen=True, slots=True)
class _Segments:
    """All segments of a reader as one source of a search."""

    store: MilvusStore
    here: str

    def nearest(self, vector: NDArray[np.float32], k: int, where: Where | None) -> list[Hit]:
        hits = self.store.search(vector, "vector", k, both(self.here, expression_of(where)))
        return [Hit(hit.segment, hit.chunk_id, min(1.0, max(-1.0, hit.score))) for hit in hits]


def _unsigned(hits: Sequence[Hit]) -> list[Hit]:
    """Hits with positive scores: Milvus Lite gives BM25 scores below zero, best first as the servers do."""
    return [Hit(hit.segment, hit.chunk_id, abs(hit.score)) for hit in hits]
