"""Documents, chunks and their terms in one SQLite file, and the chunks as a lazy sequence.

A chunk is stored as offsets: its text is the slice of its document's text, so a citation's offsets cannot be wrong.
Rows are numbered from 0 without gaps in document order; BM25 and TF-IDF arrays follow the same order.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, overload

from langchain_core.documents import Document

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError, InputError
from retrievers.documents import make_chunk_id

_AT_ONCE = 500  # SQL variables in one statement
# Pages of 16 KB: a long text has fewer of them to walk through on the way to a slice.
_SCHEMA = """
PRAGMA page_size = 16384;
CREATE TABLE documents (
    position INTEGER PRIMARY KEY,
    doc_id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    text TEXT NOT NULL,
    metadata TEXT NOT NULL,
    digest TEXT NOT NULL
);
CREATE TABLE chunks (
    position INTEGER NOT NULL REFERENCES documents,
    chunk_index INTEGER NOT NULL,
    row INTEGER,
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
CREATE INDEX by_row ON chunks (row);
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


class SourceStore:
    """The writing side: one draft's documents and chunks.

    Args:
        path: of the database file, new or copied from the generation before.
    """

    def __init__(self, path: Path) -> None:
        fresh = not path.exists()
        self._database = sqlite3.connect(path, isolation_level=None)
        self._closing = weakref.finalize(self, self._database.close)
        try:
            # Nobody reads a draft, and it is synced as a whole before it is published.
            self._database.execute("PRAGMA synchronous = OFF")
            if fresh:
                self._database.executescript(_SCHEMA)
            self._database.execute("PRAGMA journal_mode = MEMORY")
            self._database.execute("BEGIN")
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close without keeping what :meth:`finish` did not."""
        self._database.close()

    def digest_of(self, doc_id: str) -> str | None:
        """Digest of a stored document, None for an unknown id."""
        row = self._database.execute("SELECT digest FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
        return None if row is None else str(row[0])

    def documents(self) -> Iterator[SourceDocument]:
        """All stored documents, in order; they may be put again meanwhile."""
        for (position,) in self._database.execute("SELECT position FROM documents ORDER BY position").fetchall():
            row = self._database.execute(
                "SELECT doc_id, title, text, metadata FROM documents WHERE position = ?", (position,)
            ).fetchone()
            yield _source(row)

    def put(self, source: SourceDocument, chunks: Sequence[ChunkRow]) -> None:
        """Store a document and its chunks; one of the same id is replaced, in its place.

        Raises:
            InputError: a text that SQLite cannot hold.
        """
        try:
            row = self._database.execute(
                "INSERT INTO documents (doc_id, title, text, metadata, digest) VALUES (?, ?, ?, ?, ?) "
                "ON CONFLICT (doc_id) DO UPDATE SET title = excluded.title, text = excluded.text, "
                "metadata = excluded.metadata, digest = excluded.digest RETURNING position",
                (source.doc_id, source.title, source.text, _json(source.metadata), source.digest),
            ).fetchone()
        except UnicodeEncodeError as error:
            raise InputError(
                f"document {source.doc_id!r} holds characters that are not valid Unicode: {error}"
            ) from error
        position = row[0]
        self._database.execute("DELETE FROM chunks WHERE position = ?", (position,))
        self._database.executemany(
            "INSERT INTO chunks (position, chunk_index, chunk_id, start, end, first_byte, last_byte, headings, "
            "metadata, terms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (
                    position,
                    chunk.chunk_index,
                    make_chunk_id(source.doc_id, chunk.chunk_index),
                    chunk.start,
                    chunk.end,
                    *span,
                    chunk.headings,
                    _json(chunk.metadata),
                    chunk.terms,
                )
                for chunk, span in zip(chunks, _byte_spans(source.text, chunks), strict=True)
            ],
        )

    def remove(self, doc_id: str) -> list[str]:
        """Remove a document.

        Returns:
            Ids of its chunks.
        """
        position = self._database.execute("SELECT position FROM documents WHERE doc_id = ?", (doc_id,)).fetchone()
        rows = self._database.execute("SELECT chunk_id FROM chunks WHERE position = ? ORDER BY chunk_index", position)
        chunk_ids = [str(chunk_id) for (chunk_id,) in rows]
        self._database.execute("DELETE FROM chunks WHERE position = ?", position)
        self._database.execute("DELETE FROM documents WHERE position = ?", position)
        return chunk_ids

    def finish(self) -> tuple[int, int]:
        """Number the chunks in document order and keep everything.

        Returns:
            Numbers of documents and chunks.
        """
        # Rows move only from the first change on; additions leave the old ones as they are.
        self._database.execute(
            "UPDATE chunks SET row = numbered.number FROM (SELECT position, chunk_index, "
            "row_number() OVER (ORDER BY position, chunk_index) - 1 AS number FROM chunks) AS numbered "
            "WHERE chunks.position = numbered.position AND chunks.chunk_index = numbered.chunk_index "
            "AND row IS NOT numbered.number"
        )
        self._database.execute("COMMIT")
        documents = self._database.execute("SELECT count(*) FROM documents").fetchone()[0]
        chunks = self._database.execute("SELECT count(*) FROM chunks").fetchone()[0]
        return int(documents), int(chunks)


class ChunkTable(Sequence[Document]):
    """The chunks of an index in row order, read from disk when asked for; safe to share between threads.

    Documents it returns are new every time, so a caller may change them.

    Args:
        path: of the database file; it must not change while the table is open.

    Raises:
        IndexFormatError: the file is not such a database, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        if not path.is_file():
            raise IndexFormatError(f"{path} is missing; the index is damaged, build it anew")
        self._database = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
        )
        self._closing = weakref.finalize(self, self._database.close)  # with the table, where nobody closes it
        try:
            self._length = int(self._query("SELECT count(*) FROM chunks")[0][0])
        except BaseException:
            self._database.close()
            raise

    def close(self) -> None:
        """Close the database; the table cannot be used afterwards."""
        self._closing()

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> list[Document]: ...
    def __getitem__(self, index: int | slice) -> Document | list[Document]:
        if isinstance(index, slice):
            return self.get_many(range(*index.indices(self._length)))
        row = index + self._length if index < 0 else index
        if not 0 <= row < self._length:
            raise IndexError(f"chunk row {index} of {self._length}")
        return self.get_many([row])[0]

    def __iter__(self) -> Iterator[Document]:
        for start in range(0, self._length, _AT_ONCE):
            yield from self[start : start + _AT_ONCE]

    def get_many(self, rows: Sequence[int]) -> list[Document]:
        """Chunks of these rows, in the order asked for.

        Raises:
            IndexError: a row that does not exist.
        """
        found = self._chunks("row", [int(row) for row in rows])
        try:
            return [found[int(row)] for row in rows]
        except KeyError as error:
            raise IndexError(f"chunk row {error.args[0]} of {self._length}") from error

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        """Chunks of these ids, in the order asked for.

        Raises:
            KeyError: an unknown id.
        """
        found = {str(chunk.id): chunk for chunk in self._chunks("chunk_id", list(chunk_ids)).values()}
        return [found[chunk_id] for chunk_id in chunk_ids]

    def find(self, chunk_id: str) -> Document | None:
        """The chunk of this id, None where there is none."""
        return next(iter(self._chunks("chunk_id", [chunk_id]).values()), None)

    def text_of(self, doc_id: str) -> str | None:
        """Text of a source document, None where there is none."""
        rows = self._query("SELECT text FROM documents WHERE doc_id = ?", (doc_id,))
        return str(rows[0][0]) if rows else None

    def document(self, doc_id: str) -> SourceDocument:
        """A source document.

        Raises:
            KeyError: an unknown id.
        """
        rows = self._query("SELECT doc_id, title, text, metadata FROM documents WHERE doc_id = ?", (doc_id,))
        if not rows:
            raise KeyError(doc_id)
        return _source(rows[0])

    def chunks_of(self, doc_id: str) -> list[Document]:
        """All chunks of a document, in order; none for an unknown id."""
        rows = self._query(
            "SELECT row FROM chunks JOIN documents USING (position) WHERE doc_id = ? ORDER BY row", (doc_id,)
        )
        return self.get_many([row for (row,) in rows])

    def titles(self) -> list[tuple[str, str]]:
        """Ids and titles of all documents, in order."""
        return [
            (str(doc_id), str(title))
            for doc_id, title in self._query("SELECT doc_id, title FROM documents ORDER BY position")
        ]

    def sizes(self, doc_ids: Sequence[str]) -> dict[str, tuple[int, int]]:
        """Characters and chunks of documents, by id; unknown ids are left out."""
        found: dict[str, tuple[int, int]] = {}
        for start in range(0, len(doc_ids), _AT_ONCE):
            batch = list(doc_ids[start : start + _AT_ONCE])
            rows = self._query(
                "SELECT doc_id, length(text), (SELECT count(*) FROM chunks c WHERE c.position = d.position) "
                f"FROM documents d WHERE doc_id IN ({', '.join('?' * len(batch))})",
                batch,
            )
            found.update((str(doc_id), (int(characters), int(chunks))) for doc_id, characters, chunks in rows)
        return found

    def spans(self, doc_id: str) -> list[tuple[str, int, int]]:
        """Id, start and end of a document's chunks, in order; none for an unknown id."""
        rows = self._query(
            "SELECT chunk_id, start, end FROM chunks JOIN documents USING (position) WHERE doc_id = ? "
            "ORDER BY chunk_index",
            (doc_id,),
        )
        return [(str(chunk_id), int(start), int(end)) for chunk_id, start, end in rows]

    def doc_ids(self) -> list[str]:
        """Ids of all documents, in order."""
        return [str(doc_id) for (doc_id,) in self._query("SELECT doc_id FROM documents ORDER BY position")]

    def documents(self) -> Iterator[SourceDocument]:
        """All source documents, in order."""
        for doc_id in self.doc_ids():
            yield self.document(doc_id)

    def digests(self) -> dict[str, str]:
        """Stored digest of every document by id."""
        return {str(doc_id): str(digest) for doc_id, digest in self._query("SELECT doc_id, digest FROM documents")}

    def chunk_ids(self) -> list[str]:
        """Ids of all chunks in row order."""
        return [str(chunk_id) for (chunk_id,) in self._query("SELECT chunk_id FROM chunks ORDER BY row")]

    def terms(self) -> Iterator[list[str]]:
        """Terms of every chunk's search text, in row order."""
        for start in range(0, self._length, _AT_ONCE):
            rows = self._query(
                "SELECT terms FROM chunks WHERE row >= ? AND row < ? ORDER BY row", (start, start + _AT_ONCE)
            )
            yield from (str(terms).split(" ") if terms else [] for (terms,) in rows)

    def integrity(self) -> list[str]:
        """What SQLite finds wrong with the file."""
        return [str(line) for (line,) in self._query("PRAGMA integrity_check") if line != "ok"]

    def _query(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        try:
            with self._lock:
                return self._database.execute(statement, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise IndexFormatError(f"{self._path} is damaged ({error}); build the index anew") from error

    def _chunks(self, column: str, keys: list[Any]) -> dict[int, Document]:
        found: dict[int, Document] = {}
        for start in range(0, len(keys), _AT_ONCE):
            batch = keys[start : start + _AT_ONCE]
            rows = self._query(f"{_CHUNK} WHERE c.{column} IN ({', '.join('?' * len(batch))})", batch)
            texts = self._texts([(row[1], row[5], row[6]) for row in rows])
            found.update((row[0], _chunk(row, text)) for row, text in zip(rows, texts, strict=True))
        return found

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
                raise IndexFormatError(f"{self._path} is damaged ({error}); build the index anew") from error
        return texts


def chunk_ids_sha256(chunk_ids: Iterable[str]) -> str:
    """Digest of chunk ids in row order."""
    digest = hashlib.sha256()
    for chunk_id in chunk_ids:
        digest.update(chunk_id.encode() + b"\n")
    return digest.hexdigest()


def _source(row: Sequence[Any]) -> SourceDocument:
    doc_id, title, text, metadata = row
    return SourceDocument(doc_id=doc_id, title=title, text=text, metadata=json.loads(metadata))


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
