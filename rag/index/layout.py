"""How an index lies on disk, and how one version of it gives way to the next.

::

    DIR/
      CURRENT.json              names the generation in use; replaced by one os.replace
      .lock                     held by the writer
      generations/
        000002-3f9c1a7e/
          manifest.json         what the generation is; written last, held by readers
          sources.sqlite        documents, chunks and their terms
          records.sqlite        which chunk versions the vector store holds
          encoder/              state of the static encoder
          bm25/  tfidf/         lexical indexes
          chroma/               vectors, unless they are on a server

Every change makes a new generation beside the one in use, whole and synced to disk, before ``CURRENT.json`` turns to
it. Whatever stops a writer before that (Ctrl-C, a full disk, a crash) leaves the old one in use; the half-made one is
removed on the spot, or by the next writer where the process died. A generation that is no longer in use is removed
when no reader holds it.

On a Chroma server each generation has a collection of its own, named by index id and generation, so the same order
holds there: a change copies the collection, and the old one goes with its generation.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import BaseModel, ConfigDict, ValidationError

from rag.errors import IndexFormatError, IndexNotFoundError, InputError
from rag.index.locks import hold_shared, unheld, writer_lock
from rag.index.options import IndexOptions

FORMAT = 1
CURRENT = "CURRENT.json"
MANIFEST = "manifest.json"
GENERATIONS = "generations"
STORE = "store.json"
EMBEDDED = "chroma"
_LOCK = ".lock"
_TRIES = 20
_OWN = {CURRENT, f"{CURRENT}.new", GENERATIONS, _LOCK}

logger = logging.getLogger(__name__)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class EncoderRecord(_Record):
    """The encoder an index was built with.

    Args:
        name: model name, or class of a caller's own embeddings.
        fingerprint: digest of what makes its vectors, where it can tell, else its name and dimension.
        dimension: of its vectors.
        probe: first numbers of the unit vector of a fixed sentence; a changed model moves them.
        own: whether the caller passed the embeddings, and must do so again.
    """

    name: str
    fingerprint: str
    dimension: int
    probe: tuple[float, ...]
    own: bool = False


class StoreRecord(_Record):
    """Where the vectors of a generation are: ``location`` is ``"chroma"`` (inside it) or a server's URL."""

    location: str
    collection: str


class FileRecord(_Record):
    """A file that never changes after its generation was published."""

    size: int
    sha256: str


class Manifest(_Record):
    """What a generation is.

    Args:
        format: version of this layout.
        index_id: identity that all generations of an index share.
        generation: name of its directory.
        created: ISO time, UTC.
        created_by: version of this project.
        profile: name of the profile it was built for.
        options: how it was built.
        encoder: what made its vectors; None without dense retrieval.
        store: where they are.
        documents: how many.
        chunks: how many.
        chunk_ids_sha256: digest of all chunk ids in row order.
        files: size and digest of the files, by path relative to the generation.
    """

    format: int = FORMAT
    index_id: str
    generation: str
    created: str
    created_by: str
    profile: str
    options: IndexOptions
    encoder: EncoderRecord | None
    store: StoreRecord | None
    documents: int
    chunks: int
    chunk_ids_sha256: str
    files: dict[str, FileRecord]


