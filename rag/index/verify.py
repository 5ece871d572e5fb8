"""Checking that an index is whole and its parts agree."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import IndexFormatError, IndexMismatchError, ToolkitError
from rag.index.encoders import check_fingerprint
from rag.index.layout import check_files
from rag.index.opened import Index, open_index
from rag.index.records import SQLiteRecordManager
from rag.index.sources import ChunkTable, chunk_ids_sha256
from rag.index.vectors import RECORDS
from retrievers.documents import make_chunk_id, search_text

_SAMPLE = 200  # chunks whose terms and vectors are made again to compare
_NEAR = 0.99  # cosine of a stored vector with the one the encoder makes now


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with an index.

    Args:
        part: ``files``, ``documents``, ``chunks``, ``terms``, ``bm25``, ``tfidf``, ``encoder`` or ``vectors``.
        message: what is wrong, with the first few ids it concerns.
    """

    part: str
    message: str


def verify_index(directory: str | os.PathLike[str], *, embeddings: Embeddings | None = None) -> list[Problem]:
    """What is wrong with an index; nothing, for a sound one.

    Every file is read and compared with its digest; every document's digest, every chunk's identity, offsets and text,
    and the ids of both legs are compared; terms and vectors of 200 chunks spread over the index are made again.

    Args:
        directory: of the index.
        embeddings: the caller's own encoder, where the index was built with one.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is foreign or of a newer format, or too damaged to be opened.
    """
    with open_index(directory, embeddings=embeddings) as index:
        problems = [Problem("files", message) for message in check_files(index.generation, digests=True)]
        if not problems:  # the rest would only repeat it
            problems = [*_documents(index.chunks), *_chunks(index), *_terms(index), *_lexical(index), *_vectors(index)]
    return problems


def _documents(table: ChunkTable) -> Iterator[Problem]:
    for line in table.integrity():
        yield Problem("documents", line)
    digests = table.digests()
    wrong = [source.doc_id for source in table.documents() if source.digest != digests[source.doc_id]]
    if wrong:
        yield Problem("documents", f"the digest is not that of the document: {_some(wrong)}")


def _chunks(index: Index) -> Iterator[Problem]:
    table, manifest = index.chunks, index.manifest
    doc_ids = table.doc_ids()
    if len(doc_ids) != manifest.documents:
        yield Problem("documents", f"{len(doc_ids)} documents, the manifest says {manifest.documents}")
    if chunk_ids_sha256(table.chunk_ids()) != manifest.chunk_ids_sha256:
        yield Problem("chunks", "the chunk ids are not those of the manifest")
    misnumbered: list[str] = []
    outside: list[str] = []
    different: list[str] = []
    counted = 0
    for doc_id in doc_ids:
        text = table.document(doc_id).text
        for number, chunk in enumerate(table.chunks_of(doc_id)):
            counted += 1
            start, end = chunk.metadata["start"], chunk.metadata["end"]
            if chunk.id != make_chunk_id(doc_id, number):
                misnumbered.append(str(chunk.id))
            if not 0 <= start < end <= len(text):
                outside.append(str(chunk.id))
            elif chunk.page_content != text[start:end]:
                different.append(str(chunk.id))
    if counted != manifest.chunks:
        yield Problem("chunks", f"{counted} chunks belong to documents, the manifest says {manifest.chunks}")
    for wrong, what in (
        (misnumbered, "chunks are not numbered without gaps"),
        (outside, "chunks reach outside their document"),
        (different, "chunks have another text than their document at their offsets"),
    ):
        if wrong:
            yield Problem("chunks", f"{what}: {_some(wrong)}")


def _terms(index: Index) -> Iterator[Problem]:
    analyzer = index.analyzer()
    sampled = set(_sampled(len(index.chunks)))
    terms = {row: found for row, found in enumerate(index.chunks.terms()) if row in sampled}
    chunks = zip(sorted(sampled), index.chunks.get_many(sorted(sampled)), strict=True)
    wrong = [str(chunk.id) for row, chunk in chunks if analyzer(search_text(chunk)) != terms.get(row)]
    if wrong:
        yield Problem("terms", f"the stored terms are not those the analyser makes now: {_some(wrong)}")


def _lexical(index: Index) -> Iterator[Problem]:
    legs = [("bm25", index.bm25)] + ([("tfidf", index.tfidf)] if index.manifest.options.tfidf else [])
    for name, leg in legs:
        try:
            rows = len(leg().index)
        except IndexFormatError as error:
            yield Problem(name, str(error))
            continue
        if rows != len(index.chunks):
            yield Problem(name, f"{rows} rows for {len(index.chunks)} chunks")


def _vectors(index: Index) -> Iterator[Problem]:
    record = index.manifest.encoder
    if record is None:
        return
    try:
        encoder = index.embeddings()
        check_fingerprint(encoder, record)
        store = index.vectors()
    except ToolkitError as error:
        yield Problem("encoder" if isinstance(error, IndexMismatchError) else "vectors", str(error))
        return
    chunk_ids = index.chunks.chunk_ids()
    stored = Counter(store.all_ids())
    missing = [chunk_id for chunk_id in chunk_ids if chunk_id not in stored]
    extra = sorted(stored.keys() - set(chunk_ids))
    if missing:
        yield Problem("vectors", f"chunks without a vector: {_some(missing)}")
    if extra:
        yield Problem("vectors", f"vectors without a chunk: {_some(extra)}")
    with closing(SQLiteRecordManager(index.generation.path / RECORDS)) as records:
        if set(records.list_keys()) != set(chunk_ids):
            yield Problem("vectors", "the records of incremental indexing are not those of the chunks")
    sample = [chunk for chunk in index.chunks.get_many(_sampled(len(index.chunks))) if chunk.id in stored]
    kept = store.vectors([str(chunk.id) for chunk in sample])
    made = np.asarray(encoder.embed_documents([search_text(chunk) for chunk in sample]), dtype=np.float32)
    moved = [
        str(chunk.id) for chunk, vector in zip(sample, made, strict=True) if not _same(kept[str(chunk.id)], vector)
    ]
    if moved:
        yield Problem("vectors", f"the encoder makes other vectors now than are stored: {_some(moved)}")


def _same(stored: np.ndarray, made: np.ndarray) -> bool:
    if stored.shape != made.shape:
        return False
    lengths = float(np.linalg.norm(stored) * np.linalg.norm(made))
    if lengths == 0.0:
        return bool(np.allclose(stored, made))
    return float(stored @ made) / lengths >= _NEAR


def _sampled(rows: int) -> list[int]:
    return sorted({int(row) for row in np.linspace(0, rows - 1, min(rows, _SAMPLE))})


def _some(ids: Sequence[str]) -> str:
    return ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")


__all__ = ["Problem", "verify_index"]
