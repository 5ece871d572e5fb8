"""Building an index, adding documents to it and removing them: every change is a new generation."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from langchain_core.embeddings import Embeddings

from rag.documents.chunking import ChunkingMethod, ChunkingOptions
from rag.documents.rows import SourceDocument
from rag.errors import InputError
from rag.index.changing import Change, unique
from rag.index.chunk_table import ChunkTable
from rag.index.compaction import Size, all_in_one, living_documents, merges, moved_vectors
from rag.index.drafts import Draft, drafting
from rag.index.encoders import (
    ReusingEmbeddings,
    describe_encoder,
    encoder_of,
    make_encoder,
    search_texts,
)
from rag.index.engines import EncoderAtHand, Engine, LocalEngine
from rag.index.fresh import FreshSegments
from rag.index.layout import DELETED, STAGING, file_records, require_whole
from rag.index.manifest import EncoderRecord, Manifest, SegmentRecord, StoreRecord
from rag.index.options import EncoderKind, IndexOptions
from rag.index.prepare import prepare_all
from rag.index.progress import Progress, silent, watched
from rag.index.segments import TFIDF, Segment, save_array
from rag.index.vectors import batches, known_vectors, open_vector_store, place, write_vectors

if TYPE_CHECKING:
    from retrievers.stores import ChunkStore

Inputs = Sequence[str | os.PathLike[str]] | Iterable[SourceDocument]


@dataclass(frozen=True, slots=True)
class IndexChange:
    """What a change did.

    Args:
        directory: of the index.
        manifest: of the generation now in use.
        added: documents that were new.
        changed: documents that replaced one of the same id.
        unchanged: documents that were there just so, and cost nothing.
        removed: documents that were removed.
        encoded: texts that had to be encoded.
        merged: segments that were merged or written anew.
    """

    directory: Path
    manifest: Manifest = field(repr=False)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    encoded: int = 0
    merged: int = 0


def build_index(
    inputs: Inputs,
    directory: str | os.PathLike[str],
    options: IndexOptions | None = None,
    *,
    profile: str = "offline",
    store: str | None = None,
    embeddings: Embeddings | None = None,
    workers: int = 1,
    engine: Engine | None = None,
    progress: Progress = silent,
) -> IndexChange:
    """Build an index, or build it anew; the old one answers until the new one is whole.

    Args:
        inputs: files and folders, or source documents.
        directory: of the index; it is made if needed.
        options: how to cut, analyse and encode.
        profile: name of the profile it is built for, kept in the manifest.
        store: URL of a store for the vectors (see :mod:`retrievers.stores`); by default they lie in the index.
        embeddings: the caller's own encoder in place of the one ``options`` name; :func:`open_index` needs it again.
        workers: processes that cut and analyse (see :func:`rag.index.prepare.prepare_all`).
        engine: what cuts, analyses and encodes, by default this process and its ``workers``.
        progress: is told each stage.

    Raises:
        InputError: an input cannot be read, there is no text in it, or the directory holds something else.
        IndexLockedError: another process is writing the index.
        MissingExtraError, ModelUnavailableError: the encoder's packages or weights are missing.
        StoreUnavailableError: the store does not answer.
        OSError: the disk is full, or the directory cannot be written.
    """
    from retrievers.stores import check_store

    options = options or IndexOptions()
    directory = Path(directory)
    engine = engine or LocalEngine(workers)
    staging = directory / STAGING
    sources = _read(inputs)
    semantic = options.chunking.method is ChunkingMethod.SEMANTIC
    if embeddings is None and options.encoder.kind is EncoderKind.NONE:
        if store is not None:
            raise InputError("a store takes vectors, and the options name no encoder to make them")
        if semantic:
            raise InputError("the semantic chunker needs an encoder, and the options name none")
    with drafting(directory, make=True) as draft, ExitStack() as opened:
        if store is not None:  # find out now that a server does not answer, not when all is read
            check_store(store)
        first = options.model_copy(update={"chunking": ChunkingOptions()}) if semantic else options
        fresh = FreshSegments(draft, options, progress, opened)
        prepared = watched(engine.prepared(unique(sources), first, staging=staging), "chunking", progress)
        fresh.write((position, *document) for position, document in enumerate(prepared))
        if not fresh.chunks:
            what = "holds no text" if fresh.documents else "holds no document"
            raise InputError(f"there is nothing to index: the input {what}")
        if embeddings is not None:
            encoder: EncoderAtHand | None = EncoderAtHand(embeddings, options.encoder, own=True)
        else:
            encoder = _make_encoder(draft, fresh, options, progress)
        if semantic:  # the chunker needs the encoder, and the static encoder needs chunks to be fitted to
            whole = (document for _, document, _ in living_documents(fresh.segments))
            prepared = watched(engine.prepared(whole, options, encoder, staging=staging), "chunking", progress)
            fresh.write((position, *document) for position, document in enumerate(prepared))
        described: EncoderRecord | None = None
        record: StoreRecord | None = None
        if encoder is not None:
            described = describe_encoder(encoder.embeddings, options.encoder, own=encoder.own)
            record = place(draft, store, described.dimension)
            vectors = opened.enter_context(closing(open_vector_store(directory, record, options.bm25)))
            fresh.encode(vectors, record, partial(engine.encoded, encoder=encoder, staging=staging))
        made = fresh.complete()
        facts = Facts(options, profile, described, encoder.state if encoder else None, record)
        manifest = write_manifest(draft, facts, fresh.segments, made, progress)
        opened.close()
        draft.publish(manifest)
        shutil.rmtree(staging, ignore_errors=True)
    return IndexChange(
        directory, manifest, added=manifest.documents, encoded=manifest.chunks if record is not None else 0
    )


def add_documents(
    inputs: Inputs,
    directory: str | os.PathLike[str],
    *,
    embeddings: Embeddings | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> IndexChange:
    """Add documents to an index; one whose id is there replaces it, one that did not change costs nothing.

    The documents are cut, analysed and encoded as those before them: the index keeps its options, and the static
    encoder stays as it was fitted. Arguments and errors as for :func:`build_index`, besides
    ``IndexNotFoundError``, ``IndexFormatError`` and ``IndexMismatchError`` for the index.
    """
    return _update(Path(directory), _read(inputs), (), embeddings, workers, progress)


def remove_documents(
    doc_ids: Iterable[str],
    directory: str | os.PathLike[str],
    *,
    embeddings: Embeddings | None = None,
    progress: Progress = silent,
) -> IndexChange:
    """Remove documents with all their chunks.

    Raises:
        InputError: an id is not in the index (nothing is removed then), or nothing would be left.
        IndexNotFoundError, IndexFormatError, IndexMismatchError, IndexLockedError, OSError: as for
            :func:`add_documents`.
    """
    return _update(Path(directory), (), tuple(dict.fromkeys(doc_ids)), embeddings, 1, progress)


def compact_index(directory: str | os.PathLike[str], *, progress: Progress = silent) -> IndexChange:
    """Merge the segments of an index into as few as its options allow, without what is deleted.

    Nothing is analysed or encoded again, and every question is answered as before. Changes merge segments by
    themselves when there are many; this leaves none to merge.

    Raises:
        IndexNotFoundError, IndexFormatError, IndexLockedError, StoreUnavailableError, OSError: as for
            :func:`add_documents`.
    """
    return _update(Path(directory), (), (), None, 1, progress, compact=True)


def _update(
    directory: Path,
    sources: Iterable[SourceDocument],
    removed: Sequence[str],
    embeddings: Embeddings | None,
    workers: int,
    progress: Progress,
    *,
    compact: bool = False,
) -> IndexChange:
    with drafting(directory, make=False) as draft, ExitStack() as opened:
        current = draft.current
        assert current is not None
        require_whole(current)
        manifest, options = current.manifest, current.manifest.options
        before = opened.enter_context(closing(ChunkTable.of(current)))
        change = Change(before)
        fresh = FreshSegments(draft, options, progress, opened)
        chunker = None
        if options.chunking.method is ChunkingMethod.SEMANTIC and sources:
            chunker = encoder_of(current, embeddings)
        prepared = prepare_all(change.different(sources), options, workers, chunker)
        fresh.write(
            (change.positions[source.doc_id], source, rows) for source, rows in watched(prepared, "chunking", progress)
        )
        change.remove(removed)
        segments = [segment for segment in (*change.left(), *fresh.segments) if segment.living_documents]
        if removed and not any(segment.living_chunks for segment in segments):
            raise InputError("nothing would be left in the index; delete its directory instead")
        vectors: ChunkStore | None = None
        encoded = 0
        if manifest.store is not None:
            vectors = opened.enter_context(closing(open_vector_store(directory, manifest.store, options.bm25)))
            if fresh.segments:
                known = known_vectors(vectors, change.replaced_chunks())
                encoder = ReusingEmbeddings(chunker or encoder_of(current, embeddings), known)
                at_hand = EncoderAtHand(encoder, options.encoder)
                fresh.encode(vectors, manifest.store, partial(LocalEngine().encoded, encoder=at_hand))
                encoded = encoder.encoded
        records = {record.name: record for record in (*manifest.segments, *fresh.complete())}
        different = bool(change.added or change.changed or removed)
        plan = all_in_one if compact else merges
        groups = plan([Size(segment.chunks, segment.living_chunks) for segment in segments], options.segment_chunks)
        if not (different or (groups and compact)):
            return IndexChange(directory, manifest, unchanged=change.unchanged)
        merged = [[segments[number] for number in group] for group in groups]
        for group in merged:
            into = FreshSegments(draft, options, silent, opened)
            into.write(watched(living_documents(group), "merging", progress))
            if vectors is not None and manifest.store is not None:
                for segment in into.segments:
                    write_vectors(vectors, manifest.store, segment, moved_vectors(vectors, group, segment))
            records.update((record.name, record) for record in into.complete())
            gone = {segment.name for segment in group}
            segments = [segment for segment in segments if segment.name not in gone] + into.segments
        facts = Facts(options, manifest.profile, manifest.encoder, current.encoder, manifest.store)
        manifest = write_manifest(draft, facts, segments, [records[segment.name] for segment in segments], progress)
        opened.close()
        draft.publish(manifest)
    return IndexChange(
        directory,
        manifest,
        added=change.added,
        changed=change.changed,
        unchanged=change.unchanged,
        removed=len(removed),
        encoded=encoded,
        merged=sum(map(len, merged)),
    )


def _read(inputs: Inputs) -> Iterable[SourceDocument]:
    """Source documents as they are; paths through the readers."""
    if isinstance(inputs, (str, os.PathLike)):
        raise InputError(f"expected a list of paths, got the path {os.fspath(inputs)} alone")
    if not isinstance(inputs, Sequence) or not all(isinstance(item, (str, os.PathLike)) for item in inputs):
        return inputs  # type: ignore[return-value]
    from rag.documents.readers import read_sources

    return read_sources([Path(item) for item in inputs])


def _make_encoder(
    draft: Draft, fresh: FreshSegments, options: IndexOptions, progress: Progress
) -> EncoderAtHand | None:
    """The encoder that the options name, fitted to the chunks if need be; None for kind ``none``."""
    state = draft.new_encoder() if options.encoder.kind is EncoderKind.STATIC else None

    def texts() -> Iterable[str]:
        chunks = (chunk for segment in fresh.segments for batch in batches(segment) for chunk in batch)
        return search_texts(watched(chunks, "fitting", progress, fresh.chunks))

    encoder = make_encoder(options.encoder, texts, state or draft.path)
    return None if encoder is None else EncoderAtHand(encoder, options.encoder, state)


@dataclass(frozen=True, slots=True)
class Facts:
    """What a manifest says besides its segments."""

    options: IndexOptions
    profile: str
    encoder: EncoderRecord | None
    encoder_state: Path | None
    store: StoreRecord | None


def write_manifest(
    draft: Draft, facts: Facts, segments: Sequence[Segment], records: Sequence[SegmentRecord], progress: Progress
) -> Manifest:
    """Write the generation's own files, and say what it is."""
    table = ChunkTable(segments)
    for segment in segments:
        if segment.deleted:
            save_array(draft.path / DELETED / f"{segment.name}.npy", np.array(sorted(segment.deleted), np.int64))
    if facts.options.tfidf:
        from retrievers.tfidf import TfidfIndex

        TfidfIndex.build(watched(table.terms(), "tfidf", progress, len(table))).save(draft.path / TFIDF)
    state = facts.encoder_state
    return Manifest(
        index_id=draft.index_id,
        generation=draft.path.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        created_by=_version(),
        profile=facts.profile,
        options=facts.options,
        encoder=facts.encoder,
        encoder_state=state.name if state else None,
        store=facts.store,
        segments=tuple(records),
        documents=sum(segment.living_documents for segment in segments),
        chunks=len(table),
        files=file_records(draft.path),
        encoder_files=file_records(state) if state else {},
    )


def _version() -> str:
    try:
        return metadata.version("russian-rag")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that is not installed
