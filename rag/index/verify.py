"""Checking that an index is whole and its parts agree."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.errors import IndexFormatError, IndexMismatchError, ToolkitError
from rag.index.checks import Problem, copy_problems, sampled, segment_problems, some, vector_problems
from rag.index.encoders import check_fingerprint, encode
from rag.index.layout import check_files, held_current
from rag.index.opened import Index
from retrievers.documents import search_text

_NEAR = 0.99  # cosine of a stored vector with the one the encoder makes now


def verify_index(directory: str | os.PathLike[str], *, embeddings: Embeddings | None = None) -> list[Problem]:
    """What is wrong with an index; nothing, for a sound one.

    Every file is read and compared with its digest; every document's digest, every chunk's identity, offsets and text,
    and the ids of both legs are compared; every vector is compared with what is known of the one that was stored. The
    terms of 200 chunks of each segment and the vectors of 200 spread over the index are made again. An embedded store
    changes some of its own files when it is read; those are judged by what they hold.

    Args:
        directory: of the index.
        embeddings: the caller's own encoder, where the index was built with one.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is foreign or of another format, or it cannot be read what it consists of.
    """
    generation, held = held_current(Path(directory))
    problems = [
        Problem("files", message) for message in (*check_files(generation, digests=True), *copy_problems(generation))
    ]
    if problems:  # the rest would only repeat it
        held.close()
        return problems
    try:
        with Index(generation, held, embeddings) as index:
            return [*_contents(index), *_lexical(index), *_vectors(index)]
    except IndexFormatError as error:
        return [Problem("documents", str(error))]


def _contents(index: Index) -> Iterator[Problem]:
    manifest = index.manifest
    for segment, record in zip(index.chunks.segments, manifest.segments, strict=True):
        yield from segment_problems(segment, record, index.analyzer())
    documents = sum(segment.living_documents for segment in index.chunks.segments)
    if documents != manifest.documents:
        yield Problem("documents", f"{documents} documents, the manifest says {manifest.documents}")
    twice = sorted(doc_id for doc_id, count in Counter(index.chunks.doc_ids()).items() if count > 1)
    if twice:
        yield Problem("documents", f"documents stand in several segments: {some(twice)}")


def _lexical(index: Index) -> Iterator[Problem]:
    legs = [("bm25", index.bm25)] + ([("tfidf", index.tfidf)] if index.manifest.options.tfidf else [])
    for name, leg in legs:
        try:
            rows = len(leg().index)
        except ToolkitError as error:
            yield Problem(name, str(error))
            continue
        if rows != len(index.chunks):
            yield Problem(name, f"{rows} rows for {len(index.chunks)} chunks")


def _vectors(index: Index) -> Iterator[Problem]:
    encoder, store = index.manifest.encoder, index.manifest.store
    if encoder is None or store is None:
        return
    try:
        kept = index.store()
    except ToolkitError as error:
        yield Problem("vectors", str(error))
        return
    found = [problem for segment in index.chunks.segments for problem in vector_problems(segment, kept, store)]
    yield from found
    try:
        embeddings = index.embeddings()
        check_fingerprint(embeddings, encoder)
        if not found:
            yield from _encoded_again(index, embeddings)
    except ToolkitError as error:
        yield Problem("encoder" if isinstance(error, IndexMismatchError) else "vectors", str(error))


def _encoded_again(index: Index, embeddings: Embeddings) -> Iterator[Problem]:
    chunks = index.chunks.get_many(sampled(len(index.chunks)))
    stored = index.vectors().vectors([str(chunk.id) for chunk in chunks])
    chunks = [chunk for chunk in chunks if chunk.id in stored]  # others were told of: they have the wrong id
    made = encode(embeddings, [search_text(chunk) for chunk in chunks])
    moved = [
        str(chunk.id) for chunk, vector in zip(chunks, made, strict=True) if not _same(stored[str(chunk.id)], vector)
    ]
    if moved:
        yield Problem("vectors", f"the encoder makes other vectors now than are stored: {some(moved)}")


def _same(stored: np.ndarray, made: np.ndarray) -> bool:
    if stored.shape != made.shape:
        return False
    lengths = float(np.linalg.norm(stored) * np.linalg.norm(made))
    if lengths == 0.0:
        return bool(np.allclose(stored, made))
    return float(stored @ made) / lengths >= _NEAR


__all__ = ["Problem", "verify_index"]
