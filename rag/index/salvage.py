"""Reading what is left of a segment whose file of documents is damaged."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from rag.errors import IndexFormatError, StoreUnavailableError
from rag.index.segments import DOCUMENTS, SOURCES, load_integers
from rag.index.sources import SourceTable
from retrievers.documents import split_chunk_id
from retrievers.stores import ChunkStore


@dataclass(frozen=True, slots=True)
class Salvage:
    """What can be read of a segment's living documents.

    Args:
        positions: of those that are as they were stored, in order.
        lost: ids of the others; of one whose id is gone too, where it was. Where a segment cannot even be asked which
            documents it had, those that were removed from it before are among them.
    """

    positions: list[int]
    lost: list[str]


def salvage(
    path: Path, count: int, deleted: Collection[int], elsewhere: Collection[str], store: ChunkStore | None
) -> Salvage:
    """Try the living documents of a segment one by one.

    Args:
        path: of the segment.
        count: of its documents, deleted ones included.
        deleted: positions of the deleted ones.
        elsewhere: ids of the living documents of other segments.
        store: where the vectors are; their ids name documents that the segment itself cannot name any more.
    """
    right: dict[int, str] = {}  # id of a document by its position
    lost: list[str] = []
    with suppress(IndexFormatError), closing(SourceTable(path / SOURCES)) as table:
        for position in sorted(_positions(path, table) - set(deleted)):
            with suppress(IndexFormatError, ValueError, IndexError):
                source = table.document(position)
                if source.digest == table.digest(position):
                    right[position] = source.doc_id
                    continue
            with suppress(IndexFormatError, IndexError):
                lost.append(table.doc_id(position))
    unnamed = count - len(deleted) - len(right) - len(lost)
    if unnamed > 0:
        names = sorted(_stored(store, path.name).difference(right.values(), lost, elsewhere))
        lost += names + [f"(a document of segment {path.name})"] * (unnamed - len(names))
    return Salvage(list(right), lost)


def _positions(path: Path, table: SourceTable) -> set[int]:
    """Positions of the documents from both places that tell, as far as they do."""
    positions: set[int] = set()
    with suppress(IndexFormatError):
        positions.update(position for position, *_ in table.facts())
    with suppress(IndexFormatError, IndexError):
        positions.update(load_integers(path / DOCUMENTS)[:, 0].tolist())
    return positions


def _stored(store: ChunkStore | None, segment: str) -> set[str]:
    """Ids of the documents that have vectors in a segment."""
    if store is None:
        return set()
    try:
        return {split_chunk_id(chunk_id)[0] for chunk_id in store.ids(segment)}
    except (StoreUnavailableError, ValueError):
        return set()
