"""The operations that are broken off: what stands before, what is done, and what may stand afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults.samples import CHANGED, FIRST, LENA, NEXT, OB, YENISEI, HashEmbeddings, lakes
from benchmarks.faults.state import digest_of
from rag.index import (
    IndexOptions,
    add_documents,
    build_index,
    compact_index,
    copy_index,
    remove_documents,
    repair_index,
)


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that writes an index.

    Args:
        name: of the operation.
        prepare: what stands before.
        run: the operation itself.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Path], None]


def build(directory: Path) -> None:
    """Build over whatever stands there."""
    build_index([*FIRST, OB], directory, embeddings=HashEmbeddings())


def three(directory: Path) -> None:
    """An index of three documents."""
    build_index(FIRST, directory, embeddings=HashEmbeddings())


def two_segments(directory: Path) -> None:
    """An index that was built and then added to; a document of its first segment is deleted."""
    three(directory)
    add_documents([OB, LENA], directory, embeddings=HashEmbeddings())
    remove(directory)


def almost_full(directory: Path) -> None:
    """An index that merges its segments at the next change."""
    three(directory)
    for source in (LENA, YENISEI):
        add_documents([source], directory, embeddings=HashEmbeddings())


def many(directory: Path) -> None:
    """An index with a graph of vectors on disk, a small segment beside it, and deleted documents in both."""
    options = IndexOptions(tfidf=True)
    build_index(lakes(1_020), directory, options, embeddings=HashEmbeddings())
    add_documents([*FIRST, OB, *lakes(3, deeper=100)], directory, embeddings=HashEmbeddings())
    remove_documents(["volga_1", "lake_7"], directory, embeddings=HashEmbeddings())


def fitted(directory: Path) -> None:
    """An index of three documents with an encoder that was fitted to them."""
    build_index(FIRST, directory)


def nothing(directory: Path) -> None:
    """No directory at all."""


def add(directory: Path) -> None:
    """Add a document."""
    add_documents([OB], directory, embeddings=HashEmbeddings())


def change(directory: Path) -> None:
    """Replace a document by a longer one."""
    add_documents([CHANGED], directory, embeddings=HashEmbeddings())


def remove(directory: Path) -> None:
    """Remove a document."""
    remove_documents(["volga_1"], directory, embeddings=HashEmbeddings())


def compact(directory: Path) -> None:
    """Merge the segments."""
    compact_index(directory)


def copied(directory: Path) -> None:
    """An index beside an empty place."""
    two_segments(directory.with_name("source"))


def copy(directory: Path) -> None:
    """Copy it there."""
    copy_index(directory.with_name("source"), directory)


def damaged(directory: Path) -> None:
    """An index that has lost a file."""
    two_segments(directory)
    min(directory.glob("segments/*/bm25/counts.npy")).unlink()


def nameless(directory: Path) -> None:
    """An index that has lost its pointer."""
    two_segments(directory)
    (directory / "CURRENT.json").unlink()


def repair(directory: Path) -> None:
    """Make it whole again."""
    repair_index(directory, embeddings=HashEmbeddings())


def ask(directory: Path) -> None:
    """Read everything and ask some questions; that changes nothing but what a store does to its own files."""
    digest_of(directory)


def add_next(directory: Path) -> None:
    """What the next writer does."""
    add_documents([NEXT], directory, embeddings=HashEmbeddings())


OPERATIONS = (
    Operation("first build", nothing, build),
    Operation("rebuild", three, build),
    Operation("add", three, add),
    Operation("change", three, change),
    Operation("remove", three, remove),
    Operation("compact", two_segments, compact),
    Operation("add and merge", almost_full, add),
    Operation("copy", copied, copy),
    Operation("repair", damaged, repair),
    Operation("find again", nameless, repair),
    Operation("ask", two_segments, ask),
)

# What is damaged: a graph of vectors that is kept on disk, and an encoder's state, are in none of the small indexes.
INDEXES: dict[str, Callable[[Path], None]] = {"many": many, "fitted": fitted}
