"""What can be wrong with a segment whose files are as they were written, or with its vectors."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rag.errors import IndexFormatError, ToolkitError
from rag.index.fingerprints import agree
from rag.index.layout import COPY, DATABASE, DELETED, EMBEDDED, MANIFEST, Generation
from rag.index.manifest import SegmentRecord, StoreRecord
from rag.index.segments import Segment
from rag.index.sources import chunk_ids_sha256
from rag.index.vectors import FINGERPRINTS
from retrievers.analysis import Analyzer
from retrievers.documents import make_chunk_id, search_text
from retrievers.files import load_array
from retrievers.stores import ChunkStore

SAMPLE = 200  # chunks whose terms, or vectors, are made again to compare
_AT_ONCE = 2_000  # vectors read together


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an index.

    Args:
        part: ``files``, ``documents``, ``chunks``, ``terms``, ``bm25``, ``tfidf``, ``encoder`` or ``vectors``.
        message: what is wrong, with the first few ids it concerns.
    """

    part: str
    message: str


def copy_problems(generation: Generation) -> Iterator[str]:
    """What is wrong with the second copy of what nothing else tells."""
    for name in (MANIFEST, *(name for name in generation.manifest.files if name.startswith(f"{DELETED}/"))):
        path = generation.path / COPY / name
        try:
            same = path.read_bytes() == (generation.path / name).read_bytes()
        except OSError as error:
            yield f"{error.filename} cannot be read: {error.strerror}"
            continue
        if not same:
            yield f"{path} has other contents than the file it is a copy of"


def segment_problems(segment: Segment, record: SegmentRecord, analyzer: Analyzer) -> Iterator[Problem]:
    """What is wrong with the documents, chunks and terms of a segment; deleted documents may be as they are.

    Raises:
        IndexFormatError: its file cannot be read.
    """
    for line in segment.sources.integrity():
        yield Problem("documents", line)
    if segment.chunks != record.chunks or len(segment.positions) != record.documents:
        yield Problem(
            "chunks",
            f"segment {segment.name} has {len(segment.positions)} documents and {segment.chunks} chunks, "
            f"its record says {record.documents} and {record.chunks}",
        )
    if chunk_ids_sha256(segment.sources.chunk_ids()) != record.chunk_ids_sha256:
        yield Problem("chunks", f"the chunk ids of segment {segment.name} are not those of its record")
    yield from _documents(segment)
    yield from _terms(segment, analyzer)


def _documents(segment: Segment) -> Iterator[Problem]:
    found: dict[str, list[str]] = {}
    for position, count in zip(segment.positions.tolist(), segment.counts.tolist(), strict=True):
        if position in segment.deleted:
            continue
        source = segment.sources.document(position)
        if source.digest != segment.sources.digest(position):
            found.setdefault("the digest is not that of the document", []).append(source.doc_id)
        chunks = segment.sources.document_chunks(position)
        if len(chunks) != count:
            found.setdefault("documents have another number of chunks than was counted", []).append(source.doc_id)
        for number, chunk in enumerate(chunks):
            start, end = chunk.metadata["start"], chunk.metadata["end"]
            if chunk.id != make_chunk_id(source.doc_id, number):
                found.setdefault("chunks are not numbered without gaps", []).append(str(chunk.id))
            if not 0 <= start < end <= len(source.text):
                found.setdefault("chunks reach outside their document", []).append(str(chunk.id))
            elif chunk.page_content != source.text[start:end]:
                what = "chunks have another text than their document at their offsets"
                found.setdefault(what, []).append(str(chunk.id))
    for what, ids in found.items():
        yield Problem("chunks" if what.startswith("chunks") else "documents", f"{what}: {some(ids)}")


def _terms(segment: Segment, analyzer: Analyzer) -> Iterator[Problem]:
    rows = sampled(segment.chunks)
    chunks, terms = segment.sources.chunks(rows), segment.sources.terms_of(rows)
    wrong = [str(chunk.id) for row, chunk in chunks.items() if analyzer(search_text(chunk)) != terms.get(row)]
    if wrong:
        yield Problem("terms", f"the stored terms are not those the analyser makes now: {some(wrong)}")


def vector_problems(segment: Segment, store: ChunkStore, record: StoreRecord) -> Iterator[Problem]:
    """What is wrong with the vectors of a segment: each must be there, and be the one that was stored."""
    try:
        if record.location == EMBEDDED:
            yield from _database(segment.path / EMBEDDED / DATABASE)
        wanted, stored = segment.sources.chunk_ids(), Counter(store.ids(segment.name))
        for ids, what in (
            ([chunk_id for chunk_id in wanted if chunk_id not in stored], "chunks without a vector"),
            (sorted(stored.keys() - set(wanted)), "vectors without a chunk"),
            (sorted(chunk_id for chunk_id, count in stored.items() if count > 1), "chunks with several vectors"),
            (_moved(segment, store, wanted), "vectors are not those that were stored"),
        ):
            if ids:
                yield Problem("vectors", f"segment {segment.name}: {what}: {some(ids)}")
    except ToolkitError as error:
        yield Problem("vectors", str(error))


def _moved(segment: Segment, store: ChunkStore, chunk_ids: Sequence[str]) -> list[str]:
    path = segment.path / FINGERPRINTS
    kept = load_array(path, ("float32",))
    if len(kept) != len(chunk_ids):
        raise IndexFormatError(f"{path} is damaged: {len(kept)} numbers for {len(chunk_ids)} chunks")
    moved: list[str] = []
    for start in range(0, len(chunk_ids), _AT_ONCE):
        found = store.vectors(segment.name, chunk_ids[start : start + _AT_ONCE])
        rows = [row for row in range(start, min(start + _AT_ONCE, len(chunk_ids))) if chunk_ids[row] in found]
        if rows:
            same = agree(np.stack([found[chunk_ids[row]] for row in rows]), kept[rows])
            moved += [chunk_ids[row] for row, right in zip(rows, same.tolist(), strict=True) if not right]
    return moved


def _database(path: Path) -> Iterator[Problem]:
    """What SQLite finds wrong with Chroma's file, which has no digest since reading changes it."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            lines = [str(line) for (line,) in database.execute("PRAGMA integrity_check") if line != "ok"]
    except sqlite3.DatabaseError as error:
        lines = [str(error)]
    if lines:
        yield Problem("vectors", f"{path} is damaged: {'; '.join(lines[:3])}")


def sampled(rows: int, most: int = SAMPLE) -> list[int]:
    """Row numbers spread evenly, the first and the last among them."""
    return sorted({int(row) for row in np.linspace(0, rows - 1, min(rows, most))})


def some(ids: Sequence[str]) -> str:
    """The first few of many ids."""
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
