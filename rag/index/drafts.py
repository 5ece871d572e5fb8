"""Making the next generation of an index, and removing what no generation needs."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rag.errors import IndexFormatError, IndexNotFoundError, InputError, StoreUnavailableError
from rag.index.layout import (
    COPY,
    CURRENT,
    DELETED,
    EMBEDDED,
    ENCODERS,
    GENERATIONS,
    LOCK,
    MANIFEST,
    OWN,
    SEGMENTS,
    STAGING,
    STORE,
    Generation,
    current_name,
    read_current,
    read_generation,
    sha256_of,
    sync,
    sync_tree,
    write_text,
)
from rag.index.locks import unheld, writer_lock
from rag.index.manifest import FORMAT, Manifest, StoreRecord

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Draft:
    """A generation being made.

    Args:
        directory: of the index.
        path: of the draft.
        index_id: of the index, the same over all its generations.
        current: the generation in use, None for the first.
        made: directories of the segments and encoders that were made for it.
    """

    directory: Path
    path: Path
    index_id: str
    current: Generation | None
    made: list[Path] = field(default_factory=list)

    def new_segment(self) -> Path:
        """Make the directory of a segment."""
        return self._new(self.directory / SEGMENTS)

    def new_encoder(self) -> Path:
        """Make the directory of an encoder's state."""
        return self._new(self.directory / ENCODERS)

    def _new(self, folder: Path) -> Path:
        folder.mkdir(exist_ok=True)
        path = folder / _next_name(folder)
        path.mkdir()
        self.made.append(path)
        return path

    def publish(self, manifest: Manifest) -> None:
        """Sync everything to disk and make this the generation in use."""
        text = manifest.model_dump_json(indent=1)
        (self.path / COPY).mkdir()
        if (self.path / DELETED).exists():
            shutil.copytree(self.path / DELETED, self.path / COPY / DELETED)
        for path in (self.path / COPY / MANIFEST, self.path / MANIFEST):
            write_text(path, text)
        named = {segment.name for segment in manifest.segments} | {manifest.encoder_state}
        for made in (*(path for path in self.made if path.name in named), self.path):
            sync_tree(made)
        sync(self.directory)
        switch(self.directory, self.path.name)

    def abandon(self) -> None:
        """Remove everything that was made."""
        shutil.rmtree(self.path, ignore_errors=True)
        for path in self.made:
            if path.parent.name == SEGMENTS:
                _remove_segment(path)
            else:
                shutil.rmtree(path, ignore_errors=True)
        with contextlib.suppress(OSError):
            (self.directory / f"{CURRENT}.new").unlink(missing_ok=True)


def switch(directory: Path, generation: str) -> None:
    """Make a generation, all of which is synced, the one in use."""
    digest = sha256_of(directory / GENERATIONS / generation / MANIFEST)
    values = {"format": FORMAT, "manifest_sha256": digest, "generation": generation}
    replace_text(directory / CURRENT, json.dumps(values))


def replace_text(path: Path, text: str) -> None:
    """Replace a small file in one step, which also a loss of power cannot tear."""
    fresh = path.with_name(f"{path.name}.new")
    write_text(fresh, text)
    sync(fresh)
    os.replace(fresh, path)  # noqa: PTH105 - the one atomic step
    sync(path.parent)


def keep_store(segment: Path, store: StoreRecord) -> None:
    """Note where a segment's vectors go before they are made, so that whoever clears up can remove them."""
    write_text(segment / STORE, store.model_dump_json())


@contextlib.contextmanager
def drafting(directory: Path, *, make: bool) -> Iterator[Draft]:
    """A draft of the next generation, under the writer's lock; removed unless it was published.

    Args:
        directory: of the index.
        make: begin a new index where there is none; an existing one is replaced whatever its state.

    Raises:
        IndexNotFoundError: there is no index and ``make`` is off.
        IndexFormatError: the existing index cannot be read and ``make`` is off.
        InputError: the directory holds something else.
        IndexLockedError: another writer is at work.
    """
    current = None if make else read_current(directory)
    existed = directory.exists()
    if make:
        check_replaceable(directory)
    try:
        if make:
            _make(directory / GENERATIONS)
        with writer_lock(directory / LOCK):
            sweep(directory)
            # Read again: another writer may have finished while this one came for the lock.
            current = _readable(directory) if make else read_current(directory)
            draft = _begin(directory, current)
            try:
                yield draft
            finally:
                if current_name(directory) != draft.path.name:
                    draft.abandon()
            sweep(directory)
    finally:
        if make and not existed and not (directory / CURRENT).exists():
            _remove_all_but_staging(directory)