@dataclass(frozen=True)
class Generation:
    """A published generation."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class Draft:
    """A generation being made.

    Args:
        directory: of the index.
        path: of the draft.
        index_id: of the index, the same over all its generations.
        current: the generation in use, None for the first.
    """

    directory: Path
    path: Path
    index_id: str
    current: Generation | None

    @property
    def collection(self) -> str:
        """Name of this generation's collection on a server."""
        return f"rag-{self.index_id[:12]}-{self.path.name}"

    def keep_store(self, store: StoreRecord) -> None:
        """Note where the vectors go before they are made, so that whoever clears up can remove them."""
        _write(self.path / STORE, store.model_dump_json())

    def publish(self, manifest: Manifest) -> None:
        """Sync everything to disk and make this the generation in use."""
        _write(self.path / MANIFEST, manifest.model_dump_json(indent=1))
        for folder, _, names in os.walk(self.path):
            for name in names:
                _sync(Path(folder, name))
            _sync(Path(folder))
        _sync(self.path.parent)
        fresh = self.directory / f"{CURRENT}.new"
        _write(fresh, json.dumps({"format": FORMAT, "generation": self.path.name}))
        _sync(fresh)
        os.replace(fresh, self.directory / CURRENT)  # noqa: PTH105 - the one atomic step
        _sync(self.directory)


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
        (directory / GENERATIONS).mkdir(parents=True, exist_ok=True)
    try:
        with writer_lock(directory / _LOCK):
            sweep(directory)
            # Read again: another writer may have finished while this one came for the lock.
            current = _readable(directory) if make else read_current(directory)
            draft = _begin(directory, current)
            try:
                yield draft
            finally:
                if _current_name(directory) != draft.path.name:
                    _remove(draft.path)
                    with contextlib.suppress(OSError):
                        (directory / f"{CURRENT}.new").unlink(missing_ok=True)
            sweep(directory)
    finally:
        if make and not existed and not (directory / CURRENT).exists():
            shutil.rmtree(directory, ignore_errors=True)


def _begin(directory: Path, current: Generation | None) -> Draft:
    number = 1 + max((_number(path) for path in (directory / GENERATIONS).iterdir()), default=0)
    path = directory / GENERATIONS / f"{number:06d}-{uuid.uuid4().hex[:8]}"
    path.mkdir()
    return Draft(directory, path, current.manifest.index_id if current else uuid.uuid4().hex, current)


def _number(generation: Path) -> int:
    match = re.match(r"\d+", generation.name)
    return int(match.group()) if match else 0


def check_replaceable(directory: Path) -> None:
    """Refuse to build into a directory that holds anything but an index.

    Raises:
        InputError: it is a file, or a directory with foreign files.
    """
    if directory.exists() and not directory.is_dir():
        raise InputError(f"expected a directory for the index, {directory} is a file")
    foreign = sorted(path.name for path in directory.iterdir() if path.name not in _OWN) if directory.exists() else []
    if foreign:
        raise InputError(
            f"{directory} is neither empty nor an index (it holds {', '.join(foreign[:3])}"
            f"{', …' if len(foreign) > 3 else ''}); choose another directory"
        )


def read_current(directory: Path) -> Generation:
    """The generation in use, its manifest read and checked.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is foreign, damaged, or of a newer format.
    """
    if not directory.is_dir() or not any(directory.iterdir()):
        what = "is empty" if directory.is_dir() else "is a file" if directory.exists() else "does not exist"
        raise IndexNotFoundError(f"no index: {directory} {what}; {_how_to_build(directory)}")
    pointer = directory / CURRENT
    if not pointer.exists():
        if any(path.name not in _OWN for path in directory.iterdir()):
            raise IndexFormatError(f"{directory} is not an index (it holds no {CURRENT}); name an index directory")
        raise IndexNotFoundError(f"no index: the build in {directory} never finished; {_how_to_build(directory)}")
    for _ in range(_TRIES):
        values = _read_json(pointer, directory)
        try:
            return _read_generation(directory, values.get("generation"))
        except IndexFormatError:
            if _read_json(pointer, directory) == values:
                raise
        # A writer has replaced the generation, and removed it, since the pointer was read.
    raise IndexFormatError(f"{directory} changes faster than it can be read; try again")


def _read_generation(directory: Path, name: object) -> Generation:
    if not isinstance(name, str) or not re.fullmatch(r"\d{6,}-[0-9a-f]{8}", name):
        raise IndexFormatError(
            f"{directory / CURRENT} names no generation; the index is damaged, {_how_to_build(directory)}"
        )
    path = directory / GENERATIONS / name
    if not (path / MANIFEST).is_file():
        raise IndexFormatError(f"{path / MANIFEST} is missing; the index is damaged, {_how_to_build(directory)}")
    values = _read_json(path / MANIFEST, directory)
    try:
        manifest = Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise IndexFormatError(
            f"{path / MANIFEST} is damaged ({where}: {first['msg']}); {_how_to_build(directory)}"
        ) from error
    return Generation(path, manifest)


