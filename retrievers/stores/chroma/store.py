"""Segments in Chroma: a collection each, embedded in the segment's own directory, in one directory, or on a server.

A collection holds vectors, ids and metadata, no texts: those are in the index already, and stay on this machine when
the store is a server.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.errors import NotFoundError
from numpy.typing import NDArray

from retrievers.errors import InputError, StoreUnavailableError
from retrievers.filters import Where
from retrievers.stores.chroma.client import FAILURES, close_client, open_client
from retrievers.stores.chroma.filters import chroma_where
from retrievers.stores.interface import Batch, ChunkLookup, Hit
from retrievers.stores.metadata import storable
from retrievers.stores.segmented import SegmentedVectors
from retrievers.stores.urls import StoreURL

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

COLLECTION = "chunks"

# Measured on 43 642 chunks of Wikipedia with the static encoder (256 dimensions) and 323 real questions: the default
# ef_search is 100; 200 finds .939 of the 50 nearest, 400 .968, 600 .980 (and .990 of the 10 nearest) at 2.4 ms a
# question. A denser graph finds as many with less search (32 neighbours and ef_construction
# 200: .985 at 300), and takes 44 s to build instead of 17. The default thresholds stay: vectors past the last sync are
# replayed when the store is opened (1 000 at most; a sync threshold of 5 000 made the first query .75 s, not .08 s).
HNSW = {"space": "cosine", "ef_search": 600}


class ChromaStore:
    """Segments as Chroma collections; see :class:`~retrievers.stores.interface.ChunkStore`.

    Clients open when they are first needed and stay open until :meth:`close`. Safe to share between threads.

    Args:
        url: of the store.
        index_id: whose segments these are; part of the collections' names in a store of several indexes.
        folder_of: directory of a segment, for the embedded store.
    """

    def __init__(self, url: StoreURL, index_id: str, folder_of: Callable[[str], Path]) -> None:
        self._url = url
        self._prefix = f"rag-{index_id[:12]}"
        self._folder_of = folder_of
        self._lock = threading.RLock()
        self._clients: dict[Path | None, Any] = {}
        self._collections: dict[str, Any] = {}

    def write(self, segment: str, batches: Iterable[Batch]) -> None:
        """Store a segment, all of it or, where that fails, none."""
        self.drop(segment)
        with self._answering(segment):
            collection = self._client(segment).create_collection(
                self._name(segment),
                configuration=CreateCollectionConfiguration(hnsw=HNSW),  # type: ignore[typeddict-item]
                embedding_function=None,
            )
        try:
            for batch in batches:
                self._add(segment, collection, batch)
        except BaseException:
            with suppress(StoreUnavailableError):  # of a server that went away: a later try replaces what is there
                self.drop(segment)
            raise
        self._let_go(segment)

    def _add(self, segment: str, collection: Any, batch: Batch) -> None:
        ids = [str(chunk.metadata["chunk_id"]) for chunk in batch.chunks]
        metadatas = [
            storable(chunk.metadata, chunk_id) or None for chunk, chunk_id in zip(batch.chunks, ids, strict=True)
        ]
        with self._answering(segment):
            limit = int(self._client(segment).get_max_batch_size())
            for start in range(0, len(ids), limit):
                part = slice(start, start + limit)
                collection.add(ids=ids[part], embeddings=batch.vectors[part], metadatas=metadatas[part])

    def ids(self, segment: str) -> list[str]:
        """Ids of all chunks of a segment."""
        with self._answering(segment):
            return list(self._collection(segment).get(include=[])["ids"])

    def vectors(self, segment: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors of a segment's chunks by id."""
        found: dict[str, NDArray[np.float32]] = {}
        with self._answering(segment):
            limit = int(self._client(segment).get_max_batch_size())
            for batch in _batches(ids, limit):
                rows = self._collection(segment).get(ids=batch, include=["embeddings"])
                found.update(zip(rows["ids"], np.asarray(rows["embeddings"], dtype=np.float32), strict=True))
        return found

    def drop(self, segment: str) -> None:
        """Delete a segment."""
        self._let_go(segment)
        if self._url.embedded:
            folder = self._folder(segment)
            if folder is not None and folder.exists():
                shutil.rmtree(folder)
            return
        with self._answering(segment):
            try:
                self._client(segment).delete_collection(self._name(segment))
            except NotFoundError:
                return

    def reader(
        self, segments: Mapping[str, Collection[str]], embeddings: Embeddings | None, chunks: ChunkLookup
    ) -> SegmentedVectors:
        """A read-only LangChain vector store over segments; it asks each in turn."""
        sources = [_Segment(self, segment) for segment in segments]
        return SegmentedVectors(self, sources, segments, embeddings, chunks)

    def check(self) -> None:
        """Open the store, unless that is a matter of each segment."""
        if not self._url.embedded:
            with self._answering(""):
                self._client("").heartbeat()

    def close(self) -> None:
        """Close all clients."""
        with self._lock:
            self._collections.clear()
            while self._clients:
                close_client(self._clients.popitem()[1])

    def search(self, segment: str, vector: NDArray[np.float32], k: int, where: Where | None) -> list[Hit]:
        """The ``k`` chunks of a segment nearest to a vector."""
        with self._answering(segment):
            rows = self._collection(segment).query(
                query_embeddings=vector[None], n_results=k, where=chroma_where(where), include=["distances"]
            )
        return [
            Hit(segment, chunk_id, _cosine(distance))
            for chunk_id, distance in zip(rows["ids"][0], rows["distances"][0], strict=True)
        ]

    def _collection(self, segment: str) -> Any:
        with self._lock:
            if segment not in self._collections:
                folder = self._folder(segment)
                if folder is not None and not folder.is_dir():  # Chroma would make an empty one
                    raise StoreUnavailableError(f"the vectors of segment {segment} are missing: {folder}")
                client = self._client(segment)
                self._collections[segment] = client.get_collection(self._name(segment), embedding_function=None)
            return self._collections[segment]

    def _client(self, segment: str) -> Any:
        folder = self._folder(segment)
        with self._lock:
            if folder not in self._clients:
                self._clients[folder] = open_client(self._url if folder is None else folder)
            return self._clients[folder]

    def _let_go(self, segment: str) -> None:
        """Forget an open collection; an embedded segment's files are complete and closed afterwards."""
        folder = self._folder(segment)
        with self._lock:
            self._collections.pop(segment, None)
            if folder is not None and folder in self._clients:
                close_client(self._clients.pop(folder))

    def _folder(self, segment: str) -> Path | None:
        return self._folder_of(segment) / str(self._url.engine) if self._url.embedded else None

    def _name(self, segment: str) -> str:
        return COLLECTION if self._url.embedded else f"{self._prefix}-{segment}"

    @contextmanager
    def _answering(self, segment: str) -> Iterator[None]:
        try:
            yield
        except (InputError, StoreUnavailableError):
            raise
        except FAILURES as error:
            where = self._folder(segment) or self._url
            raise StoreUnavailableError(f"the vector store {where} refuses: {error}") from error


@dataclass(frozen=True, slots=True)
class _Segment:
    """One segment as a source of a search."""

    store: ChromaStore
    name: str

    def nearest(self, vector: NDArray[np.float32], k: int, where: Where | None) -> list[Hit]:
        return self.store.search(self.name, vector, k, where)


def _cosine(distance: float) -> float:
    return min(1.0, max(-1.0, 1.0 - distance))


def _batches(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    remaining = iter(ids)
    while batch := list(islice(remaining, size)):
        yield batch
