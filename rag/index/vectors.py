"""The vectors of an index: written segment by segment, read over all segments of a generation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.index.drafts import Draft, keep_store
from rag.index.fingerprints import fingerprints
from rag.index.layout import EMBEDDED, SEGMENTS
from rag.index.manifest import StoreRecord
from rag.index.segments import Segment
from retrievers.documents import search_text

if TYPE_CHECKING:
    from rag.index.chunk_table import ChunkTable
    from retrievers.bm25 import BM25Options
    from retrievers.stores import Batch, ChunkStore, SegmentedVectors

FINGERPRINTS = "fingerprints.npy"

_BATCH = 2_000  # chunks encoded and stored at once: 4 MB of vectors and texts, and a bar that moves


def place(draft: Draft, location: str | None, dimension: int) -> StoreRecord:
    """Where a draft's vectors go: into its segments, or to the store at ``location``."""
    from retrievers.stores import StoreURL

    location = str(StoreURL.parse(location).absolute()) if location else EMBEDDED  # read from other directories too
    return StoreRecord(location=location, index_id=draft.index_id, dimension=dimension)


def open_vector_store(directory: Path, record: StoreRecord, bm25: BM25Options | None = None) -> ChunkStore:
    """The store of an index.

    Args:
        directory: of the index.
        record: where its vectors are.
        bm25: scoring of an engine that ranks by terms itself.

    Raises:
        InputError, MissingExtraError, StoreUnavailableError: the store is not one, or does not open or answer.
    """
    from retrievers.stores import open_chunk_store

    return open_chunk_store(
        record.location,
        index_id=record.index_id,
        folder_of=lambda segment: directory / SEGMENTS / segment,
        dimension=record.dimension,
        bm25=bm25,
    )


def open_vectors(store: ChunkStore, table: ChunkTable, encoder: Embeddings) -> SegmentedVectors:
    """The vectors of a generation, to be searched.

    Raises:
        StoreUnavailableError: the store does not open or answer, or has lost a segment.
    """
    hidden = {
        segment.name: [segment.sources.document(position).doc_id for position in sorted(segment.deleted)]
        for segment in table.segments
    }
    return store.reader(hidden, encoder, table)


def drop_vectors(record: StoreRecord, segment: str) -> None:
    """Remove a segment's vectors from a store elsewhere; where there are none, nothing happens.

    Raises:
        StoreUnavailableError: the store does not open or answer.
    """
    with closing(open_vector_store(Path(), record)) as store:
        store.drop(segment)


def write_vectors(
    store: ChunkStore, record: StoreRecord, segment: Segment, vectors: Iterable[NDArray[np.float32]]
) -> None:
    """Store a segment's vectors.

    Args:
        store: to write to.
        record: where that is; noted beside the segment first.
        segment: whose documents are written.
        vectors: of its chunks in the batches of :func:`batches`, arrays of shape (n, dimension).
    """
    keep_store(segment.path, record)
    numbers: list[NDArray[np.float32]] = []
    store.write(segment.name, _stored(segment, vectors, numbers))
    np.save(segment.path / FINGERPRINTS, np.concatenate(numbers) if numbers else np.zeros(0, np.float32))


def _stored(
    segment: Segment, vectors: Iterable[NDArray[np.float32]], numbers: list[NDArray[np.float32]]
) -> Iterator[Batch]:
    from retrievers.stores import Batch

    for rows, made in zip(_ranges(segment.chunks), vectors, strict=True):
        found = segment.sources.chunks(rows)
        numbers.append(fingerprints(made))
        yield Batch([found[row] for row in rows], made, segment.sources.terms(rows.start, rows.stop))


def batches(segment: Segment) -> Iterator[list[Document]]:
    """Chunks of a segment in the order of its rows, as many at once as are stored together."""
    for rows in _ranges(segment.chunks):
        found = segment.sources.chunks(rows)
        yield [found[row] for row in rows]


def _ranges(chunks: int) -> Iterator[range]:
    return (range(start, min(start + _BATCH, chunks)) for start in range(0, chunks, _BATCH))


def known_vectors(store: ChunkStore, chunks: Mapping[str, Sequence[Document]]) -> dict[str, NDArray[np.float32]]:
    """Vectors by search text of chunks that are stored already, by segment."""
    known: dict[str, NDArray[np.float32]] = {}
    for segment, found in chunks.items():
        stored = store.vectors(segment, [str(chunk.id) for chunk in found])
        known.update({search_text(chunk): stored[str(chunk.id)] for chunk in found if str(chunk.id) in stored})
    return known
