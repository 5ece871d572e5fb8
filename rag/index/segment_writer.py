"""Writing documents into new segments, one after the other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from rag.documents.rows import SourceDocument
from rag.index.drafts import Draft
from rag.index.segments import DOCUMENTS, SOURCES, save_array
from rag.index.sources import ChunkRow, SourceWriter

Placed = tuple[int, SourceDocument, list[ChunkRow]]


class SegmentWriter:
    """Writes documents into new segments of a draft and begins another one when one is full.

    Args:
        draft: whose segments they are.
        limit: chunks of a segment at most; a document is never divided.
    """

    def __init__(self, draft: Draft, limit: int) -> None:
        self._draft = draft
        self._limit = limit
        self._paths: list[Path] = []
        self._writer: SourceWriter | None = None
        self.chunks = 0

    def put(self, position: int, source: SourceDocument, rows: list[ChunkRow]) -> None:
        """Store a document and its chunks.

        Raises:
            InputError: a text that cannot be stored.
        """
        if self._writer is not None and self._writer.chunks and self._writer.chunks + len(rows) > self._limit:
            self._seal()
        if self._writer is None:
            self._paths.append(self._draft.new_segment())
            self._writer = SourceWriter(self._paths[-1] / SOURCES)
        self._writer.put(position, source, rows)
        self.chunks += len(rows)

    def _seal(self) -> None:
        if self._writer is not None:
            save_array(self._paths[-1] / DOCUMENTS, self._writer.finish())
            self.close()

    def finish(self) -> list[Path]:
        """Keep everything.

        Returns:
            Directories of the segments.
        """
        self._seal()
        return self._paths

    def close(self) -> None:
        """Let go of the file that is being written; what was not finished is not kept."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def write_segments(draft: Draft, documents: Iterable[Placed], limit: int) -> list[Path]:
    """Write documents with their positions and chunks into new segments.

    Returns:
        Directories of the segments, with their documents and nothing else yet.

    Raises:
        InputError: a text that cannot be stored.
    """
    writer = SegmentWriter(draft, limit)
    try:
        for position, source, rows in documents:
            writer.put(position, source, rows)
        return writer.finish()
    finally:
        writer.close()
