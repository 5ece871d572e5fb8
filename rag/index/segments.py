"""A segment of an index: some documents with all that is made of them, written once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexFormatError
from rag.index.layout import Generation, file_records
from rag.index.manifest import REMEDY, SegmentRecord
from rag.index.progress import Progress, watched
from rag.index.sources import SourceTable, chunk_ids_sha256
from retrievers.segment_order import SegmentRows

SOURCES = "sources.sqlite"
DOCUMENTS = "documents.npy"
BM25 = "bm25"
TFIDF = "tfidf"

_MOST_CHUNKS = 2**31  # of a document: more is no count
_AT_ONCE = 500  # rows read from the database at once


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment that is open for reading.

    Args:
        path: its directory.
        sources: its documents and chunks.
        positions: of its documents, in the order of its rows, array of shape (n_documents,).
        counts: chunks of each, array of shape (n_documents,).
        deleted: positions of the documents that are deleted.
    """

    path: Path
    sources: SourceTable
    positions: NDArray[np.int64]
    counts: NDArray[np.int64]
    deleted: frozenset[int]

    @property
    def name(self) -> str:
        """Name of its directory."""
        return self.path.name

    @property
    def chunks(self) -> int:
        """Number of chunks, those of deleted documents included."""
        return int(self.counts.sum())

    @property
    def living_chunks(self) -> int:
        """Number of chunks of the documents that are not deleted."""
        dead = self._dead()
        return self.chunks if dead is None else int(self.counts[~dead].sum())

    @property
    def living_documents(self) -> int:
        """Number of documents that are not deleted."""
        return len(self.positions) - len(self.deleted)

    def rows(self) -> SegmentRows:
        """Its documents as their order over all segments is made from."""
        return SegmentRows(self.positions, self.counts, self._dead())

    def _dead(self) -> NDArray[np.bool_] | None:
        return np.isin(self.positions, list(self.deleted)) if self.deleted else None

    def terms(self) -> Iterator[list[str]]:
        """Terms of all chunks in the order of the local rows."""
        chunks = self.chunks
        for start in range(0, chunks, _AT_ONCE):
            yield from self.sources.terms(start, min(start + _AT_ONCE, chunks))

    def close(self) -> None:
        """Let go of its files."""
        self.sources.close()


def open_segment(path: Path, deleted: frozenset[int] = frozenset()) -> Segment:
    """Open a segment for reading.

    Raises:
        IndexFormatError: its files are missing or damaged.
    """
    documents = load_integers(path / DOCUMENTS)
    if documents.ndim != 2 or documents.shape[1] != 2:
        raise IndexFormatError(f"{path / DOCUMENTS} is damaged: an array of shape {documents.shape}; {REMEDY}")
    positions, counts = documents[:, 0], documents[:, 1]
    # A changed document keeps its position and may come after a new one, so they need not ascend.
    if len(documents) and (
        positions.min() < 0
        or len(np.unique(positions)) < len(positions)
        or counts.min() < 0
        or counts.max() > _MOST_CHUNKS
    ):
        raise IndexFormatError(f"{path / DOCUMENTS} is damaged: expected different positions, and counts; {REMEDY}")
    return Segment(path, SourceTable(path / SOURCES), positions, counts, deleted)


def open_segments(generation: Generation) -> list[Segment]:
    """Open the segments of a generation.

    Raises:
        IndexFormatError: files are missing or damaged.
    """
    opened: list[Segment] = []
    try:
        for record in generation.manifest.segments:
            opened.append(open_segment(generation.segment(record.name), deleted_positions(generation, record.name)))
    except BaseException:
        for segment in opened:
            segment.close()
        raise
    return opened


def deleted_positions(generation: Generation, segment: str) -> frozenset[int]:
    """Positions of the documents that a generation no longer has of a segment.

    Raises:
        IndexFormatError: the file of them is damaged.
    """
    path = generation.deleted(segment)
    if path.relative_to(generation.path).as_posix() not in generation.manifest.files:
        return frozenset()
    return frozenset(load_integers(path).tolist())


def load_integers(path: Path) -> NDArray[np.int64]:
    """An array of an index.

    Raises:
        IndexFormatError: the file is missing or damaged.
    """
    try:
        array = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise IndexFormatError(f"{path} is damaged ({error}); {REMEDY}") from error
    if array.dtype != np.int64:
        raise IndexFormatError(f"{path} is damaged: numbers of type {array.dtype}; {REMEDY}")
    return np.asarray(array, np.int64)


def save_array(path: Path, array: NDArray[np.int64]) -> None:
    """Write an array of an index."""
    path.parent.mkdir(exist_ok=True)
    np.save(path, array, allow_pickle=False)


def write_bm25(segment: Segment, progress: Progress, done: int, total: int) -> None:
    """Count the terms of a segment whose documents are written.

    Args:
        segment: whose documents are written.
        progress: is told the chunks as they are read.
        done: chunks of the segments before it.
        total: chunks of all segments that are being written.
    """
    from retrievers.bm25 import BM25Segment

    terms = watched(segment.terms(), "bm25", progress, total, done=done)
    BM25Segment.build(terms).save(segment.path / BM25)


def seal(segment: Segment) -> SegmentRecord:
    """What a finished segment is."""
    return SegmentRecord(
        name=segment.name,
        documents=len(segment.positions),
        chunks=segment.chunks,
        chunk_ids_sha256=chunk_ids_sha256(segment.sources.chunk_ids()),
        files=file_records(segment.path),
    )
