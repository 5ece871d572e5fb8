"""How an index lies on disk, and how one version of it gives way to the next.

::

    DIR/
      CURRENT.json              names the generation in use; replaced by one os.replace
      .lock                     held by the writer
      generations/
        000002-3f9c1a7e/
          manifest.json         what the generation is; written last, held by readers
          deleted/              documents that it no longer has, an array for each segment
          copy/                 the two above once more: nothing else tells what they tell
          tfidf/                the TF-IDF baseline, where the index stores it
      segments/
        000001-9ab3c2d1/        some documents with all that is made of them; never changed
          store.json            where its vectors are, noted before they are made
          sources.sqlite        documents, chunks and their terms
          documents.npy         position and number of chunks of each document
          fingerprints.npy      a number for each vector, to know it by
          bm25/                 counts of terms
          chroma/               vectors, unless they are in a store of their own
      encoders/
        000001-77aa01bc/        state of the static encoder

A change writes what is new into a segment beside the others and makes a new generation, whole and synced to disk,
before ``CURRENT.json`` turns to it: adding a document costs what the document costs. A document that is removed or
replaced is only noted as deleted, until its segment is merged with others. Whatever stops a writer before the switch
(Ctrl-C, a full disk, a crash) leaves the old generation in use; the half-made one is removed on the spot, or by the
next writer where the process died. A generation that is no longer in use is removed when no reader holds it, segments
and encoders when no generation names them. A segment's vectors in a store elsewhere go with the segment.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from pydantic import ValidationError

from rag.errors import IndexFormatError, IndexNotFoundError
from rag.index.locks import hold_shared
from rag.index.manifest import FORMAT, NAME, REMEDY, FileRecord, Manifest

CURRENT = "CURRENT.json"
MANIFEST = "manifest.json"
GENERATIONS = "generations"
SEGMENTS = "segments"
ENCODERS = "encoders"
STORE = "store.json"
EMBEDDED = "chroma"
DATABASE = "chroma.sqlite3"
STAGING = ".staging"
DELETED = "deleted"
COPY = "copy"
LOCK = ".lock"
_GRAPH_IS_KEPT = "index_metadata.pickle"  # Chroma writes it with the first 1 000 vectors, and nothing here reads it
_TRIES = 20  # a writer may switch while the pointer is followed; never so many times
OWN = {CURRENT, f"{CURRENT}.new", GENERATIONS, SEGMENTS, ENCODERS, STAGING, LOCK}


@dataclass(frozen=True)
class Generation:
    """A published generation."""

    path: Path
    manifest: Manifest

    @property
    def directory(self) -> Path:
        """Directory of the index."""
        return self.path.parent.parent

    @property
    def encoder(self) -> Path | None:
        """Directory of the static encoder's state."""
        name = self.manifest.encoder_state
        return None if name is None else self.directory / ENCODERS / name

    def segment(self, name: str) -> Path:
        """Directory of a segment."""
        return self.directory / SEGMENTS / name

    def deleted(self, segment: str) -> Path:
        """File of the positions of the documents that are deleted from a segment; absent where none is."""
        return self.path / DELETED / f"{segment}.npy"


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
        if any(path.name not in OWN for path in directory.iterdir()):
            raise IndexFormatError(f"{directory} is not an index (it holds no {CURRENT}); name an index directory")
        if any((directory / GENERATIONS).glob(f"*/{MANIFEST}")):
            raise IndexNotFoundError(f"no index: {pointer} was lost, or the build died with its last step; {REMEDY}")
        raise IndexNotFoundError(f"no index: the build in {directory} never finished; {_how_to_build(directory)}")
    for _ in range(_TRIES):
        values = _read_json(pointer, directory)
        try:
            generation = read_generation(directory, values.get("generation"))
            _require_digest(generation.path / MANIFEST, values.get("manifest_sha256"))
        except IndexFormatError:
            if _read_json(pointer, directory) == values:
                raise
        else:
            return generation
        # A writer has replaced the generation, and removed it, since the pointer was read.
    raise IndexFormatError(f"{directory} changes faster than it can be read; try again")


def read_generation(directory: Path, name: object) -> Generation:
    """The generation of this name, its manifest read and checked.

    Raises:
        IndexFormatError: it is missing, damaged, or of another format.
    """
    if not isinstance(name, str) or not re.fullmatch(NAME, name):
        raise IndexFormatError(f"{directory / CURRENT} names no generation; the index is damaged, {REMEDY}")
    path = directory / GENERATIONS / name
    return Generation(path, read_manifest(path / MANIFEST, directory))


