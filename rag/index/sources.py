"""The documents of a segment, their chunks and terms in one SQLite file: written once, then only read.

A chunk is stored as offsets: its text is the slice of its document's text, so a citation's offsets cannot be wrong.
Local rows are numbered from 0 without gaps in the order in which the documents were put; the segment's BM25 arrays
follow it too. A document's position is its place in the order of the whole index.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError, InputError
from rag.index.manifest import REMEDY
from retrievers.documents import make_chunk_id

_AT_ONCE = 500  # SQL variables in one statement

# Pages of 16 KB: a long text has fewer of them to walk through on the way to a slice. It stands last, so that who asks
# for the other columns does not walk through it.
_SCHEMA = """
PRAGMA page_size = 16384;
CREATE TABLE documents (
    position INTEGER PRIMARY KEY,
    doc_id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    metadata TEXT NOT NULL,
    digest TEXT NOT NULL,
    text TEXT NOT NULL
);
CREATE TABLE chunks (
    position INTEGER NOT NULL REFERENCES documents,
    chunk_index INTEGER NOT NULL,
    row INTEGER NOT NULL,
    chunk_id TEXT NOT NULL UNIQUE,
    start INTEGER NOT NULL,
    end INTEGER NOT NULL,
    first_byte INTEGER NOT NULL,
    last_byte INTEGER NOT NULL,
    headings TEXT NOT NULL,
    metadata TEXT NOT NULL,
    terms TEXT NOT NULL,
    PRIMARY KEY (position, chunk_index)
) WITHOUT ROWID;
CREATE UNIQUE INDEX by_row ON chunks (row);
"""
_CHUNK = (
    "SELECT c.row, c.position, c.chunk_index, c.start, c.end, c.first_byte, c.last_byte, c.headings, c.metadata, "
    "d.doc_id, d.title, d.metadata FROM chunks c JOIN documents d USING (position)"
)


@dataclass(frozen=True, slots=True)
class ChunkRow:
    """A chunk of a document as it is stored.

    Args:
        chunk_index: its number in the document, from 0.
        start: offset of its first character in the document's text.
        end: offset just past its last character.
        headings: heading path.
        metadata: what it carries beyond identity, title, headings, offsets and the document's own metadata.
        terms: analysed terms of its search text, joined by spaces.
    """

    chunk_index: int
    start: int
    end: int
    headings: str
    metadata: dict[str, Any]
    terms: str


class SourceWriter:
    """The writing side: the documents and chunks of a new segment.

    Args:
        path: of the database file, which must not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._naming_errors():
            self._database = sqlite3.connect(path, isolation_level=None)
        self._closing = weakref.finalize(self, self._database.close)
        self._documents: list[tuple[int, int]] = []
        self._rows = 0
        try:
            with self._naming_errors():
                # Nobody reads a draft, and it is synced as a whole before it is published.
                self._database.execute("PRAGMA synchronous = OFF")
                self._database.executescript(_SCHEMA)
                self._database.execute("PRAGMA journal_mode = MEMORY")
                self._database.execute("BEGIN")
        except BaseException:
            self._database.close()
            raise

    @contextlib.contextmanager
    def _naming_errors(self) -> Iterator[None]:
        """Say of what SQLite could not write as Python says it of other files."""
        try:
            yield
        except sqlite3.OperationalError as error:
            full = error.sqlite_errorcode == sqlite3.SQLITE_FULL
            raise OSError(errno.ENOSPC if full else errno.EIO, str(error), str(self._path)) from error

    @property
    def chunks(self) -> int:
        """Number of chunks so far."""
        return self._rows

    def close(self) -> None:
        """Close without keeping what :meth:`finish` did not."""
        self._database.close()

    def put(self, position: int, source: SourceDocument, chunks: Sequence[ChunkRow]) -> None:
        """Store a document and its chunks.

        Args:
            position: place of the document in the order of the whole index.
            source: the document.
            chunks: its chunks, in order.

        Raises:
            InputError: a text that SQLite cannot hold.
            OSError: the disk is full, or cannot be written to.
        """
        with self._naming_errors():
            self._put(position, source, chunks)
        self._documents.append((position, len(chunks)))
        self._rows += len(chunks)

    def _put(self, position: int, source: SourceDocument, chunks: Sequence[ChunkRow]) -> None:
        try:
            self._database.execute(
                "INSERT INTO documents (position, doc_id, title, text, metadata, digest) VALUES (?, ?, ?, ?, ?, ?)",
                (position, source.doc_id, source.title, source.text, _json(source.metadata), source.digest),
            )
        except UnicodeEncodeError as error:
            raise InputError(
                f"document {source.doc_id!r} holds characters that are not valid Unicode: {error}"
            ) from error
        self._database.executemany(
            "INSERT INTO chunks (position, chunk_index, row, chunk_id, start, end, first_byte, last_byte, headings, "
            "metadata, terms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    position,
                    chunk.chunk_index,
                    row,
                    make_chunk_id(source.doc_id, chunk.chunk_index),
                    chunk.start,
                    chunk.end,
                    *span,
                    chunk.headings,
                    _json(chunk.metadata),
                    chunk.terms,
                )
                for row, (chunk, span) in enumerate(
                    zip(chunks, _byte_spans(source.text, chunks), strict=True), start=self._rows
                )
            ],
        )

    def finish(self) -> NDArray[np.int64]:
        """Keep everything.

        Returns:
            Position and number of chunks of each document in the order of the rows, array of shape (n_documents, 2).
        """
        with self._naming_errors():
            self._database.execute("COMMIT")
        return np.asarray(self._documents, np.int64).reshape(-1, 2)


