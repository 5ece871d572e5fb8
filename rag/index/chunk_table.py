"""The documents and chunks of a generation as one table, whatever segments they are in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar, overload

import numpy as np
from langchain_core.documents import Document

from rag.documents.rows import SourceDocument
from rag.index.layout import Generation
from rag.index.segments import Segment, open_segments
from retrievers.segment_order import SegmentOrder

Value = TypeVar("Value")
_AT_ONCE = 500  # chunks read together


class ChunkTable(Sequence[Document]):
    """The living chunks of a generation in row order, read from disk when asked for; safe to share between threads.

    Rows are numbered from 0 without gaps in the order of the documents. Chunks it returns are new every time, so a
    caller may change them.

    Args:
        segments: of the generation; closed with the table.
    """

    def __init__(self, segments: Sequence[Segment]) -> None:
        self._segments = list(segments)
        self._order = SegmentOrder([segment.rows() for segment in self._segments])
        self._length = self._order.n_rows

    @classmethod
    def of(cls, generation: Generation) -> ChunkTable:
        """The table of a generation.

        Raises:
            IndexFormatError: its files are missing or damaged.
        """
        return cls(open_segments(generation))

    @property
    def segments(self) -> Sequence[Segment]:
        """What it consists of."""
        return self._segments

    @property
    def order(self) -> SegmentOrder:
        """Where the rows of the segments stand."""
        return self._order

    def close(self) -> None:
        """Close the files; the table cannot be used afterwards."""
        for segment in self._segments:
            segment.close()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        if isinstance(index, slice):
            return self.get_many(range(*index.indices(self._length)))
        row = index + self._length if index < 0 else index
        if not 0 <= row < self._length:
            raise IndexError(f"chunk row {index} of {self._length}")
        return self.get_many([row])[0]

    def __iter__(self) -> Iterator[Document]:
        for start in range(0, self._length, _AT_ONCE):
            yield from self[start : start + _AT_ONCE]

    def get_many(self, rows: Sequence[int]) -> list[Document]:
        """Chunks of these rows, in the order asked for.

        Raises:
            IndexError: a row that does not exist.
        """
        return self._at(rows, lambda segment, local: segment.sources.chunks(local))

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks of these ids, in the order asked for.

        Raises:
            KeyError: an unknown id.
        """
        found = self._found(chunk_ids)
        return [found[chunk_id] for chunk_id in chunk_ids]

    def find(self, chunk_id: str) -> Document | None:
        """The chunk of this id, None where there is none."""
        return self._found([chunk_id]).get(chunk_id)

    def _found(self, chunk_ids: Sequence[str]) -> dict[str, Document]:
        found: dict[str, Document] = {}
        left = list(dict.fromkeys(chunk_ids))
        for segment in self._segments:
            for chunk_id, (position, chunk) in segment.sources.chunks_by_id(left).items():
                if position not in segment.deleted:
                    found[chunk_id] = chunk
            left = [chunk_id for chunk_id in left if chunk_id not in found]
            if not left:
                break
        return found

    def text_of(self, doc_id: str) -> str | None:
        """Text of a source document, None where there is none."""
        place = self.place(doc_id)
        return None if place is None else place[0].sources.text(place[1])

    def document(self, doc_id: str) -> SourceDocument:
        """A source document.

        Raises:
            KeyError: an unknown id.
        """
        place = self.place(doc_id)
        if place is None:
            raise KeyError(doc_id)
        return place[0].sources.document(place[1])

    def chunks_of(self, doc_id: str) -> list[Document]:
        """All chunks of a document, in order; none for an unknown id."""
        place = self.place(doc_id)
        return [] if place is None else place[0].sources.document_chunks(place[1])

    def digest_of(self, doc_id: str) -> str | None:
        """Stored digest of a document, None for an unknown id."""
        place = self.place(doc_id)
        return None if place is None else place[0].sources.digest(place[1])

    def place(self, doc_id: str) -> tuple[Segment, int] | None:
        """Segment and position of a document, None for an unknown id."""
        for segment in reversed(self._segments):  # what is changed again and again stands in the last ones
            position = segment.sources.position(doc_id)
            if position is not None and position not in segment.deleted:
                return segment, position
        return None

    def titles(self) -> list[tuple[str, str]]:
        """Ids and titles of all documents, in order."""
        return [(doc_id, title) for _, doc_id, title, _ in self._facts()]

    def doc_ids(self) -> list[str]:
        """Ids of all documents, in order."""
        return [doc_id for _, doc_id, _, _ in self._facts()]

    def digests(self) -> dict[str, str]:
        """Stored digest of every document by id, in order."""
        return {doc_id: digest for _, doc_id, _, digest in self._facts()}

    def _facts(self) -> list[tuple[int, str, str, str]]:
        return sorted(
            fact for segment in self._segments for fact in segment.sources.facts() if fact[0] not in segment.deleted
        )

    def documents(self) -> Iterator[SourceDocument]:
        """All source documents, in order."""
        places = [(int(place), segment) for segment in self._segments for place in segment.positions]
        for position, segment in sorted(places, key=lambda place: place[0]):
            if position not in segment.deleted:
                yield segment.sources.document(position)

    def sizes(self, doc_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Characters and chunks of documents, by id; unknown ids are left out."""
        places = ((doc_id, self.place(doc_id)) for doc_id in doc_ids)
        return {doc_id: place[0].sources.size(place[1]) for doc_id, place in places if place is not None}

    def spans(self, doc_id: str) -> list[tuple[str, int, int]]:
        """Id, start and end of a document's chunks, in order; none for an unknown id."""
        place = self.place(doc_id)
        return [] if place is None else place[0].sources.spans(place[1])

    def chunk_ids(self) -> list[str]:
        """Ids of all chunks in row order."""
        ordered = np.empty(self._length, dtype=object)
        for number, segment in enumerate(self._segments):
            local = np.arange(segment.chunks)
            alive = self._order.alive(number)
            if alive is not None:
                local = local[alive]
            ids = np.asarray([*segment.sources.chunk_ids(), None], dtype=object)
            ordered[self._order.rows(number, local)] = ids[local]
        return ordered.tolist()

    def terms(self) -> Iterator[list[str]]:
        """Terms of every chunk's search text, in row order."""
        for start in range(0, self._length, _AT_ONCE):
            rows = range(start, min(start + _AT_ONCE, self._length))
            yield from self._at(rows, lambda segment, local: segment.sources.terms_of(local))

    def _at(self, rows: Sequence[int], read: Callable[[Segment, list[int]], dict[int, Value]]) -> list[Value]:
        """What ``read`` gives for each row; it is asked once a segment."""
        numbers, locals_ = self._order.locate(rows)
        found = {
            number: read(self._segments[number], locals_[numbers == number].tolist())
            for number in np.unique(numbers).tolist()
        }
        wanted: Iterable[tuple[int, int]] = zip(numbers.tolist(), locals_.tolist(), strict=True)
        try:
            return [found[number][local] for number, local in wanted]
        except KeyError as error:
            raise IndexError(f"chunk row {error.args[0]} of {self._length}") from error


def open_table(path: Path) -> ChunkTable:
    """The table of one segment by itself.

    Raises:
        IndexFormatError: its files are missing or damaged.
    """
    from rag.index.segments import open_segment

    return ChunkTable([open_segment(path)])
