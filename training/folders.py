"""Folders that appear whole or not at all."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evals.files import writing
from retrievers.errors import InputError


def require_free(path: Path, *, flag: str, replace: bool = False) -> None:
    """Tell before any work is done that the result would have no place.

    Args:
        path: of the folder to be.
        flag: that named it, for the message.
        replace: whether a folder there may be replaced.

    Raises:
        InputError: something is there already, or a file is where a folder is to be replaced.
    """
    if path.is_dir():
        if not replace and any(path.iterdir()):
            raise InputError(f"{flag} {path} exists already; choose another place, or replace it with --force")
    elif path.exists() or path.is_symlink():
        raise InputError(f"{flag} {path} is no folder; choose another place")


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to write in, which becomes ``path`` when the block ends without an error and vanishes otherwise.

    A folder that is there before is replaced, and stays as it was when the block fails.

    Raises:
        InputError: the place cannot be written to.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    try:
        made = work / "new"
        made.mkdir()
        yield made
        with writing(path):
            _exchange(path, made, work / "old")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _exchange(path: Path, new: Path, old: Path) -> None:
    if not path.exists():
        new.replace(path)
        return
    path.replace(old)
    try:
        new.replace(path)
    except BaseException:
        old.replace(path)
        raise


def folder_bytes(folder: Path) -> int:
    """Size of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