def _remove_all_but_staging(directory: Path) -> None:
    """Remove a directory that a failed first build has made; what a second try can use stays."""
    if not (directory / STAGING).is_dir():
        shutil.rmtree(directory, ignore_errors=True)
        return
    for path in _inside(directory):
        if path.name != STAGING:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


def _make(folder: Path) -> None:
    """Make a directory and those above it, as far as they are missing, to stay after a loss of power."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync(path.parent)


def _begin(directory: Path, current: Generation | None) -> Draft:
    path = directory / GENERATIONS / _next_name(directory / GENERATIONS)
    path.mkdir()
    return Draft(directory, path, current.manifest.index_id if current else uuid.uuid4().hex, current)


def _next_name(folder: Path) -> str:
    number = 1 + max((_number(path) for path in folder.iterdir()), default=0)
    return f"{number:06d}-{uuid.uuid4().hex[:8]}"


def _number(path: Path) -> int:
    match = re.match(r"\d+", path.name)
    return int(match.group()) if match else 0


def check_replaceable(directory: Path) -> None:
    """Refuse to build into a directory that holds anything but an index.

    Raises:
        InputError: it is a file, or a directory with foreign files.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"expected a directory for the index, {directory} is a file")
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in OWN) if directory.exists() else []
    if foreign:
        raise InputError(
            f"{directory} is neither empty nor an index (it holds {', '.join(foreign[:3])}"
            f"{', …' if len(foreign) > 3 else ''}); choose another directory"
        )


def sweep(directory: Path) -> None:
    """Remove half-made and replaced generations, as far as nobody holds them, and what no generation names.

    Call it under the writer's lock.
    """
    in_use = current_name(directory)
    if in_use is None and (directory / CURRENT).exists():
        return  # an unreadable pointer: whatever it meant must not be deleted
    for path in _inside(directory / GENERATIONS):
        if path.name != in_use:
            with unheld(path / MANIFEST) as free:
                if free:
                    shutil.rmtree(path, ignore_errors=True)
    named = _named(directory)
    if named is not None:
        for path in _inside(directory / SEGMENTS):
            if path.name not in named:
                _remove_segment(path)
        for path in _inside(directory / ENCODERS):
            if path.name not in named:
                shutil.rmtree(path, ignore_errors=True)
    with contextlib.suppress(OSError):
        (directory / f"{CURRENT}.new").unlink(missing_ok=True)


def _inside(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _named(directory: Path) -> set[str] | None:
    """Names of the segments and encoders of all generations; None where one cannot be read, and may name any."""
    named: set[str] = set()
    for path in _inside(directory / GENERATIONS):
        try:
            manifest = read_generation(directory, path.name).manifest
        except IndexFormatError:
            return None
        named.update(segment.name for segment in manifest.segments)
        named.update({manifest.encoder_state} - {None})  # type: ignore[arg-type]
    return named


def _remove_segment(segment: Path) -> None:
    """Remove a segment and its vectors; where their store does not answer, the note of them stays for the next try."""
    try:
        store = StoreRecord.model_validate_json((segment / STORE).read_bytes())
    except (OSError, ValueError):
        store = None
    if store is not None and store.location != EMBEDDED:
        from rag.index.vectors import drop_vectors

        try:
            drop_vectors(store, segment.name)
        except StoreUnavailableError as error:
            logger.warning("the vectors of segment %s stay behind: %s", segment.name, error)
            for path in _inside(segment):
                if path.name != STORE:
                    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            return
    shutil.rmtree(segment, ignore_errors=True)


def _readable(directory: Path) -> Generation | None:
    try:
        return read_current(directory)
    except (IndexNotFoundError, IndexFormatError):
        return None
