"""When segments are merged, and how.

Every change adds a segment, and every segment costs each question a search, so they are merged as in a log-structured
merge tree (O'Neil et al. 1996; the tiers are those of Lucene's ``LogMergePolicy``): segments of about the same size are
merged as soon as there are :data:`FANOUT` of them, into one of the next size. A chunk is so rewritten at most once a
tier, and an index of n chunks has at most FANOUT - 1 segments of each of log n tiers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError
from rag.index.manifest import REMEDY
from rag.index.segments import Segment
from rag.index.sources import ChunkRow
from rag.index.vectors import batches

if TYPE_CHECKING:
    from retrievers.stores import ChunkStore

FANOUT = 4  # segments of one size that are merged
_SMALLEST = 256  # chunks: below this all segments count as one size, for opening one costs as much as searching it
_MOST_DELETED = 1 / 3  # share of a segment's chunks that may be deleted before it is written anew


@dataclass(frozen=True, slots=True)
class Size:
    """What matters of a segment when segments are merged.

    Args:
        chunks: those of deleted documents included.
        living: chunks of documents that are not deleted.
    """

    chunks: int
    living: int

    @property
    def tier(self) -> int:
        """Its size as a power of :data:`FANOUT`, in units of the smallest size."""
        return 0 if self.living <= _SMALLEST else math.ceil(math.log(self.living / _SMALLEST, FANOUT) - 1e-9)


def merges(sizes: Sequence[Size], limit: int) -> list[list[int]]:
    """Which segments are to be merged, as groups of their numbers; a group of one is written anew by itself.

    Args:
        sizes: of all segments.
        limit: chunks of a segment at most.
    """
    groups: list[list[int]] = []
    stale = [n for n, size in enumerate(sizes) if size.chunks - size.living > _MOST_DELETED * size.chunks]
    tiers: dict[int, list[int]] = {}
    for number, size in enumerate(sizes):
        tiers.setdefault(size.tier, []).append(number)
    for _, members in sorted(tiers.items()):
        if len(members) >= FANOUT and sum(sizes[number].living for number in members) <= limit:
            groups.append(members)
    merged = {number for group in groups for number in group}
    return groups + [[number] for number in stale if number not in merged]


def all_in_one(sizes: Sequence[Size], limit: int) -> list[list[int]]:
    """Groups that leave as few segments as the limit allows, and nothing deleted; nothing where that is so already."""
    if len(sizes) <= max(1, math.ceil(sum(size.living for size in sizes) / limit)) and all(
        size.chunks == size.living for size in sizes
    ):
        return []
    return [list(range(len(sizes)))]


def living_documents(segments: Sequence[Segment]) -> Iterator[tuple[int, SourceDocument, list[ChunkRow]]]:
    """Position, document and stored chunks of the documents that are not deleted, in order."""
    for position, segment in living_places(segments):
        yield position, segment.sources.document(position), segment.sources.chunk_rows(position)


def living_places(segments: Sequence[Segment]) -> list[tuple[int, Segment]]:
    """Position and segment of the documents that are not deleted, in order."""
    places = [
        (position, segment)
        for segment in segments
        for position in segment.positions.tolist()
        if position not in segment.deleted
    ]
    return sorted(places, key=lambda place: place[0])


def moved_vectors(store: ChunkStore, old: Sequence[Segment], new: Segment) -> Iterator[NDArray[np.float32]]:
    """Vectors of a merged segment's chunks from where they were, in the batches that are stored.

    Raises:
        IndexFormatError: a vector is missing.
    """
    origin = {position: segment.name for position, segment in living_places(old)}
    of_row = np.repeat(new.positions, new.counts).tolist()
    start = 0
    for chunks in batches(new):
        wanted: dict[str, list[str]] = {}
        for row, chunk in enumerate(chunks, start=start):
            wanted.setdefault(origin[of_row[row]], []).append(str(chunk.id))
        start += len(chunks)
        found = {
            chunk_id: vector
            for segment, chunk_ids in wanted.items()
            for chunk_id, vector in store.vectors(segment, chunk_ids).items()
        }
        missing = [str(chunk.id) for chunk in chunks if str(chunk.id) not in found]
        if missing:
            raise IndexFormatError(f"the store has no vector of {missing[0]}; {REMEDY}")
        yield np.stack([found[str(chunk.id)] for chunk in chunks])
