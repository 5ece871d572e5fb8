"""What a change does to the documents of an index, found out document by document."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Sequence

from langchain_core.documents import Document

from rag.documents.rows import SourceDocument
from rag.errors import InputError
from rag.index.chunk_table import ChunkTable
from rag.index.segments import Segment


class Change:
    """A change of the documents of a generation.

    Args:
        before: the generation's documents.
    """

    def __init__(self, before: ChunkTable) -> None:
        self._before = before
        self._next = 1 + max((int(s.positions.max()) for s in before.segments if len(s.positions)), default=-1)
        self._deleted: dict[str, set[int]] = {segment.name: set(segment.deleted) for segment in before.segments}
        self._replaced: list[str] = []
        self.positions: dict[str, int] = {}  # of the new and changed documents
        self.added = 0
        self.changed = 0
        self.unchanged = 0

    def different(self, sources: Iterable[SourceDocument]) -> Iterator[SourceDocument]:
        """Those of ``sources`` that are new or changed; a changed one keeps its position.

        Raises:
            InputError: an id comes twice.
        """
        for source in unique(sources):
            place = self._before.place(source.doc_id)
            if place is None:
                self.positions[source.doc_id] = self._next
                self._next += 1
                self.added += 1
                yield source
                continue
            segment, position = place
            if segment.sources.digest(position) == source.digest:
                self.unchanged += 1
                continue
            self._deleted[segment.name].add(position)
            self._replaced.append(source.doc_id)
            self.positions[source.doc_id] = position
            self.changed += 1
            yield source

    def remove(self, doc_ids: Sequence[str]) -> None:
        """Remove documents.

        Raises:
            InputError: an id is unknown.
        """
        places = {doc_id: self._before.place(doc_id) for doc_id in doc_ids}
        unknown = [doc_id for doc_id, place in places.items() if place is None]
        if unknown:
            raise InputError(f"the index has no document {', '.join(map(repr, unknown[:5]))}; nothing was removed")
        for place in places.values():
            assert place is not None
            self._deleted[place[0].name].add(place[1])

    def left(self) -> list[Segment]:
        """The segments there were, without what is deleted now."""
        return [
            dataclasses.replace(segment, deleted=frozenset(self._deleted[segment.name]))
            for segment in self._before.segments
        ]

    def replaced_chunks(self) -> dict[str, list[Document]]:
        """Chunks of the changed documents as they were, by segment."""
        chunks: dict[str, list[Document]] = {}
        for doc_id in self._replaced:
            place = self._before.place(doc_id)
            assert place is not None
            chunks.setdefault(place[0].name, []).extend(place[0].sources.document_chunks(place[1]))
        return chunks


def unique(sources: Iterable[SourceDocument]) -> Iterator[SourceDocument]:
    """The same documents.

    Raises:
        InputError: an id comes twice.
    """
    seen: set[str] = set()
    for source in sources:
        if source.doc_id in seen:
            raise InputError(f"the document id {source.doc_id!r} comes twice; ids must be unique")
        seen.add(source.doc_id)
        yield source
