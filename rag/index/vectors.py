"""The vector leg of a draft: filled once, or brought up to date from the generation before."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.indexing import index as run_indexing
from numpy.typing import NDArray

from rag.errors import InputError
from rag.index.encoders import ReusingEmbeddings
from rag.index.layout import EMBEDDED, Draft, StoreRecord
from rag.index.progress import Progress, watched
from rag.index.records import SQLiteRecordManager
from rag.index.sources import ChunkTable
from retrievers.documents import search_text

if TYPE_CHECKING:
    from retrievers.chroma import ChunkChroma

RECORDS = "records.sqlite"

_COLLECTION = "chunks"
_BATCH = 2_000  # chunks encoded and added at once: 4 MB of vectors and texts, and a bar that moves


def place(draft: Draft, location: str | None) -> StoreRecord:
    """Where a draft's vectors go: inside it, or to a collection of its own on the server at ``location``.

    Raises:
        InputError: the location is not a server's URL.
        StoreUnavailableError: the server does not answer.
    """
    if location is None or location == EMBEDDED:
        return StoreRecord(location=EMBEDDED, collection=_COLLECTION)
    from retrievers.chroma import check_location, is_url

    if not is_url(location):
        raise InputError(f"expected a Chroma server like http://host:port as the store of an index, got {location!r}")
    check_location(location)
    return StoreRecord(location=location, collection=draft.collection)


def open_vectors(
    generation: Path, store: StoreRecord, encoder: Embeddings, chunks: ChunkTable | None, *, create: bool = False
) -> ChunkChroma:
    """The store of a generation.

    Raises:
        StoreUnavailableError: it does not open or answer.
    """
    from retrievers.chroma import open_store

    location = generation / EMBEDDED if store.location == EMBEDDED else store.location
    return open_store(location, store.collection, encoder, chunks=chunks, create=create)


def fill_vectors(draft: Draft, store: StoreRecord, table: ChunkTable, encoder: Embeddings, progress: Progress) -> None:
    """Encode every chunk into a new store."""
    draft.keep_store(store)
    with closing(open_vectors(draft.path, store, encoder, table, create=True)) as vectors:
        _upsert(draft.path, vectors, watched(table, "encoding", progress, len(table)))


def update_vectors(
    draft: Draft,
    old: tuple[StoreRecord, ChunkTable],
    new: tuple[StoreRecord, ChunkTable],
    encoder: Embeddings,
    changed: Sequence[str],
    progress: Progress,
) -> int:
    """Bring a draft's store from the old chunks to the new ones.

    The embedded store and the records were copied with the generation; a collection on a server is copied here. Texts
    that stay the same, moved or renumbered as they may be, keep their vectors.

    Args:
        draft: the new generation.
        old: store and chunks of the generation in use.
        new: store and chunks of the draft.
        encoder: of the index.
        changed: ids of the documents that were added, changed or removed.
        progress: is told the chunks as they are stored.

    Returns:
        How many texts were encoded.
    """
    (old_store, before), (store, table) = old, new
    draft.keep_store(store)
    stale = [chunk for doc_id in changed for chunk in before.chunks_of(doc_id)]
    fresh = [chunk for doc_id in changed for chunk in table.chunks_of(doc_id)]
    with closing(open_vectors(draft.path, store, encoder, table, create=True)) as vectors:
        if store.location != EMBEDDED and draft.current is not None:
            with closing(open_vectors(draft.current.path, old_store, encoder, before)) as source:
                vectors.copy_from(source)
        reusing = ReusingEmbeddings(encoder, _known(vectors, stale))
        vectors.encode_with(reusing)
        _upsert(draft.path, vectors, watched(fresh, "encoding", progress, len(fresh)))
        _forget(draft.path, vectors, {str(chunk.id) for chunk in stale} - {str(chunk.id) for chunk in fresh})
    return reusing.encoded


def _known(vectors: ChunkChroma, chunks: Sequence[Document]) -> dict[str, NDArray[np.float32]]:
    stored = vectors.vectors([str(chunk.id) for chunk in chunks])
    return {search_text(chunk): stored[str(chunk.id)] for chunk in chunks if str(chunk.id) in stored}


def _upsert(generation: Path, vectors: ChunkChroma, chunks: Iterable[Document]) -> None:
    """Store chunks under their chunk ids and drop what else their documents had.

    Only chunks of new and changed documents come here, so every one is written (``force_update``): its key is the
    chunk id, which alone would not show that the text behind it has changed.
    """
    with closing(SQLiteRecordManager(generation / RECORDS)) as records:
        records.create_schema()
        run_indexing(
            chunks,
            records,
            vectors,
            batch_size=_BATCH,
            cleanup="incremental",
            source_id_key="doc_id",
            key_encoder=_chunk_id,
            force_update=True,
        )


def _forget(generation: Path, vectors: ChunkChroma, chunk_ids: set[str]) -> None:
    """Drop chunks of documents that have none any more, which indexing by source id never sees."""
    with closing(SQLiteRecordManager(generation / RECORDS)) as records:
        left = [key for key, there in zip(sorted(chunk_ids), records.exists(sorted(chunk_ids)), strict=True) if there]
        for start in range(0, len(left), _BATCH):
            vectors.delete(left[start : start + _BATCH])
        records.delete_keys(left)


def _chunk_id(chunk: Document) -> str:
    return str(chunk.metadata["chunk_id"])
