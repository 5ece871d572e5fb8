"""What an index asks of the store that keeps its vectors: named segments, each written once, read or dropped."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray

from retrievers.errors import InputError

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from retrievers.stores.segmented import SegmentedVectors


class ChunkLookup(Protocol):
    """Where chunks are kept by id, texts included."""

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks in the order asked for; KeyError for an unknown id."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Chunks to store together.

    Args:
        chunks: with the metadata ``chunk_id`` and ``doc_id``.
        vectors: theirs, array of shape (n_chunks, dim).
        terms: index terms of each, for engines with a BM25 of their own.

    Raises:
        InputError: the three are not of one length.
    """

    chunks: Sequence[Document]
    vectors: NDArray[np.float32]
    terms: Sequence[Sequence[str]]

    def __post_init__(self) -> None:
        """Refuse parts that do not belong together."""
        if not len(self.chunks) == len(self.vectors) == len(self.terms):
            raise InputError(
                f"expected a vector and terms of each of {len(self.chunks)} chunks, got {len(self.vectors)} vectors "
                f"and {len(self.terms)} lists of terms"
            )


@dataclass(frozen=True, slots=True)
class Hit:
    """A stored chunk that a search found.

    Args:
        segment: where it is stored.
        chunk_id: its id; the same one may be deleted in another segment.
        score: higher is better: cosine similarity, BM25 or what a ranker made of both.
    """

    segment: str
    chunk_id: str
    score: float


class ChunkStore(Protocol):
    """Vectors of chunks in named segments.

    Every method raises StoreUnavailableError where the store does not open or answer.
    """

    def write(self, segment: str, batches: Iterable[Batch]) -> None:
        """Store a segment; whatever a crashed try left under its name is replaced.

        Raises:
            InputError: a chunk that the store cannot hold.
        """
        ...

    def ids(self, segment: str) -> list[str]:
        """Ids of all chunks of a segment, in no order."""
        ...

    def vectors(self, segment: str, ids: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        """Vectors of a segment's chunks by id; unknown ids are absent."""
        ...

    def drop(self, segment: str) -> None:
        """Delete a segment; one that does not exist is fine."""
        ...

    def reader(
        self, segments: Mapping[str, Collection[str]], embeddings: Embeddings | None, chunks: ChunkLookup
    ) -> SegmentedVectors:
        """A read-only LangChain vector store over segments.

        Args:
            segments: names in order, each with the ids of the documents that are deleted from it.
            embeddings: what questions are encoded with.
            chunks: where the chunks themselves are read from.
        """
        ...

    def check(self) -> None:
        """Ask a store outside the index whether it is there."""
        ...

    def close(self) -> None:
        """Release files and connections, those of its readers too."""
        ...
