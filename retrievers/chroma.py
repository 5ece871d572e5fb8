"""Chroma as the store of chunk vectors: embedded in the process, or a server.

Importing this module imports chromadb (about .7 s), so it is imported only by the functions that open a store.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import chromadb
import numpy as np
from chromadb.api.collection_configuration import CreateCollectionConfiguration
from chromadb.config import Settings
from chromadb.errors import ChromaError, NotFoundError
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from typing_extensions import override

from retrievers.documents import search_text
from retrievers.errors import InputError, StoreUnavailableError

COLLECTION = "chunks"

# Measured on 43 642 chunks of Wikipedia with the static encoder (256 dimensions) and 323 real questions: the default
# ef_search is 100; 200 finds .939 of the 50 nearest, 400 .968, 600 .980 (and .990 of the 10 nearest) at 2.4 ms a
# question. A denser graph finds as many with less search (32 neighbours and ef_construction
# 200: .985 at 300), and takes 44 s to build instead of 17. The default thresholds stay: vectors past the last sync are
# replayed when the store is opened (1 000 at most; a sync threshold of 5 000 made the first query .75 s, not .08 s).
_HNSW = {"space": "cosine", "ef_search": 600}


class ChunkLookup(Protocol):
    """Where chunks are kept by id, texts included."""

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks in the order asked for; KeyError for an unknown id."""
        ...


