"""Building an index, adding documents to it and removing them: every change is a new generation."""

from __future__ import annotations

import datetime
import os
import shutil
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

from langchain_core.embeddings import Embeddings

from rag.documents.chunking import ChunkingMethod, ChunkingOptions
from rag.documents.rows import SourceDocument
from rag.errors import IndexMismatchError, InputError
from rag.index.encoders import (
    ENCODER,
    check_fingerprint,
    check_vectors,
    describe_encoder,
    load_encoder,
    make_encoder,
    search_texts,
)
from rag.index.layout import (
    EMBEDDED,
    Draft,
    EncoderRecord,
    Generation,
    Manifest,
    StoreRecord,
    check_files,
    drafting,
    file_records,
)
from rag.index.lexical import write_lexical
from rag.index.options import EncoderKind, EncoderOptions, IndexOptions
from rag.index.prepare import prepare_all
from rag.index.progress import Progress, silent, watched
from rag.index.sources import ChunkTable, SourceStore, chunk_ids_sha256
from rag.index.vectors import RECORDS, fill_vectors, place, update_vectors

SOURCES = "sources.sqlite"

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
    """

    directory: Path
    manifest: Manifest = field(repr=False)
    added: int = 0
    changed: int = 0
    unchanged: int = 0
    removed: int = 0
    encoded: int = 0


def build_index(
    inputs: Inputs,
    directory: str | os.PathLike[str],
    options: IndexOptions | None = None,
    *,
    profile: str = "offline",
    store: str | None = None,
    embeddings: Embeddings | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> IndexChange:
    """Build an index, or build it anew; the old one answers until the new one is whole.

    Args:
        inputs: files and folders, or source documents.
        directory: of the index; it is made if needed.
        options: how to cut, analyse and encode.
        profile: name of the profile it is built for, kept in the manifest.
        store: ``http://host:port`` of a Chroma server for the vectors; by default they lie in the index.
        embeddings: the caller's own encoder in place of the one ``options`` name; :func:`open_index` needs it again.
        workers: processes that cut and analyse (see :func:`rag.index.prepare.prepare_all`).
        progress: is told each stage.

    Raises:
        InputError: an input cannot be read, there is no text in it, or the directory holds something else.
        IndexLockedError: another process is writing the index.
        MissingExtraError, ModelUnavailableError: the encoder's packages or weights are missing.
        StoreUnavailableError: the server does not answer.
        OSError: the disk is full, or the directory cannot be written.
    """
    options = options or IndexOptions()
    directory = Path(directory)
    sources = _read(inputs)
    if embeddings is None and options.encoder.kind is EncoderKind.NONE:
        if store is not None:
            raise InputError("a store takes vectors, and the options name no encoder to make them")
        if options.chunking.method is ChunkingMethod.SEMANTIC:
            raise InputError("the semantic chunker needs an encoder, and the options name none")
    with drafting(directory, make=True) as draft:
        place(draft, store)  # find out now that a server does not answer, not when all is read
        semantic = options.chunking.method is ChunkingMethod.SEMANTIC
        first = options.model_copy(update={"chunking": ChunkingOptions()}) if semantic else options
        added, _, _, _ = _store_sources(draft, sources, first, workers, progress)
        encoder = embeddings or _make_encoder(draft, options.encoder, progress)
        if semantic:  # the chunker needs the encoder, and the static encoder needs chunks to be fitted to
            _cut_again(draft, options, encoder, progress)
        with closing(ChunkTable(draft.path / SOURCES)) as table:
            where: StoreRecord | None = None
            described: EncoderRecord | None = None
            if encoder is not None:
                described = describe_encoder(encoder, options.encoder, own=embeddings is not None)
                where = place(draft, store)
                fill_vectors(draft, where, table, encoder, progress)
            write_lexical(draft.path, table, options, progress)
            manifest = _manifest(draft, table, options, profile, described, where)
        draft.publish(manifest)
    return IndexChange(directory, manifest, added=len(added), encoded=manifest.chunks if where else 0)


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


def _update(
    directory: Path,
    sources: Iterable[SourceDocument],
    removed: Sequence[str],
    embeddings: Embeddings | None,
    workers: int,
    progress: Progress,
) -> IndexChange:
    with drafting(directory, make=False) as draft:
        current = draft.current
        assert current is not None
        require_whole(current)
        manifest = current.manifest
        _copy(current, draft)
        chunker = None
        if manifest.options.chunking.method is ChunkingMethod.SEMANTIC:
            chunker = encoder_of(current, embeddings)
        added, changed, unchanged, removed = _store_sources(
            draft, sources, manifest.options, workers, progress, removed, chunker
        )
        if not (added or changed or removed):
            return IndexChange(directory, manifest, unchanged=unchanged)
        encoded = 0
        where = manifest.store
        with (
            closing(ChunkTable(current.path / SOURCES)) as before,
            closing(ChunkTable(draft.path / SOURCES)) as table,
        ):
            if manifest.encoder is not None and manifest.store is not None:
                encoder = chunker or encoder_of(current, embeddings)
                where = place(draft, manifest.store.location)
                encoded = update_vectors(
                    draft,
                    (manifest.store, before),
                    (where, table),
                    encoder,
                    [*added, *changed, *removed],
                    progress,
                )
            write_lexical(draft.path, table, manifest.options, progress)
            manifest = _manifest(draft, table, manifest.options, manifest.profile, manifest.encoder, where)
        draft.publish(manifest)
    return IndexChange(directory, manifest, len(added), len(changed), unchanged, len(removed), encoded)


def encoder_of(generation: Generation, embeddings: Embeddings | None) -> Embeddings:
    """The encoder of an index: its own, or the caller's, checked against what the index was built with.

    Raises:
        IndexMismatchError: the index has no vectors, or they were made by another encoder.
    """
    record = generation.manifest.encoder
    if record is None:
        raise IndexMismatchError("the index was built without an encoder: it has no dense retrieval; build it with one")
    if record.own and embeddings is None:
        raise IndexMismatchError(
            f"the index was built with embeddings of the caller's own ({record.name}); pass them as embeddings=…"
        )
    options = generation.manifest.options.encoder
    encoder = embeddings or load_encoder(options, generation.path / ENCODER)
    assert encoder is not None
    # The state of the static encoder is one of the index's own files; to digest it takes as long as to load it.
    if embeddings is not None or options.kind is not EncoderKind.STATIC:
        check_fingerprint(encoder, record)
    check_vectors(encoder, record)
    return encoder


def require_whole(generation: Generation) -> None:
    """Refuse a generation whose files are not what was written.

    Raises:
        IndexFormatError: a file is missing or has another size.
    """
    from rag.errors import IndexFormatError

    problems = check_files(generation)
    if problems:
        raise IndexFormatError(f"the index is damaged: {problems[0]}; build it anew")


def _read(inputs: Inputs) -> Iterable[SourceDocument]:
    """Source documents as they are; paths through the readers."""
    if isinstance(inputs, (str, os.PathLike)):
        raise InputError(f"expected a list of paths, got the path {os.fspath(inputs)} alone")
    if not isinstance(inputs, Sequence) or not all(isinstance(item, (str, os.PathLike)) for item in inputs):
        return inputs  # type: ignore[return-value]
    from rag.documents.readers import read_sources

    return read_sources([Path(item) for item in inputs])


def _make_encoder(draft: Draft, options: EncoderOptions, progress: Progress) -> Embeddings | None:
    with closing(ChunkTable(draft.path / SOURCES)) as table:
        return make_encoder(
            options, lambda: search_texts(watched(table, "fitting", progress, len(table))), draft.path / ENCODER
        )


def _cut_again(draft: Draft, options: IndexOptions, encoder: Embeddings | None, progress: Progress) -> None:
    with closing(SourceStore(draft.path / SOURCES)) as store:
        for source, chunks in watched(prepare_all(store.documents(), options, 1, encoder), "chunking", progress):
            store.put(source, chunks)
        store.finish()


def _store_sources(
    draft: Draft,
    sources: Iterable[SourceDocument],
    options: IndexOptions,
    workers: int,
    progress: Progress,
    removed: Sequence[str] = (),
    encoder: Embeddings | None = None,
) -> tuple[list[str], list[str], int, list[str]]:
    """Apply a change to the draft's documents.

    Returns:
        Ids of the added and changed documents, the number of unchanged ones, ids of the removed ones.
    """
    added: list[str] = []
    changed: list[str] = []
    unchanged = 0
    seen: set[str] = set()
    with closing(SourceStore(draft.path / SOURCES)) as store:

        def different() -> Iterable[SourceDocument]:
            nonlocal unchanged
            for source in sources:
                if source.doc_id in seen:
                    raise InputError(f"the document id {source.doc_id!r} comes twice; ids must be unique")
                seen.add(source.doc_id)
                stored = store.digest_of(source.doc_id)
                if stored == source.digest:
                    unchanged += 1
                    continue
                (added if stored is None else changed).append(source.doc_id)
                yield source

        for source, chunks in watched(prepare_all(different(), options, workers, encoder), "chunking", progress):
            store.put(source, chunks)
        unknown = [doc_id for doc_id in removed if store.digest_of(doc_id) is None]
        if unknown:
            raise InputError(f"the index has no document {', '.join(map(repr, unknown[:5]))}; nothing was removed")
        for doc_id in removed:
            store.remove(doc_id)
        documents, chunks_left = store.finish()
    if not chunks_left:
        what = "holds no text" if documents else "holds no document"
        if draft.current is not None and removed:
            raise InputError("nothing would be left in the index; delete its directory instead")
        raise InputError(f"there is nothing to index: the input {what}")
    return added, changed, unchanged, list(removed)


def _copy(current: Generation, draft: Draft) -> None:
    """Copy what a change builds on; the lexical indexes are made anew."""
    for name in (SOURCES, RECORDS):
        if (current.path / name).exists():
            shutil.copy2(current.path / name, draft.path / name)
    for name in (ENCODER, EMBEDDED):
        if (current.path / name).exists():
            shutil.copytree(current.path / name, draft.path / name)


def _manifest(
    draft: Draft,
    table: ChunkTable,
    options: IndexOptions,
    profile: str,
    encoder: EncoderRecord | None,
    store: StoreRecord | None,
) -> Manifest:
    return Manifest(
        index_id=draft.index_id,
        generation=draft.path.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        created_by=_version(),
        profile=profile,
        options=options,
        encoder=encoder,
        store=store,
        documents=len(table.doc_ids()),
        chunks=len(table),
        chunk_ids_sha256=chunk_ids_sha256(table.chunk_ids()),
        files=file_records(draft.path),
    )


def _version() -> str:
    try:
        return metadata.version("russian-rag")
    except metadata.PackageNotFoundError:
        return "unknown"  # run from a checkout that is not installed
