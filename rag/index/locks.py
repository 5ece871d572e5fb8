"""Locks on files that end with their process: one writer an index, and readers that keep their generation alive."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rag.errors import IndexLockedError

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes], *, shared: bool) -> bool:
        if shared:  # an open file cannot be deleted there, which is protection enough
            return True
        try:
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def _lock(file: IO[bytes], *, shared: bool) -> bool:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Hold the lock file ``path`` (made if needed, never removed) while the block runs.

    The lock goes with the process that holds it, so one that was killed leaves nothing behind.

    Raises:
        IndexLockedError: another process, or another thread of this one, holds it.
    """
    with path.open("a+b") as file:
        if not _lock(file, shared=False):
            file.seek(0)
            owner = file.read(64).decode(errors="replace").strip() or "unknown"
            raise IndexLockedError(
                f"the index {path.parent} is being written by process {owner}; wait for it to finish and try again"
            )
        file.truncate(0)
        file.write(str(os.getpid()).encode())
        file.flush()
        yield  # closing the file releases the lock


def hold_shared(path: Path) -> IO[bytes] | None:
    """Open ``path`` and hold it against :func:`unheld`; close the file to let go. None while it is being removed."""
    file = path.open("rb")
    if _lock(file, shared=True) and path.exists():
        return file
    file.close()
    return None


@contextlib.contextmanager
def unheld(path: Path) -> Iterator[bool]:
    """Whether nobody holds ``path``; while the block runs nobody can begin to."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        yield True
        return
    with file:
        yield _lock(file, shared=False)
