"""One vector store over the segments of an index."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NoReturn, Protocol

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from numpy.typing import NDArray
from typing_extensions import override

from retrievers.errors import InputError, StoreUnavailableError
from retrievers.filters import Where, matches, validate
from retrievers.stores.interface import ChunkLookup, Hit
from retrievers.stores.overfetch import enough

Scored = list[tuple[Document, float]]


class VectorSource(Protocol):
    """What a store searches at once: one segment, or all of them."""

    def nearest(self, vector: NDArray[np.float32], k: int, where: Where | None) -> Sequence[Hit]:
        """The ``k`` stored chunks nearest to a vector, best first; fewer where there are no more.

        What satisfies ``where`` is never left out; what does not may be among them.
        """
        ...


class VectorReading(Protocol):
    """What a reader asks of its store beside searching."""

    def ids(self, segment: str) -> list[str]:
        """See :meth:`ChunkStore.ids`."""
        ...

    def vectors(self, segment: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """See :meth:`ChunkStore.vectors`."""
        ...

    def close(self) -> None:
        """See :meth:`ChunkStore.close`."""
        ...


class SegmentedVectors(VectorStore):
    """The chunks of several segments less those of deleted documents, as a LangChain store that cannot be changed.

    Scores are cosine similarities in [-1, 1], higher is better; equal ones are in the order of the segments, then of
    the chunks. Filters are those of :mod:`retrievers.filters`: the engine narrows the search down where it can, and
    every hit is held against the filter here, so that one means the same in every engine. Both that and the deleted
    documents are made up for by asking the engine for more. A question whose vector is zero finds nothing.

    Args:
        store: the segments' store.
        sources: what is searched, each over segments of its own.
        segments: names in order, each with the ids of the documents that are deleted from it.
        embeddings: what questions are encoded with; None leaves searching by vectors.
        chunks: where the chunks themselves are read from.
        most: how many hits the engine gives at once at most, None for any number.
    """

    def __init__(
        self,
        store: VectorReading,
        sources: Sequence[VectorSource],
        segments: Mapping[str, Collection[str]],
        embeddings: Embeddings | None,
        chunks: ChunkLookup,
        *,
        most: int | None = None,
    ) -> None:
        self._store = store
        self._sources = sources
        self._deleted = {name: frozenset(deleted) for name, deleted in segments.items()}
        self._order = {name: number for number, name in enumerate(segments)}
        self._embeddings = embeddings
        self._chunks = chunks
        self._most = most

    @property
    @override
    def embeddings(self) -> Embeddings | None:
        return self._embeddings

    # Searching.

    def search_vector(
        self, vector: Sequence[float] | NDArray[np.float32], k: int, where: Where | None = None
    ) -> Scored:
        """The ``k`` chunks nearest to a vector with their cosine similarities, best first.

        Raises:
            InputError: a malformed filter.
            StoreUnavailableError: the store does not answer, or holds chunks that the index does not know.
        """
        validate(where)
        asked = np.asarray(vector, np.float32)
        if k < 1 or not np.any(asked):
            return []
        found = self._found(where)
        hits = [hit for source in self._sources for hit in found(partial(source.nearest, asked, where=where), k)]
        hits.sort(key=self._rank)
        return self.scored(hits[:k])

    def living(self, ask: Callable[[int], Sequence[Hit]], k: int, where: Where | None) -> Scored:
        """The first ``k`` of ranked hits that are not deleted and satisfy a filter, in the order of ``ask``."""
        validate(where)
        return self.scored(self._found(where)(ask, k))

    def scored(self, hits: Sequence[Hit]) -> Scored:
        """The chunks of hits, each with its score."""
        chunks = self._read([hit.chunk_id for hit in hits])
        return [(chunk, hit.score) for chunk, hit in zip(chunks, hits, strict=True)]

    def _found(self, where: Where | None) -> Callable[[Callable[[int], Sequence[Hit]], int], list[Hit]]:
        def keep(hits: Sequence[Hit]) -> list[Hit]:
            kept = [hit for hit in hits if document_of(hit.chunk_id) not in self._deleted[hit.segment]]
            if where is None or not kept:
                return kept
            chunks = self._read([hit.chunk_id for hit in kept])
            return [hit for hit, chunk in zip(kept, chunks, strict=True) if matches(chunk.metadata, where)]

        return lambda ask, k: enough(ask, keep, k, self._most)

    def _rank(self, hit: Hit) -> tuple[float, int, str, int]:
        doc_id, _, number = hit.chunk_id.rpartition("_")
        return -hit.score, self._order[hit.segment], doc_id, int(number) if number.isdecimal() else 0

    def _read(self, chunk_ids: Sequence[str]) -> list[Document]:
        try:
            return self._chunks.by_chunk_ids(chunk_ids)
        except KeyError as error:
            raise StoreUnavailableError(
                f"the vector store holds a chunk that the index does not know ({error.args[0]}); look at the index "
                "with python -m rag.index verify"
            ) from error

    def _embed(self, query: str) -> list[float]:
        if self._embeddings is None:
            raise InputError("a store without embeddings is searched by vectors alone")
        return self._embeddings.embed_query(query)

    # LangChain's names for it.

    def similarity_search_with_score_by_vector(
        self, embedding: Sequence[float], k: int = 4, filter: Where | None = None
    ) -> Scored:
        """As :meth:`search_vector`."""
        return self.search_vector(embedding, k, filter)

    @override
    def similarity_search_with_score(self, query: str, k: int = 4, filter: Where | None = None) -> Scored:
        return self.search_vector(self._embed(query), k, filter)

    @override
    def similarity_search(self, query: str, k: int = 4, filter: Where | None = None) -> list[Document]:  # type: ignore[override]
        return [document for document, _ in self.similarity_search_with_score(query, k, filter)]

    @override
    def similarity_search_by_vector(  # type: ignore[override]
        self, embedding: list[float], k: int = 4, filter: Where | None = None
    ) -> list[Document]:
        return [document for document, _ in self.search_vector(embedding, k, filter)]

    @override
    def max_marginal_relevance_search_by_vector(  # type: ignore[override]
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,
    ) -> list[Document]:
        found = self.similarity_search_by_vector(embedding, max(k, fetch_k), filter)
        vectors = self.vectors([str(document.id) for document in found])
        rows = [vectors[str(document.id)].tolist() for document in found]
        chosen = maximal_marginal_relevance(np.asarray(embedding, np.float32), rows, lambda_mult, k)
        return [found[row] for row in chosen]

    @override
    def max_marginal_relevance_search(  # type: ignore[override]
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        filter: Where | None = None,
    ) -> list[Document]:
        return self.max_marginal_relevance_search_by_vector(self._embed(query), k, fetch_k, lambda_mult, filter)

    @override
    def _select_relevance_score_fn(self) -> Callable[[float], float]:
        return lambda score: min(1.0, max(0.0, score))

    @override
    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        found = []
        for chunk_id in ids:
            try:
                found.extend(self._chunks.by_chunk_ids([chunk_id]))
            except KeyError:  # LangChain's contract: those that are not there are left out
                continue
        return found

    # What an index needs to know of its vectors.

    def all_ids(self) -> list[str]:
        """Ids of all stored chunks of documents that are not deleted; one may stand twice only in a damaged index."""
        return [
            chunk_id
            for segment, deleted in self._deleted.items()
            for chunk_id in self._store.ids(segment)
            if document_of(chunk_id) not in deleted
        ]

    def count(self) -> int:
        """How many those are."""
        return len(self.all_ids())

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors by chunk id; unknown and deleted ones are absent."""
        found: dict[str, NDArray[np.float32]] = {}
        for segment, deleted in self._deleted.items():
            here = [chunk_id for chunk_id in ids if chunk_id not in found and document_of(chunk_id) not in deleted]
            if here:
                found.update(self._store.vectors(segment, here))
        return found

    def close(self) -> None:
        """Close the store that this reads from."""
        self._store.close()

    # What cannot be done.

    @override
    def add_texts(self, texts: Iterable[str], *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()

    @override
    def add_documents(self, documents: list[Document], **kwargs: Any) -> NoReturn:
        _refuse()

    @override
    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> NoReturn:
        _refuse()

    @classmethod
    @override
    def from_texts(cls, *args: Any, **kwargs: Any) -> NoReturn:
        _refuse()


def document_of(chunk_id: str) -> str:
    """Id of the document that a chunk is of."""
    return chunk_id.rpartition("_")[0]


def _refuse() -> NoReturn:
    raise InputError("the vectors of an index are changed with the index: python -m rag.index add, or remove")
