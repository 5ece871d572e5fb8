"""Stores of chunk vectors by URL, behind one small interface (:mod:`retrievers.stores.interface`).

An index keeps its vectors in segments; :func:`open_chunk_store` opens the store that a URL names, and its ``reader`` is
a LangChain vector store over some segments. Any other LangChain store serves :class:`~retrievers.dense.DenseRetriever`
in code; :class:`SQLiteRecordManager` keeps such a one up to date with ``langchain_core.indexing``.
"""

from retrievers.stores.interface import Batch, ChunkLookup, ChunkStore, Hit
from retrievers.stores.opening import check_store, open_chunk_store
from retrievers.stores.records import SQLiteRecordManager
from retrievers.stores.segmented import SegmentedVectors
from retrievers.stores.urls import Engine, StoreURL

__all__ = [
    "Batch",
    "ChunkLookup",
    "ChunkStore",
    "Engine",
    "Hit",
    "SQLiteRecordManager",
    "SegmentedVectors",
    "StoreURL",
    "check_store",
    "open_chunk_store",
]
