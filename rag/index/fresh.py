"""New segments of a draft: their documents, vectors and term counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing

import numpy as np
from numpy.typing import NDArray

from rag.index.drafts import Draft
from rag.index.manifest import SegmentRecord, StoreRecord
from rag.index.options import IndexOptions
from rag.index.progress import Progress
from rag.index.segment_writer import Placed, write_segments
from rag.index.segments import Segment, open_segment, seal, write_bm25
from rag.index.vectors import batches, write_vectors
from retrievers.documents import search_text
from retrievers.stores import ChunkStore

Encoding = Callable[[Iterable[list[str]]], Iterable[NDArray[np.float32]]]


class FreshSegments:
    """Segments that are being made, step by step.

    Args:
        draft: whose segments they are.
        options: of the index.
        progress: is told each stage.
        opened: closes what is opened here.
    """

    def __init__(self, draft: Draft, options: IndexOptions, progress: Progress, opened: ExitStack) -> None:
        self._draft = draft
        self._options = options
        self._progress = progress
        self._opened = opened
        self.segments: list[Segment] = []

    @property
    def chunks(self) -> int:
        """Number of chunks."""
        return sum(segment.chunks for segment in self.segments)

    @property
    def documents(self) -> int:
        """Number of documents."""
        return sum(len(segment.positions) for segment in self.segments)

    def write(self, documents: Iterable[Placed]) -> None:
        """Write the documents; what was written before is given up.

        Raises:
            InputError: a text that cannot be stored.
        """
        paths = write_segments(self._draft, documents, self._options.segment_chunks)
        self.segments = [self._opened.enter_context(closing(open_segment(path))) for path in paths]

    def encode(self, store: ChunkStore, record: StoreRecord, encode: Encoding) -> None:
        """Encode every chunk and store the vectors.

        Args:
            store: to write to.
            record: where that is.
            encode: gives an array of shape (n_texts, dim) for each list of texts.
        """
        done = 0
        for segment in self.segments:
            texts = ([search_text(chunk) for chunk in chunks] for chunks in batches(segment))
            write_vectors(store, record, segment, self._told(encode(texts), done))
            done += segment.chunks

    def _told(self, vectors: Iterable[NDArray[np.float32]], done: int) -> Iterator[NDArray[np.float32]]:
        for made in vectors:
            yield made
            done += len(made)
            self._progress("encoding", done, self.chunks)

    def complete(self) -> list[SegmentRecord]:
        """Count the terms and write down what the segments are."""
        done = 0
        for segment in self.segments:
            write_bm25(segment, self._progress, done, self.chunks)
            done += segment.chunks
        return [seal(segment) for segment in self.segments]
