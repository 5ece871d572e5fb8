"""The store that a URL names."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from retrievers.errors import InputError
from retrievers.stores.urls import Engine, StoreURL

if TYPE_CHECKING:
    from retrievers.bm25 import BM25Options
    from retrievers.stores.interface import ChunkStore


def open_chunk_store(
    location: str | StoreURL,
    *,
    index_id: str,
    folder_of: Callable[[str], Path],
    dimension: int,
    bm25: BM25Options | None = None,
) -> ChunkStore:
    """The store of an index's vectors; it is asked only when it is used.

    Args:
        location: its URL (see :mod:`retrievers.stores.urls`).
        index_id: of the index; parts the segments of several indexes in one store.
        folder_of: directory of a segment, for the store inside the index.
        dimension: of the vectors.
        bm25: scoring of an engine that ranks by terms itself, settled with the first segment.

    Raises:
        InputError: no such form of URL, or an index id that cannot be part of a name.
        MissingExtraError: the packages of the engine are missing.
    """
    if len(index_id) < 3 or not index_id.isascii() or not index_id.isalnum():
        raise InputError(f"expected an index id of at least three ASCII letters and digits, got {index_id!r}")
    url = location if isinstance(location, StoreURL) else StoreURL.parse(location)
    if url.engine is Engine.MILVUS:
        from retrievers.stores.milvus.store import MilvusStore

        return MilvusStore(url, index_id, dimension=dimension, bm25=bm25)
    from retrievers.stores.chroma.store import ChromaStore

    return ChromaStore(url, index_id, folder_of)


def check_store(location: str | StoreURL) -> None:
    """Open a store and close it again, before work is spent on what goes into it.

    Raises:
        InputError: no such form of URL.
        MissingExtraError: the packages of the engine are missing.
        StoreUnavailableError: it does not open or answer.
    """
    store = open_chunk_store(location, index_id="probe", folder_of=Path, dimension=1)
    try:
        store.check()
    finally:
        store.close()
