"""Finished parts of a build that is not finished, for the next try after a crash.

One SQLite file in the index's directory: the digest of everything that made a part is its key, so that what is found is
right whatever has changed since. A part is there whole or not at all, also after a loss of power; one whose content
does not match its own digest is taken for missing, and a file that is damaged throughout is begun anew.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import shutil
import sqlite3
import sys
from collections.abc import Iterable
from contextlib import AbstractContextManager
from importlib import metadata
from pathlib import Path
from typing import Protocol

from typing_extensions import override

_FILE = "parts.sqlite"
_SCHEMA = "CREATE TABLE IF NOT EXISTS parts (key BLOB PRIMARY KEY, digest BLOB NOT NULL, content BLOB NOT NULL)"
# Whose results the parts are, besides the project's own code.
_PACKAGES = (
    "pymorphy3", "pymorphy3-dicts-ru", "snowballstemmer", "razdel", "slovnet", "navec", "natasha",
    "numpy", "scipy", "onnxruntime", "tokenizers", "torch", "transformers", "sentence-transformers",
)  # fmt: skip
_CODE = ("rag", "retrievers")

logger = logging.getLogger(__name__)


class Parts(AbstractContextManager["Parts"], Protocol):
    """Finished parts by their keys."""

    def get(self, key: bytes) -> bytes | None:
        """A part, None where there is none that is whole."""
        ...

    def put(self, parts: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep parts with their keys."""
        ...


class NoStaging(Parts):
    """Keeps nothing."""

    @override
    def __exit__(self, *_: object) -> None: ...

    @override
    def get(self, key: bytes) -> bytes | None:
        return None

    @override
    def put(self, parts: Iterable[tuple[bytes, bytes]]) -> None: ...


class Staging(Parts):
    """Keeps parts in a folder.

    Args:
        folder: made if needed; only the holder of the index's lock may open it.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            self._database = _open(folder / _FILE)
        except sqlite3.DatabaseError as error:
            logger.warning("%s is damaged (%s); what it held is made again", folder, error)
            discard(folder)
            folder.mkdir()
            self._database = _open(folder / _FILE)

    @override
    def __exit__(self, *_: object) -> None:
        self._database.close()

    @override
    def get(self, key: bytes) -> bytes | None:
        try:
            row = self._database.execute("SELECT digest, content FROM parts WHERE key = ?", (key,)).fetchone()
        except sqlite3.DatabaseError:
            return None
        if row is None or hashlib.sha256(row[1]).digest() != row[0]:
            return None
        return bytes(row[1])

    @override
    def put(self, parts: Iterable[tuple[bytes, bytes]]) -> None:
        """Keep parts, all of them or none; they replace others of the same keys.

        Raises:
            OSError: the disk is full, or cannot be written to.
        """
        rows = [(key, hashlib.sha256(content).digest(), content) for key, content in parts]
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?)", rows)
        except sqlite3.OperationalError as error:
            raise OSError(f"finished parts of the build cannot be kept: {error}") from error


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    try:
        # A killed process loses nothing that way, a loss of power the last moments but never the file.
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        with database:
            database.execute(_SCHEMA)
    except BaseException:
        database.close()
        raise
    return database


def discard(folder: Path) -> None:
    """Remove what was kept; nothing happens where nothing was."""
    with contextlib.suppress(FileNotFoundError):
        shutil.rmtree(folder)


def recipe_digest(*recipe: str) -> bytes:
    """Digest of what makes parts: what the caller names, this project's code and the packages that it stands on."""
    digest = hashlib.sha256()
    for part in (*recipe, sys.version, *map(_version, _PACKAGES)):
        digest.update(part.encode() + b"\0")
    root = Path(__file__).parents[2]
    for path in sorted(path for package in _CODE for path in (root / package).rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.digest()


def part_key(recipe: bytes, *inputs: str) -> bytes:
    """Key of what a recipe makes of some inputs."""
    digest = hashlib.sha256(recipe)
    for part in inputs:
        encoded = part.encode()
        digest.update(len(encoded).to_bytes(8) + encoded)
    return digest.digest()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "none"