def read_manifest(path: Path, directory: Path) -> Manifest:
    """A manifest, or its copy.

    Raises:
        IndexFormatError: it is missing, damaged, or of another format.
    """
    if not path.is_file():
        raise IndexFormatError(f"{path} is missing; the index is damaged, {REMEDY}")
    values = _read_json(path, directory)
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise IndexFormatError(f"{path} is damaged ({where}: {first['msg']}); {REMEDY}") from error


def _require_digest(manifest: Path, expected: object) -> None:
    try:
        found = sha256_of(manifest)
    except OSError:
        found = None
    if found != expected:
        raise IndexFormatError(
            f"{manifest} has other contents than when it was written; the index is damaged, {REMEDY}"
        )


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
    manifest = generation.manifest
    problems = [*damaged_files(generation.path, manifest.files, digests=digests).values()]
    if generation.encoder is not None:
        problems += damaged_files(generation.encoder, manifest.encoder_files, digests=digests).values()
    embedded = manifest.store is not None and manifest.store.location == EMBEDDED
    for segment in manifest.segments:
        path = generation.segment(segment.name)
        problems += damaged_files(path, segment.files, digests=digests).values()
        if embedded and not (path / EMBEDDED / DATABASE).is_file():
            problems.append(f"{path / EMBEDDED / DATABASE} is missing")
    return problems


def require_whole(generation: Generation) -> None:
    """Refuse a generation whose files are not what was written.

    Raises:
        IndexFormatError: a file is missing or has another size.
    """
    problems = check_files(generation)
    if problems:
        raise IndexFormatError(f"the index is damaged: {problems[0]}; {REMEDY}")


def damaged_files(folder: Path, files: dict[str, FileRecord], *, digests: bool = True) -> dict[str, str]:
    """What is wrong with recorded files, by name; those that are as they were written are left out."""
    problems: dict[str, str] = {}
    for name, record in files.items():
        path = folder / name
        try:
            size = path.stat().st_size
        except OSError:
            problems[name] = f"{path} is missing"
            continue
        if size != record.size:
            problems[name] = f"{path} has {size} bytes, expected {record.size}"
        elif digests and sha256_of(path) != record.sha256:
            problems[name] = f"{path} has other contents than when it was written"
    return problems


def file_records(folder: Path) -> dict[str, FileRecord]:
    """Records of all files that never change again; of the embedded store, only those that reading does not touch."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file() and path.relative_to(folder).parts[0] != MANIFEST and not _is_touched(path, folder)
    )
    return {
        path.relative_to(folder).as_posix(): FileRecord(size=path.stat().st_size, sha256=sha256_of(path))
        for path in paths
    }


def _is_touched(path: Path, folder: Path) -> bool:
    """Whether reading changes a file: Chroma does so with its database, and with a graph too small to be kept."""
    if path.relative_to(folder).parts[0] != EMBEDDED:
        return False
    return path.parent == folder / EMBEDDED or not (path.parent / _GRAPH_IS_KEPT).exists()


def current_name(directory: Path) -> str | None:
    """Name of the generation in use, None where the pointer cannot be read."""
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
        raise IndexFormatError(f"{path} is damaged or foreign; {REMEDY}") from error
    if isinstance(version, int) and 1 <= version < FORMAT:
        raise IndexFormatError(
            f"the index {directory} has format {version}, which an earlier version wrote; {_how_to_build(directory)}"
        )
    if version != FORMAT:
        raise IndexFormatError(
            f"the index {directory} has format {version}, this version reads {FORMAT}; "
            f"update the toolkit or {_how_to_build(directory)}"
        )
    return dict(values)


def _how_to_build(directory: Path) -> str:
    return f"build it with: python -m rag.index build PATH --index {directory}"


def write_text(path: Path, text: str) -> None:
    """Write a small file of an index."""
    path.write_text(text, encoding="utf-8")


def sync(path: Path) -> None:
    """Have the system write a file or a directory to disk."""
    if os.name == "nt" and path.is_dir():  # directories cannot be opened there
        return
    handle = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Have the system write a directory with all that is in it to disk, its own name included."""
    for path, _, names in os.walk(folder):
        for name in names:
            sync(Path(path, name))
        sync(Path(path))
    sync(folder.parent)


def sha256_of(path: Path) -> str:
    """Digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