def held_current(directory: Path) -> tuple[Generation, IO[bytes]]:
    """The generation in use, held so that no writer removes it until the file is closed.

    Raises:
        IndexNotFoundError, IndexFormatError: as :func:`read_current`.
    """
    for _ in range(_TRIES):  # a writer may replace it between the reading and the holding
        generation = read_current(directory)
        with contextlib.suppress(FileNotFoundError):
            held = hold_shared(generation.path / MANIFEST)
            if held is not None:
                return generation, held
    raise IndexFormatError(f"{directory} changes faster than it can be opened; try again")


def check_files(generation: Generation, *, digests: bool = False) -> list[str]:
    """What is wrong with the files of a generation: missing ones and other sizes, or contents where asked."""
    problems = []
    for name, record in generation.manifest.files.items():
        path = generation.path / name
        try:
            size = path.stat().st_size
        except OSError:
            problems.append(f"{path} is missing")
            continue
        if size != record.size:
            problems.append(f"{path} has {size} bytes, expected {record.size}")
        elif digests and _sha256(path) != record.sha256:
            problems.append(f"{path} has other contents than when it was written")
    store = generation.manifest.store
    if store and store.location == EMBEDDED and not (generation.path / EMBEDDED / "chroma.sqlite3").is_file():
        problems.append(f"{generation.path / EMBEDDED / 'chroma.sqlite3'} is missing")
    return problems


def file_records(generation: Path) -> dict[str, FileRecord]:
    """Records of all files that never change again: the embedded store is the one that touches its own."""
    paths = sorted(
        path
        for path in generation.rglob("*")
        if path.is_file() and path.relative_to(generation).parts[0] not in {EMBEDDED, MANIFEST}
    )
    return {
        path.relative_to(generation).as_posix(): FileRecord(size=path.stat().st_size, sha256=_sha256(path))
        for path in paths
    }


def sweep(directory: Path) -> None:
    """Remove half-made and replaced generations, as far as nobody holds them; call it under the writer's lock."""
    in_use = _current_name(directory)
    if in_use is None and (directory / CURRENT).exists():
        return  # an unreadable pointer: whatever it meant must not be deleted
    for path in (directory / GENERATIONS).iterdir() if (directory / GENERATIONS).is_dir() else ():
        if path.name != in_use:
            with unheld(path / MANIFEST) as free:
                if free:
                    _remove(path)
    with contextlib.suppress(OSError):
        (directory / f"{CURRENT}.new").unlink(missing_ok=True)


def _remove(generation: Path) -> None:
    _remove_collection(generation / STORE)
    shutil.rmtree(generation, ignore_errors=True)


def _remove_collection(note: Path) -> None:
    """Remove a generation's collection from a server; one that does not answer keeps it, with a warning."""
    try:
        store = StoreRecord.model_validate_json(note.read_bytes())
    except (OSError, ValueError):
        return
    if store.location == EMBEDDED:
        return
    from rag.errors import StoreUnavailableError
    from retrievers.chroma import delete_collection

    try:
        delete_collection(store.location, store.collection)
    except StoreUnavailableError as error:
        logger.warning("collection %s stays behind: %s", store.collection, error)


def _readable(directory: Path) -> Generation | None:
    try:
        return read_current(directory)
    except (IndexNotFoundError, IndexFormatError):
        return None


def _current_name(directory: Path) -> str | None:
    try:
        values = json.loads((directory / CURRENT).read_bytes())
        return str(values["generation"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _read_json(path: Path, directory: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_bytes())
        version = values["format"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise IndexFormatError(f"{path} is damaged or foreign; {_how_to_build(directory)}") from error
    if not isinstance(version, int) or not 1 <= version <= FORMAT:
        raise IndexFormatError(
            f"the index {directory} has format {version}, this version reads up to {FORMAT}; "
            f"update the toolkit or {_how_to_build(directory)}"
        )
    return dict(values)


def _how_to_build(directory: Path) -> str:
    return f"build it with: python -m rag.index build PATH --index {directory}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _sync(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # directories cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
