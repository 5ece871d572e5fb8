"""An index moved to another directory and another store: nothing is analysed or encoded anew."""

from __future__ import annotations

import datetime
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.errors import IndexFormatError, InputError
from rag.index.drafts import Draft, drafting
from rag.index.layout import CURRENT, DELETED, EMBEDDED, OWN, STORE, file_records
from rag.index.manifest import REMEDY, FileRecord, Manifest, SegmentRecord, StoreRecord
from rag.index.opened import Index, open_index
from rag.index.progress import Progress, silent
from rag.index.segments import Segment, open_segment, seal
from rag.index.vectors import batches, open_vector_store, place, write_vectors
from retrievers.stores import ChunkStore

_ROUNDING = 4 * float(np.finfo(np.float32).eps)  # a few last bits of the largest number of a vector


@dataclass(frozen=True, slots=True)
class IndexCopy:
    """What was copied.

    Args:
        directory: of the new index.
        manifest: of its generation.
        vectors: how many, those of deleted documents included; 0 for an index without dense retrieval.
        vectors_sha256: digest of all chunk ids and vectors as the new store gives them, in the order of its rows.
        rounding: largest difference of a number from the old store's, as a share of the vector's largest; 0 where both
            give the same digest. Chroma rounds the last bit of some numbers.
    """

    directory: Path
    manifest: Manifest = field(repr=False)
    vectors: int
    vectors_sha256: str
    rounding: float


def copy_index(
    source: str | os.PathLike[str],
    target: str | os.PathLike[str],
    *,
    store: str | None = None,
    progress: Progress = silent,
) -> IndexCopy:
    """Copy the generation in use to a new index, whole or not at all.

    Every file is compared with its digest, and every vector is read back from the new store and compared. The copy
    answers every question as the original does, and changes apart from it.

    Args:
        source: directory of an index.
        target: directory of the copy; it must not exist, or be empty.
        store: URL of a store for the vectors (see :mod:`retrievers.stores`); by default they lie in the index.
        progress: is told the vectors as they are written and read back.

    Raises:
        IndexNotFoundError, IndexFormatError: there is no readable index, or it is damaged.
        InputError: the target holds something, or there are no vectors for a store.
        MissingExtraError, StoreUnavailableError: a store's packages are missing, or it does not answer.
        OSError: the disk is full, or the directory cannot be written.
    """
    from retrievers.stores import check_store

    target = Path(target)
    if target.exists() and (not target.is_dir() or {path.name for path in target.iterdir()} - OWN):
        raise InputError(f"expected a directory that does not exist or is empty for the copy, {target} is neither")
    if (target / CURRENT).exists():  # what a copy left that was killed is no obstacle
        raise InputError(f"expected a directory that does not exist or is empty for the copy, {target} is an index")
    with open_index(source) as index, drafting(target, make=True) as draft:
        if store is not None:
            if index.manifest.store is None:
                raise InputError("a store takes vectors, and this index has none")
            check_store(store)
        with ExitStack() as opened:
            copying = _Copying(index, draft, store, progress, opened)
            manifest = copying.run()
        draft.publish(manifest)
        return IndexCopy(target, manifest, copying.vectors, copying.digest.hexdigest(), copying.rounding)


