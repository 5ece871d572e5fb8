"""Reading documents: files of one document, files of rows, and folders of either kind of the first."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from rag.documents.readers.csv import read_csv
from rag.documents.readers.docx import read_docx
from rag.documents.readers.files import FileReader, Found, Place, unreadable
from rag.documents.readers.html import read_html
from rag.documents.readers.jsonl import read_jsonl
from rag.documents.readers.markdown import read_markdown
from rag.documents.readers.parquet import read_parquet
from rag.documents.readers.pdf import read_pdf
from rag.documents.readers.plain import read_plain
from rag.documents.rows import SourceDocument
from retrievers.errors import InputError

Reader = TypeVar("Reader")

_LOGGER = logging.getLogger(__name__)

FILE_READERS: Mapping[str, FileReader] = {
    ".txt": read_plain,
    ".md": read_markdown,
    ".markdown": read_markdown,
    ".html": read_html,
    ".htm": read_html,
    ".pdf": read_pdf,
    ".docx": read_docx,
}
"""Readers of files that are one document each, by suffix; folders are searched for these."""

ROW_READERS: Mapping[str, Callable[[Path], Iterator[Found]]] = {
    ".jsonl": read_jsonl,
    ".jsonl.gz": read_jsonl,
    ".csv": read_csv,
    ".parquet": read_parquet,
}
"""Readers of files with many documents, by suffix; they are read when named, not when found in a folder."""


def read_sources(paths: Iterable[str | Path]) -> Iterator[SourceDocument]:
    """Documents of files and folders, one by one, always in the same order.

    Files come in the order given, those of a folder (searched with its sub-folders) by their path. A file of one
    document is known by its path inside the folder, or by its name when given itself, unless it states a ``doc_id``.
    Documents without text are passed over with a warning.

    Args:
        paths: .jsonl, .jsonl.gz, .csv, .parquet, .txt, .md, .html, .pdf and .docx files, and folders of the last five.

    Raises:
        InputError: a path, file or document cannot be used; the message names file and line, and says what to do.
        MissingExtraError: a format needs packages of the extra ``docs``.
    """
    seen: dict[str, Place] = {}
    for path in map(Path, paths):
        for place, source in _read(path):
            first = seen.setdefault(source.doc_id, place)
            if first is not place:
                again = " (the same file, given twice?)" if first == place else ""
                raise InputError(
                    f"the doc_id {source.doc_id!r} stands twice: at {first} and at {place}{again}; "
                    "give every document an identity of its own"
                )
            if source.text.strip():
                yield source
            else:
                _LOGGER.warning("%s: the document %r has no text and is left out", place, source.doc_id)


def _read(path: Path) -> Iterator[Found]:
    if path.is_dir():
        yield from _read_folder(path)
        return
    if not path.exists():
        raise InputError(f"{path}: no such file or folder (looked from {Path.cwd()})")
    if rows := _by_suffix(path, ROW_READERS):
        yield from rows(path)
    elif reader := _by_suffix(path, FILE_READERS):
        yield Found(Place(str(path)), reader(path, path.name))
    else:
        raise InputError(
            f"{path}: files of this kind are not read; expected one of {', '.join([*ROW_READERS, *FILE_READERS])}"
        )


def _by_suffix(path: Path, readers: Mapping[str, Reader]) -> Reader | None:
    name = path.name.lower()
    return next((reader for suffix, reader in readers.items() if name.endswith(suffix)), None)


def _read_folder(folder: Path) -> Iterator[Found]:
    read = 0
    others: list[str] = []
    for relative in _files_below(folder):
        path = folder / relative
        reader = _by_suffix(path, FILE_READERS)
        if reader is None:
            others.append(relative)
            continue
        read += 1
        yield Found(Place(str(path)), reader(path, relative))
    if others:
        tables = [name for name in others if _by_suffix(Path(name), ROW_READERS)]
        advice = f"; name a file of rows itself to have it read: {tables[0]}" if tables else ""
        _LOGGER.warning("%s: %d files of other kinds were left out, first %s%s", folder, len(others), others[0], advice)
    if not read:
        raise InputError(f"{folder}: no documents in this folder; expected files like {', '.join(FILE_READERS)}")


def _files_below(folder: Path) -> list[str]:
    """POSIX paths of the files of a folder and its sub-folders, sorted; hidden ones and Word's lock files left out."""

    def fail(error: OSError) -> None:
        raise unreadable(Path(error.filename or folder), error) from error

    found: list[str] = []
    for parent, folders, names in os.walk(folder, onerror=fail):
        folders[:] = [name for name in folders if not name.startswith(".")]
        below = Path(parent).relative_to(folder)
        found += [(below / name).as_posix() for name in names if not name.startswith((".", "~$"))]
    return sorted(found)
