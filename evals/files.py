"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import glob
import io
import json
import mmap
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self, TextIO

from retrievers.errors import InputError

# What the system says when a disk is full or fails; any other OSError in a block that writes is the block's own.
_DISK_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


@contextmanager
def atomic_write(path: Path) -> Iterator[TextIO]:
    """:func:`atomic_write_bytes` for UTF-8 text."""
    with atomic_write_bytes(path) as raw:
        text = io.TextIOWrapper(raw, encoding="utf-8", newline="\n")
        try:
            yield text
        finally:
            text.detach()  # writes what it holds back; the bytes below it are closed by their owner


@contextmanager
def atomic_write_bytes(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file beside ``path``; it takes the name when the block ends without an error.

    Raises:
        InputError: the place cannot be written to, or the disk is full; a file that was there before is left as it was.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=_prefix(path))
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        with writing(path):
            Path(name).chmod(0o644)
            Path(name).replace(path)
    except BaseException as error:
        Path(name).unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno in _DISK_ERRORS:
            raise _unwritable(path, error) from error
        raise


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Name the file when the system refuses to write it.

    Raises:
        InputError: for any OSError of the block.
    """
    try:
        yield
    except OSError as error:
        raise _unwritable(path, error) from error


def remove_leftovers(path: Path) -> None:
    """Remove the temporary files of writes of ``path`` that were killed; nobody else may be writing it."""
    for leftover in path.parent.glob(f"{glob.escape(_prefix(path))}*"):
        leftover.unlink(missing_ok=True)


class LineAppender:
    """Appends lines to a file, each handed to the operating system before the next one is taken.

    A kill may cut the last line short: :func:`drop_torn_line` before the file is read again.

    Args:
        path: of the file, made if needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: io.FileIO

    def __enter__(self) -> Self:
        with writing(self._path):
            self._file = self._path.open("ab", buffering=0)
        return self

    def append(self, line: str) -> None:
        """Add one line, which ends with a line break.

        Raises:
            InputError: the disk is full or fails.
        """
        left = memoryview(line.encode("utf-8"))
        with writing(self._path):
            while left:
                left = left[self._file.write(left) :]

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def drop_torn_line(path: Path) -> None:
    """Cut off what follows the last line break: the line that was being written when its process was killed."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb+") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            size, end = len(content), content.rfind(b"\n") + 1
        if end < size:
            file.truncate(end)


def write_json(path: Path, value: dict[str, Any]) -> None:
    """Write an indented JSON object; the file appears whole or not at all."""
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1)
        file.write("\n")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object.

    Raises:
        InputError: the file cannot be read, or holds something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:  # not UTF-8, not JSON, a number without end
        raise InputError(f"{path} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise InputError(f"{path}: expected a JSON object")
    return value


def _prefix(path: Path) -> str:
    return f".{path.name}-"


def _unwritable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path}: cannot be written: {error.strerror or error}")
