"""Small-to-big: passages found by a small chunk are shown with the chunks around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from langchain_core.documents import Document

from rag.documents.rows import SourceDocument
from retrievers.documents import chunk_id_of, doc_id_of, make_chunk_id, unique_by_chunk

ChunkLookup = Callable[[str], Document | None]
"""Chunk by its id; None where there is none."""
TextLookup = Callable[[str], str | None]
"""Text of a source document by its id; None where it is not kept."""


class ChunkSource(Protocol):
    """What keeps chunks and the documents they were cut from, such as an index's chunk table."""

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks of these ids; KeyError for an unknown one."""
        ...

    def document(self, doc_id: str) -> SourceDocument:
        """Source document; KeyError for an unknown id."""
        ...


@dataclass(slots=True, eq=False)
class _Window:
    hit: Document
    chunks: list[Document]  # neighbours and hit, by index

    @property
    def first(self) -> int:
        return int(self.chunks[0].metadata["chunk_index"])

    @property
    def last(self) -> int:
        return int(self.chunks[-1].metadata["chunk_index"])


def widen(
    hits: Sequence[Document],
    chunk: ChunkLookup,
    *,
    neighbours: int = 1,
    same_section: bool = True,
    source_text: TextLookup | None = None,
) -> list[Document]:
    """Hits with up to ``neighbours`` chunks before and after each, from the same document.

    Hits whose windows share a chunk become one, in the place and with the id, scores and other metadata of the better
    hit. Its metadata lists the chunks it shows under ``chunk_ids``; ``start`` and ``end`` span them all.

    Args:
        hits: chunks, best first; they are not changed. A hit without ``chunk_index`` stays as it is.
        chunk: lookup of a chunk by id.
        neighbours: chunks on either side, 0 or more.
        same_section: stop where the heading path changes.
        source_text: lookup of a document's text, from which the passage is then cut:
            ``page_content == text[start:end]``, headings between its chunks included. Without it the chunks' own texts
            are joined, and what stood between them (white space, or a heading) is filled with as much white space.

    Returns:
        Passages in the order of the hits.
    """
    windows: list[_Window] = []  # no two of them share a chunk; in the order of their best hits
    for hit in unique_by_chunk(hits):
        window = _Window(hit, _around(hit, chunk, neighbours, same_section=same_section))
        touched = [other for other in windows if _overlap(other, window)]
        if not touched:
            windows.append(window)
            continue
        best = touched[0]
        for other in touched[1:]:
            windows.remove(other)
            best.chunks = _merged(best.chunks, other.chunks)
        best.chunks = _merged(best.chunks, window.chunks)
    return [_passage(window, source_text) for window in windows]


def widener(
    source: ChunkSource, neighbours: int, *, same_section: bool = True
) -> Callable[[Sequence[Document]], list[Document]]:
    """:func:`widen` over what an index keeps, as a function of the hits alone."""

    def chunk(chunk_id: str) -> Document | None:
        try:
            return source.by_chunk_ids([chunk_id])[0]
        except KeyError:
            return None

    def source_text(doc_id: str) -> str | None:
        try:
            return source.document(doc_id).text
        except KeyError:
            return None

    def widen_hits(hits: Sequence[Document]) -> list[Document]:
        return widen(hits, chunk, neighbours=neighbours, same_section=same_section, source_text=source_text)

    return widen_hits


def _around(hit: Document, chunk: ChunkLookup, neighbours: int, *, same_section: bool) -> list[Document]:
    index = hit.metadata.get("chunk_index")
    if index is None:
        return [hit]
    found = [hit]
    for step in (-1, 1):
        for distance in range(1, neighbours + 1):
            at = int(index) + step * distance
            other = chunk(make_chunk_id(doc_id_of(hit), at)) if at >= 0 else None
            if other is None or (same_section and other.metadata.get("headings") != hit.metadata.get("headings")):
                break
            found.insert(0 if step < 0 else len(found), other)
    return found


def _overlap(one: _Window, other: _Window) -> bool:
    if any(window.hit.metadata.get("chunk_index") is None for window in (one, other)):
        return False
    return doc_id_of(one.hit) == doc_id_of(other.hit) and one.first <= other.last and other.first <= one.last


def _merged(one: Sequence[Document], other: Sequence[Document]) -> list[Document]:
    by_index = {int(document.metadata["chunk_index"]): document for document in (*other, *one)}
    return [by_index[index] for index in sorted(by_index)]


def _passage(window: _Window, source_text: TextLookup | None) -> Document:
    hit, chunks = window.hit, window.chunks
    if len(chunks) == 1:
        return hit
    start, end = int(chunks[0].metadata["start"]), max(int(document.metadata["end"]) for document in chunks)
    text = source_text(doc_id_of(hit)) if source_text else None
    content = text[start:end] if text is not None else _joined(chunks)
    metadata = {**hit.metadata, "start": start, "end": end, "chunk_ids": [chunk_id_of(document) for document in chunks]}
    return Document(id=hit.id, page_content=content, metadata=metadata)


def _joined(chunks: Sequence[Document]) -> str:
    """Texts of consecutive chunks, overlaps once, gaps filled so that offsets into the passage stay true."""
    parts: list[str] = []
    at = int(chunks[0].metadata["start"])
    for document in chunks:
        start, end = int(document.metadata["start"]), int(document.metadata["end"])
        gap = start - at
        if gap > 0:
            parts.append(" " if gap == 1 else "\n\n" + " " * (gap - 2))
        if end > at:
            parts.append(document.page_content[max(0, -gap) :])
            at = end
    return "".join(parts)
