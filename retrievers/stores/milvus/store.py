"""Segments in Milvus: one collection an index, with dense and BM25 search inside the engine.

Milvus Lite, a server and a cluster take the same schema. A row is a chunk of a segment: its vector, its index terms as
text that the engine makes sparse vectors of, and the metadata that filters can find.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from retrievers.bm25 import BM25Options
from retrievers.errors import StoreUnavailableError
from retrievers.stores.interface import Batch, ChunkLookup, Hit
from retrievers.stores.milvus.client import TIMEOUT, answering, close_client, open_client
from retrievers.stores.milvus.filters import quote, quoted
from retrievers.stores.milvus.rows import ROWS, parcels, row_key, rows_of
from retrievers.stores.milvus.schema import chunk_schema, dense_index, sparse_index
from retrievers.stores.milvus.vectors import MilvusVectors

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from pymilvus import AnnSearchRequest, MilvusClient

    from retrievers.stores.urls import StoreURL

_LOADING = 600.0  # seconds until a server has a large collection in memory
_EF = 600  # as for Chroma, where it was measured


class MilvusStore:
    """Segments as rows of a Milvus collection; see :class:`~retrievers.stores.interface.ChunkStore`.

    The client opens when it is first needed. Safe to share between threads.

    Args:
        url: of the store.
        index_id: whose segments these are; part of the collection's name.
        dimension: of the vectors; part of the collection's name too.
        bm25: scoring of the engine's BM25, settled with the first segment: k1 between .01 and 3, and b.
    """

    def __init__(self, url: StoreURL, index_id: str, *, dimension: int, bm25: BM25Options | None = None) -> None:
        self.url = url
        # An index that is built anew with another encoder needs a collection of another dimension beside the old one.
        self.collection = f"rag_{index_id[:12]}_{dimension}"
        self._dimension = dimension
        self._bm25 = bm25 or BM25Options()
        self._lock = threading.RLock()
        self._opened: MilvusClient | None = None
        self._loaded = False

    def write(self, segment: str, batches: Iterable[Batch]) -> None:
        """Store a segment, all of it or, where that fails, none."""
        self._make_room()
        self.drop(segment, keep_collection=True)
        try:
            for rows in parcels(row for batch in batches for row in rows_of(segment, batch)):
                with answering(self.url):
                    self._client().insert(self.collection, rows, timeout=TIMEOUT)
            if self.url.path is not None:
                with answering(self.url):  # a server has it in its log by now
                    self._client().flush(self.collection, timeout=TIMEOUT)
        except BaseException:
            with suppress(StoreUnavailableError):  # of a server that went away: a later try replaces what is there
                self.drop(segment)
            raise

    def ids(self, segment: str) -> list[str]:
        """Ids of all chunks of a segment."""
        with answering(self.url):
            pages = self._reading().query_iterator(
                self.collection,
                batch_size=ROWS,
                filter=f"segment == {quote(segment)}",
                output_fields=["chunk_id"],
                timeout=TIMEOUT,
            )
            found: list[str] = []
            while page := pages.next():
                found.extend(str(row["chunk_id"]) for row in page)
            pages.close()
        return found

    def vectors(self, segment: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors of a segment's chunks by id."""
        found: dict[str, NDArray[np.float32]] = {}
        remaining = iter(ids)
        while batch := list(islice(remaining, ROWS)):
            with answering(self.url):
                rows = self._reading().query(
                    self.collection,
                    filter=f"pk in [{quoted(row_key(segment, chunk_id) for chunk_id in batch)}]",
                    output_fields=["chunk_id", "vector"],
                    timeout=TIMEOUT,
                )
            found.update((str(row["chunk_id"]), np.asarray(row["vector"], np.float32)) for row in rows)
        return found

    def drop(self, segment: str, *, keep_collection: bool = False) -> None:
        """Delete a segment, and with the last one the collection.

        Args:
            segment: its name.
            keep_collection: for a segment that is about to be written.
        """
        with answering(self.url):
            client = self._client()
            if not client.has_collection(self.collection, timeout=TIMEOUT):
                return
            client = self._reading()
            client.delete(self.collection, filter=f"segment == {quote(segment)}", timeout=TIMEOUT)
            if not keep_collection and not client.query(
                self.collection, filter='segment != ""', output_fields=["pk"], limit=1, timeout=TIMEOUT
            ):
                client.drop_collection(self.collection, timeout=TIMEOUT)
                self._loaded = False

    def reader(
        self, segments: Mapping[str, Collection[str]], embeddings: Embeddings | None, chunks: ChunkLookup
    ) -> MilvusVectors:
        """A read-only LangChain vector store over segments, which ranks by terms too."""
        return MilvusVectors(self, segments, embeddings, chunks)

    def check(self) -> None:
        """Open the store."""
        with answering(self.url):
            self._client().list_collections(timeout=TIMEOUT)

    def close(self) -> None:
        """Close the client."""
        with self._lock:
            if self._opened is not None:
                close_client(self.url, self._opened)
            self._opened, self._loaded = None, False

    def search(self, data: Any, field: str, k: int, expression: str) -> list[Hit]:
        """The ``k`` rows that a field ranks highest for a vector or terms; the scores as the engine gives them."""
        with answering(self.url):
            found = self._reading().search(
                self.collection,
                data=[data],
                anns_field=field,
                limit=k,
                filter=expression,
                search_params=_settings(field, k),
                output_fields=["segment", "chunk_id"],
                timeout=TIMEOUT,
            )
        return _hits(found[0])

    def search_fused(self, asked: Mapping[str, Any], k: int, depth: int, expression: str, ranker: Any) -> list[Hit]:
        """The ``k`` rows that a ranker of the engine puts first, of the best ``depth`` by each field."""
        requests = [_request(data, field, depth, expression) for field, data in asked.items()]
        with answering(self.url):
            found = self._reading().hybrid_search(
                self.collection, requests, ranker, limit=k, output_fields=["segment", "chunk_id"], timeout=TIMEOUT
            )
        return _hits(found[0])

    def _client(self) -> MilvusClient:
        with self._lock:
            if self._opened is None:
                self._opened = open_client(self.url)
            return self._opened

    def _reading(self) -> MilvusClient:
        """The client, with the collection in memory."""
        client = self._client()
        with self._lock:
            if not self._loaded:
                client.load_collection(self.collection, timeout=_LOADING)
                self._loaded = True
        return client

    def _make_room(self) -> None:
        """Make the collection and its indexes, as far as they are not there: a crash may come between them."""
        with answering(self.url):
            client = self._client()
            if not client.has_collection(self.collection, timeout=TIMEOUT):
                schema = chunk_schema(client, self._dimension)
                client.create_collection(self.collection, schema=schema, consistency_level="Strong", timeout=TIMEOUT)
                self._loaded = False
            missing = {"vector", "sparse"} - set(client.list_indexes(self.collection, timeout=TIMEOUT))
            if not missing:
                return
            indexes = client.prepare_index_params()
            if "vector" in missing:
                indexes.add_index("vector", metric_type="COSINE", **dense_index(self.url))
            if "sparse" in missing:
                indexes.add_index("sparse", metric_type="BM25", **sparse_index(self.url, self._bm25))
            # Nothing is stored yet, so there is nothing to wait for; the client would wait half a second for each.
            client.create_index(self.collection, indexes, timeout=TIMEOUT, sync=False)


def _settings(field: str, k: int) -> dict[str, Any]:
    return {"params": {"ef": max(_EF, k)}} if field == "vector" else {"metric_type": "BM25"}


def _request(data: Any, field: str, depth: int, expression: str) -> AnnSearchRequest:
    from pymilvus import AnnSearchRequest

    return AnnSearchRequest(data=[data], anns_field=field, param=_settings(field, depth), limit=depth, expr=expression)


def _hits(found: Iterable[Mapping[str, Any]]) -> list[Hit]:
    return [Hit(str(hit["entity"]["segment"]), str(hit["entity"]["chunk_id"]), float(hit["distance"])) for hit in found]