class SourceTable:
    """The reading side: the documents and chunks of one segment by local row; safe to share between threads.

    Chunks it returns are new every time, so a caller may change them.

    Args:
        path: of the database file; it must not change while the table is open.

    Raises:
        IndexFormatError: the file is not such a database, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        if not path.is_file():
            raise IndexFormatError(f"{path} is missing; the index is damaged, {REMEDY}")
        self._database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._closing = weakref.finalize(self, self._database.close)  # with the table, where nobody closes it
        try:
            self._query("SELECT position FROM documents LIMIT 1")
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the database; the table cannot be used afterwards."""
        self._closing()

    def chunks(self, rows: Sequence[int]) -> dict[int, Document]:
        """Chunks by local row; unknown rows are absent."""
        return {row: chunk for row, _, chunk in self._chunks("row", list(rows))}

    def chunks_by_id(self, chunk_ids: Sequence[str]) -> dict[str, tuple[int, Document]]:
        """Chunks by id, with their document's position; unknown ids are absent."""
        return {str(chunk.id): (position, chunk) for _, position, chunk in self._chunks("chunk_id", list(chunk_ids))}

    def position(self, doc_id: str) -> int | None:
        """Position of a document, None for an unknown id."""
        rows = self._query("SELECT position FROM documents WHERE doc_id = ?", (doc_id,))
        return int(rows[0][0]) if rows else None

    def doc_id(self, position: int) -> str:
        """Id of a document."""
        return str(self._query("SELECT doc_id FROM documents WHERE position = ?", (position,))[0][0])

    def digest(self, position: int) -> str:
        """Digest of a document as it was stored."""
        return str(self._query("SELECT digest FROM documents WHERE position = ?", (position,))[0][0])

    def text(self, position: int) -> str:
        """Text of a document."""
        return str(self._query("SELECT text FROM documents WHERE position = ?", (position,))[0][0])

    def document(self, position: int) -> SourceDocument:
        """A document."""
        row = self._query("SELECT doc_id, title, text, metadata FROM documents WHERE position = ?", (position,))[0]
        doc_id, title, text, metadata = row
        return SourceDocument(doc_id=doc_id, title=title, text=text, metadata=json.loads(metadata))

    def chunk_rows(self, position: int) -> list[ChunkRow]:
        """Chunks of a document as they are stored."""
        rows = self._query(
            "SELECT chunk_index, start, end, headings, metadata, terms FROM chunks WHERE position = ? "
            "ORDER BY chunk_index",
            (position,),
        )
        return [
            ChunkRow(index, start, end, headings, json.loads(metadata), terms)
            for index, start, end, headings, metadata, terms in rows
        ]

    def document_chunks(self, position: int) -> list[Document]:
        """Chunks of a document, in order."""
        return [chunk for _, _, chunk in sorted(self._chunks("position", [position]), key=lambda found: found[0])]

    def facts(self) -> list[tuple[int, str, str, str]]:
        """Position, id, title and digest of every document."""
        return [
            (int(position), str(doc_id), str(title), str(digest))
            for position, doc_id, title, digest in self._query("SELECT position, doc_id, title, digest FROM documents")
        ]

    def size(self, position: int) -> tuple[int, int]:
        """Characters and chunks of a document."""
        row = self._query(
            "SELECT length(text), (SELECT count(*) FROM chunks c WHERE c.position = d.position) "
            "FROM documents d WHERE position = ?",
            (position,),
        )[0]
        return int(row[0]), int(row[1])

    def spans(self, position: int) -> list[tuple[str, int, int]]:
        """Id, start and end of a document's chunks, in order."""
        rows = self._query(
            "SELECT chunk_id, start, end FROM chunks WHERE position = ? ORDER BY chunk_index", (position,)
        )
        return [(str(chunk_id), int(start), int(end)) for chunk_id, start, end in rows]

    def chunk_ids(self) -> list[str]:
        """Ids of all chunks in the order of the rows."""
        return [str(chunk_id) for (chunk_id,) in self._query("SELECT chunk_id FROM chunks ORDER BY row")]

    def terms(self, start: int, stop: int) -> list[list[str]]:
        """Terms of the search texts of the chunks of these rows, in their order."""
        rows = self._query("SELECT terms FROM chunks WHERE row >= ? AND row < ? ORDER BY row", (start, stop))
        return [str(terms).split(" ") if terms else [] for (terms,) in rows]

    def terms_of(self, rows: Sequence[int]) -> dict[int, list[str]]:
        """Terms by row."""
        found: dict[int, list[str]] = {}
        for batch in _batches(rows):
            marks = ", ".join("?" * len(batch))
            for row, terms in self._query(f"SELECT row, terms FROM chunks WHERE row IN ({marks})", batch):
                found[int(row)] = str(terms).split(" ") if terms else []
        return found

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        return [f"{self._path}: {line}" for (line,) in self._query("PRAGMA integrity_check") if line != "ok"]

    def _query(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise IndexFormatError(f"{self._path} is damaged ({error}); {REMEDY}") from error

    def _chunks(self, column: str, keys: Sequence[Any]) -> Iterator[tuple[int, int, Document]]:
        """Local row, position and chunk where ``column`` has one of these values."""
        for batch in _batches(keys):
            rows = self._query(f"{_CHUNK} WHERE c.{column} IN ({', '.join('?' * len(batch))})", batch)
            texts = self._texts([(row[1], row[5], row[6]) for row in rows])
            yield from ((row[0], row[1], _chunk(row, text)) for row, text in zip(rows, texts, strict=True))

    def _texts(self, slices: list[tuple[int, int, int]]) -> list[str]:
        """Slices of document texts by bytes: reading them through a blob is five times faster than ``substr``."""
        texts = [""] * len(slices)
        with self._lock, contextlib.ExitStack() as opened:
            try:
                blobs: dict[int, sqlite3.Blob] = {}
                for index, (position, first, last) in enumerate(slices):
                    if position not in blobs:
                        blob = self._database.blobopen("documents", "text", position, readonly=True)
                        blobs[position] = opened.enter_context(blob)
                    blobs[position].seek(first)
                    texts[index] = blobs[position].read(last - first).decode("utf-8")
            except (sqlite3.DatabaseError, ValueError, IndexError) as error:
                raise IndexFormatError(f"{self._path} is damaged ({error}); {REMEDY}") from error
        return texts


def chunk_ids_sha256(chunk_ids: Iterable[str]) -> str:
    """Digest of chunk ids in row order."""
    digest = hashlib.sha256()
    for chunk_id in chunk_ids:
        digest.update(chunk_id.encode() + b"\n")
    return digest.hexdigest()


def _batches(keys: Sequence[Any]) -> Iterator[list[Any]]:
    return (list(keys[start : start + _AT_ONCE]) for start in range(0, len(keys), _AT_ONCE))


def _chunk(row: Sequence[Any], text: str) -> Document:
    _, _, index, start, end, _, _, headings, own, doc_id, title, inherited = row
    chunk_id = make_chunk_id(doc_id, index)
    metadata = {
        **json.loads(inherited),
        **json.loads(own),
        "doc_id": doc_id,
        "chunk_id": chunk_id,
        "chunk_index": index,
        "title": title,
        "headings": headings,
        "start": start,
        "end": end,
    }
    return Document(id=chunk_id, page_content=text, metadata=metadata)


def _byte_spans(text: str, chunks: Sequence[ChunkRow]) -> list[tuple[int, int]]:
    """Spans of the chunks in the UTF-8 form of ``text``."""
    marks = sorted({mark for chunk in chunks for mark in (chunk.start, chunk.end)})
    at_byte: dict[int, int] = {}
    before, total = 0, 0
    for mark in marks:
        total += len(text[before:mark].encode())
        before = mark
        at_byte[mark] = total
    return [(at_byte[chunk.start], at_byte[chunk.end]) for chunk in chunks]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True)