class ChunkChroma(Chroma):
    """Chroma that finds a chunk by title, heading path and body and shows it without the first two.

    Vectors come from :func:`retrievers.documents.search_text` of each document; distances are cosine
    (1 − cosine similarity, in [0, 2]); telemetry is off. Adding a document under an id that is there replaces it whole
    (Chroma's own upsert keeps metadata keys that the new document does not have).

    Args:
        embedding_function: any LangChain embeddings; one with ``encode(texts) -> array of shape (n, dim)`` is asked by
            that.
        chunks: where the chunks are kept already. The store then holds vectors, ids and metadata only, and every hit
            is read from there: on 42 000 chunks 19 s and 100 MB instead of 35 s and 320 MB, and the texts stay on
            this machine when the store is a server.
        **options: what ``langchain_chroma.Chroma`` takes.
    """

    def __init__(
        self,
        collection_name: str = COLLECTION,
        embedding_function: Embeddings | None = None,
        *,
        chunks: ChunkLookup | None = None,
        **options: Any,
    ) -> None:
        if options.get("create_collection_if_not_exists", True):
            options.setdefault("collection_configuration", CreateCollectionConfiguration(hnsw=_HNSW))  # type: ignore[typeddict-item]
        if options.get("client") is None:
            options.setdefault("client_settings", Settings(anonymized_telemetry=False))
        super().__init__(collection_name, embedding_function, **options)
        self._chunks = chunks

    def encode_with(self, embeddings: Embeddings) -> None:
        """Encode with other embeddings from now on."""
        self._embedding_function = embeddings

    @override
    def add_documents(
        self,
        documents: list[Document],
        *,
        ids: Sequence[str | None] | None = None,
        embeddings: Sequence[Sequence[float]] | NDArray[np.float32] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add or replace documents.

        Args:
            documents: chunks.
            ids: their ids; by default ``Document.id``, else ``metadata["chunk_id"]``, else random.
            embeddings: their vectors, of shape (n_documents, dim), where they are known already.
            **kwargs: ignored.
        """
        keys = [
            _key(document, given) for document, given in zip(documents, ids or [None] * len(documents), strict=True)
        ]
        limit = self._client.get_max_batch_size()
        for start in range(0, len(documents), limit):
            batch = documents[start : start + limit]
            vectors = (
                self._encode([search_text(document) for document in batch])
                if embeddings is None
                else np.asarray(embeddings[start : start + limit], dtype=np.float32)
            )
            self._replace(keys[start : start + limit], batch, vectors)
        return keys

    @override
    def add_texts(
        self,
        texts: Any,
        metadatas: list[dict[str, Any]] | None = None,
        ids: list[str] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """Add texts with their metadata, as :meth:`add_documents` does."""
        bodies = list(texts)
        rows = [*(metadatas or []), *[{}] * (len(bodies) - len(metadatas or []))]
        documents = [Document(page_content=body, metadata=row) for body, row in zip(bodies, rows, strict=True)]
        return self.add_documents(documents, ids=ids, **kwargs)

    @override
    def update_documents(self, ids: list[str], documents: list[Document]) -> None:
        """Replace the documents of these ids."""
        self.add_documents(documents, ids=ids)

    def _encode(self, texts: list[str]) -> NDArray[np.float32]:
        if self._embedding_function is None:
            raise InputError("a store without embeddings takes documents only with their vectors (embeddings=…)")
        encode = getattr(self._embedding_function, "encode", None) or self._embedding_function.embed_documents
        return np.asarray(encode(texts), dtype=np.float32)

    def _replace(self, ids: list[str], documents: list[Document], vectors: NDArray[np.float32]) -> None:
        present = self._collection.get(ids=ids, include=[])["ids"]
        if present:
            self._collection.delete(ids=present)
        self._collection.upsert(
            ids=ids,
            embeddings=vectors,
            metadatas=[_storable(document.metadata) for document in documents],  # type: ignore[misc]
            documents=["" if self._chunks else document.page_content for document in documents],
        )

    # Every way to read goes through _restored.

    @override
    def similarity_search_by_vector(self, *args: Any, **kwargs: Any) -> list[Document]:
        return self._restored(super().similarity_search_by_vector(*args, **kwargs))

    @override
    def similarity_search_by_vector_with_relevance_scores(
        self, *args: Any, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        return self._restored_pairs(super().similarity_search_by_vector_with_relevance_scores(*args, **kwargs))

    @override
    def similarity_search_with_score(self, *args: Any, **kwargs: Any) -> list[tuple[Document, float]]:
        return self._restored_pairs(super().similarity_search_with_score(*args, **kwargs))

    @override
    def similarity_search_with_vectors(self, *args: Any, **kwargs: Any) -> list[tuple[Document, Any]]:
        return self._restored_pairs(super().similarity_search_with_vectors(*args, **kwargs))

    @override
    def max_marginal_relevance_search_by_vector(self, *args: Any, **kwargs: Any) -> list[Document]:
        return self._restored(super().max_marginal_relevance_search_by_vector(*args, **kwargs))

    @override
    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        return self._restored(super().get_by_ids(ids))

    def _restored(self, documents: list[Document]) -> list[Document]:
        if self._chunks is None:
            return documents
        return self._chunks.by_chunk_ids([str(document.id) for document in documents])

    def _restored_pairs(self, hits: list[tuple[Document, Any]]) -> list[tuple[Document, Any]]:
        documents = self._restored([document for document, _ in hits])
        return [(document, value) for document, (_, value) in zip(documents, hits, strict=True)]

    # What an index needs to know of its vectors.

    def count(self) -> int:
        """Number of stored vectors."""
        return int(self._collection.count())

    def vectors(self, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Stored vectors by id; unknown ids are absent."""
        found: dict[str, NDArray[np.float32]] = {}
        for batch in _batches(ids, self._client.get_max_batch_size()):
            rows = self._collection.get(ids=batch, include=["embeddings"])
            found.update(zip(rows["ids"], np.asarray(rows["embeddings"], dtype=np.float32), strict=True))
        return found

    def all_ids(self) -> list[str]:
        """Every stored id."""
        return list(self._collection.get(include=[])["ids"])

    def copy_from(self, other: ChunkChroma) -> None:
        """Copy another store's vectors and metadata into this one, page by page."""
        limit = min(self._client.get_max_batch_size(), other._client.get_max_batch_size())
        for batch in _batches(other.all_ids(), limit):
            rows = other._collection.get(ids=batch, include=["embeddings", "metadatas", "documents"])
            self._collection.upsert(
                ids=rows["ids"],
                embeddings=rows["embeddings"],
                metadatas=rows["metadatas"],
                documents=rows["documents"],
            )

    def close(self) -> None:
        """Release files and connections; the store cannot be used afterwards."""
        _close(self._client)


def open_store(
    location: str | Path,
    collection: str = COLLECTION,
    embeddings: Embeddings | None = None,
    *,
    chunks: ChunkLookup | None = None,
    create: bool = True,
) -> ChunkChroma:
    """Open the collection of a Chroma store.

    Args:
        location: ``chroma:PATH`` or a path for the embedded engine, ``http://host:port`` for a server.
        collection: its name, at least three characters.
        embeddings: what questions and chunks are encoded with.
        chunks: where the chunks' texts are kept (see :class:`ChunkChroma`).
        create: make the collection when there is none.

    Raises:
        InputError: the location or the name cannot be one of a store.
        StoreUnavailableError: the store does not open or answer, or has no such collection.
    """
    if len(collection) < 3:
        raise InputError(f"a collection name has at least three characters, got {collection!r}")
    client = _open_client(location)
    try:
        return ChunkChroma(collection, embeddings, chunks=chunks, client=client, create_collection_if_not_exists=create)
    except (ChromaError, ValueError, OSError) as error:
        _close(client)
        raise StoreUnavailableError(
            f"the vector store {location} has no usable collection {collection}: {error}"
        ) from error


def check_location(location: str | Path) -> None:
    """Open a store and close it again.

    Raises:
        InputError: the location cannot be one of a store.
        StoreUnavailableError: the store does not open or answer.
    """
    _close(_open_client(location))


def delete_collection(location: str | Path, collection: str) -> None:
    """Delete a collection; one that does not exist is fine.

    Raises:
        StoreUnavailableError: the store does not open or answer.
    """
    client = _open_client(location)
    try:
        client.delete_collection(collection)
    except NotFoundError:
        return
    except (ChromaError, ValueError, OSError) as error:
        raise StoreUnavailableError(f"the vector store {location} does not answer: {error}") from error
    finally:
        _close(client)


def is_url(location: str | Path) -> bool:
    """Whether a store location is a server."""
    return str(location).startswith(("http://", "https://"))


def _open_client(location: str | Path) -> Any:
    try:
        return _client(location)
    except InputError:
        raise
    except (ChromaError, ValueError, OSError) as error:
        raise StoreUnavailableError(f"the vector store {location} does not open: {error}") from error


def _client(location: str | Path) -> Any:
    if not is_url(location):
        path = str(location).removeprefix("chroma:")
        if not path:
            raise InputError("expected chroma:PATH, a path or http://host:port as the store, got an empty path")
        return chromadb.PersistentClient(path=path, settings=Settings(anonymized_telemetry=False))
    url = urlsplit(str(location))
    if not url.hostname or url.path.strip("/"):
        raise InputError(f"expected a store like http://host:port, got {location}")
    secure = url.scheme == "https"
    return chromadb.HttpClient(
        host=url.hostname,
        port=url.port or (443 if secure else 8000),
        ssl=secure,
        settings=Settings(anonymized_telemetry=False),
    )


def _close(client: Any) -> None:
    # chromadb leaves the connections of its HTTP client open, and of the one it keeps for tenants and databases.
    sessions = [
        getattr(getattr(part, "_server", None), "_session", None)
        for part in (client, getattr(client, "_admin_client", None))
    ]
    client.close()
    for session in sessions:
        if session is not None:
            session.close()


def _key(document: Document, given: str | None) -> str:
    return str(given or document.id or document.metadata.get("chunk_id") or uuid.uuid4())


def _storable(metadata: dict[str, Any]) -> dict[str, Any] | None:
    """Metadata as Chroma takes it: no None, no empty list, never an empty dict."""
    kept = {key: value for key, value in metadata.items() if value is not None and value != []}
    return kept or None


def _batches(ids: Sequence[str], size: int) -> Iterator[list[str]]:
    remaining = iter(ids)
    while batch := list(islice(remaining, size)):
        yield batch