class _Copying:
    """A copy on its way."""

    def __init__(self, index: Index, draft: Draft, store: str | None, progress: Progress, opened: ExitStack) -> None:
        self._index = index
        self._draft = draft
        self._progress = progress
        self._opened = opened
        self._old = index.generation
        self._total = sum(segment.chunks for segment in index.manifest.segments)
        self._record: StoreRecord | None = None
        self._into: ChunkStore | None = None
        if index.manifest.store is not None:
            self._record = place(draft, store, index.manifest.store.dimension)
            made = open_vector_store(draft.directory, self._record, index.manifest.options.bm25)
            self._into = opened.enter_context(closing(made))
        self.vectors = 0
        self.digest = hashlib.sha256()
        self.rounding = 0.0

    def run(self) -> Manifest:
        """Copy everything.

        Returns:
            What the new generation is.
        """
        manifest = self._index.manifest
        records: list[SegmentRecord] = []
        for segment, record in zip(self._index.chunks.segments, manifest.segments, strict=True):
            records.append(self._segment(segment, record))
            deleted = self._old.deleted(segment.name)
            if deleted.relative_to(self._old.path).as_posix() in manifest.files:
                (self._draft.path / DELETED).mkdir(exist_ok=True)
                shutil.copyfile(deleted, self._draft.path / DELETED / f"{records[-1].name}.npy")
        own = {name: file for name, file in manifest.files.items() if not name.startswith(f"{DELETED}/")}
        _copy_files(self._old.path, self._draft.path, own)
        state = None
        if self._old.encoder is not None:
            state = self._draft.new_encoder()
            _copy_files(self._old.encoder, state, manifest.encoder_files)
        return manifest.model_copy(
            update={
                "index_id": self._draft.index_id,
                "generation": self._draft.path.name,
                "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
                "encoder_state": state.name if state else None,
                "store": self._record,
                "segments": tuple(records),
                "files": file_records(self._draft.path),
            }
        )

    def _segment(self, old: Segment, record: SegmentRecord) -> SegmentRecord:
        path = self._draft.new_segment()
        _copy_files(
            old.path,
            path,
            {
                name: file
                for name, file in record.files.items()
                if name != STORE and not name.startswith(f"{EMBEDDED}/")
            },
        )
        with closing(open_segment(path)) as new:
            if self._into is not None and self._record is not None:
                write_vectors(self._into, self._record, new, self._moved(old))
                self._check(old, new, self._into)
            return seal(new)

    def _moved(self, segment: Segment) -> Iterator[NDArray[np.float32]]:
        """Vectors of a segment in the batches that are stored."""
        done = self.vectors
        for ids, vectors in _pages(self._index.store(), segment.name, segment):
            yield vectors
            done += len(ids)
            self._progress("copying", done, self._total)

    def _check(self, old: Segment, new: Segment, store: ChunkStore) -> None:
        """Read a written segment back, count it and compare it with what it was copied from.

        Raises:
            IndexFormatError: it is not what was written.
        """
        before = _pages(self._index.store(), old.name, old)
        for (ids, vectors), (_, originals) in zip(_pages(store, new.name, new), before, strict=True):
            for chunk_id, vector in zip(ids, vectors, strict=True):
                self.digest.update(chunk_id.encode() + b"\0" + np.ascontiguousarray(vector, "<f4").tobytes())
            moved = np.max(np.abs(vectors - originals), axis=1)
            largest = np.maximum(np.max(np.abs(originals), axis=1), np.finfo(np.float32).tiny)
            self.rounding = float(np.maximum(self.rounding, np.max(moved / largest)))  # keeps what is no number
            self.vectors += len(ids)
        count = len(store.ids(new.name))
        if count != new.chunks or not self.rounding <= _ROUNDING:
            raise IndexFormatError(
                f"the new store gives back {count} vectors of {new.chunks} chunks, the largest difference is "
                f"{self.rounding:.1e}; nothing was kept of the copy"
            )


def _pages(store: ChunkStore, name: str, segment: Segment) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    """Ids and vectors of a segment's chunks in the order of its rows.

    Raises:
        IndexFormatError: a vector is missing.
    """
    for chunks in batches(segment):
        ids = [str(chunk.id) for chunk in chunks]
        found = store.vectors(name, ids)
        missing = [chunk_id for chunk_id in ids if chunk_id not in found]
        if missing:
            raise IndexFormatError(f"the store has no vector of {missing[0]}; {REMEDY}")
        yield ids, np.stack([found[chunk_id] for chunk_id in ids])


def _copy_files(source: Path, target: Path, files: dict[str, FileRecord]) -> None:
    """Copy files and compare the copies with what was recorded of the originals.

    Raises:
        IndexFormatError: one has other contents than when it was written.
    """
    for name in files:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)
    copied = file_records(target)
    for name, record in files.items():
        if copied.get(name) != record:
            raise IndexFormatError(f"{source / name} has other contents than when it was written; {REMEDY}")


__all__ = ["IndexCopy", "copy_index"]
