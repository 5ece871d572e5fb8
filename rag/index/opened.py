"""An index opened for reading: its parts load when they are asked for."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any, Self, TypeVar

from langchain_core.embeddings import Embeddings

from rag.errors import IndexFormatError, IndexMismatchError, InputError
from rag.index.chunk_table import ChunkTable
from rag.index.encoders import NO_VECTORS, encoder_of
from rag.index.layout import Generation, held_current, require_whole
from rag.index.manifest import REMEDY, Manifest
from rag.index.options import EncoderKind, EncoderOptions
from rag.index.segments import BM25, TFIDF
from rag.index.vectors import open_vector_store, open_vectors
from retrievers.analysis import Analyzer

if TYPE_CHECKING:
    from retrievers.bm25 import BM25Index, BM25Options, BM25Retriever, BM25Segment
    from retrievers.dense import DenseRetriever
    from retrievers.encoders.static import StaticEmbeddings
    from retrievers.stores import ChunkStore, SegmentedVectors
    from retrievers.tfidf import TfidfRetriever

Part = TypeVar("Part")
_KEPT_IDFS = 200_000  # reranking asks for those of all terms of all candidates


class Index:
    """One generation of an index. It stays as it is while it is open, whatever a writer does to the directory.

    Opening costs milliseconds; BM25, the encoder and the vector store load on first use, once, in whichever thread
    asks. Use it as a context manager, or :meth:`close` it, to let go of its files.

    Args:
        generation: to read from.
        held: file whose being open keeps the generation from being removed.
        embeddings: the caller's own encoder, for an index that was built with one.
    """

    def __init__(self, generation: Generation, held: IO[bytes], embeddings: Embeddings | None = None) -> None:
        self._generation = generation
        self._own_embeddings = embeddings
        self._lock = threading.RLock()
        self._parts: dict[str, Any] = {}
        self._idfs: dict[str, float] = {}
        try:
            require_whole(generation)
            self._chunks = ChunkTable.of(generation)
        except BaseException:
            held.close()
            raise
        self._closing = weakref.finalize(self, _close, self._parts, self._chunks, held)
        if len(self._chunks) != generation.manifest.chunks:
            self.close()
            raise IndexFormatError(
                f"{generation.path} holds {len(self._chunks)} chunks, its manifest says {generation.manifest.chunks}; "
                f"{REMEDY}"
            )

    @property
    def manifest(self) -> Manifest:
        """What the generation is and how it was built."""
        return self._generation.manifest

    @property
    def directory(self) -> Path:
        """Directory that :func:`open_index` opens."""
        return self._generation.directory

    @property
    def generation(self) -> Generation:
        """The generation that is open."""
        return self._generation

    @property
    def chunks(self) -> ChunkTable:
        """All chunks in row order, read from disk when asked for, and the source documents."""
        return self._chunks

    def analyzer(self) -> Analyzer:
        """The analyser the terms were made with, for questions."""
        return self.manifest.options.analysis.analyzer()

    def bm25(self, options: BM25Options | None = None, *, k: int = 10) -> BM25Retriever:
        """BM25 over the chunks.

        Args:
            options: other scoring than the index was built for.
            k: how many chunks it returns.

        Raises:
            IndexFormatError: its files are damaged.
        """
        from retrievers.bm25 import BM25Retriever

        index = self._bm25_index(options or self.manifest.options.bm25)
        return BM25Retriever(index=index, chunks=self._chunks, analyzer=self.analyzer(), k=k)

    def tfidf(self, *, k: int = 10) -> TfidfRetriever:
        """The TF-IDF baseline over the chunks; an index that does not store it computes it from the stored terms.

        Raises:
            IndexFormatError: its files are damaged.
        """
        from retrievers.tfidf import TfidfIndex, TfidfRetriever

        if self.manifest.options.tfidf:
            index = self._part("tfidf", lambda: _loaded(TfidfIndex.load, self._generation.path / TFIDF))
        else:
            index = self._part("tfidf", lambda: TfidfIndex.build(self._chunks.terms()))
        return TfidfRetriever(index=index, chunks=self._chunks, analyzer=self.analyzer(), k=k)

    def dense(self, *, k: int = 10) -> DenseRetriever:
        """Dense retrieval over the chunks' vectors.

        Raises:
            IndexMismatchError: there are no vectors, or the encoder at hand did not make them.
            MissingExtraError, ModelUnavailableError: the encoder's packages or weights are missing.
            StoreUnavailableError: the vector store does not open or answer.
        """
        from retrievers.dense import DenseRetriever

        return DenseRetriever(store=self.vectors(), k=k)

    def vectors(self) -> SegmentedVectors:
        """The vectors as a LangChain vector store to read from; errors as for :meth:`dense`."""
        return self._part("vectors", lambda: open_vectors(self.store(), self._chunks, self.embeddings()))

    def store(self) -> ChunkStore:
        """Where the vectors are kept.

        Raises:
            IndexMismatchError: there are no vectors.
            MissingExtraError: the client of the store is not installed.
            StoreUnavailableError: it does not answer.
        """
        record = self.manifest.store
        if record is None:
            raise IndexMismatchError(NO_VECTORS)

        def load() -> ChunkStore:
            store = open_vector_store(self.directory, record, self.manifest.options.bm25)
            try:
                store.check()
            except BaseException:
                store.close()
                raise
            return store

        return self._part("store", load)

    def embeddings(self) -> Embeddings:
        """The encoder; errors as for :meth:`dense`."""
        return self._part("embeddings", lambda: encoder_of(self._generation, self._own_embeddings))

    def static_embeddings(self) -> StaticEmbeddings | None:
        """The static encoder, None where the index has another one or none."""
        if self.manifest.options.encoder.kind is not EncoderKind.STATIC:
            return None
        from retrievers.encoders.static import StaticEmbeddings

        encoder = self.embeddings()
        return encoder if isinstance(encoder, StaticEmbeddings) else None

    def require_encoder(self, options: EncoderOptions) -> None:
        """Refuse to be used with another encoder than the one the index was built with.

        Raises:
            IndexMismatchError: kind, model or revision differ.
        """
        built = self.manifest.options.encoder
        record = self.manifest.encoder
        if (record is None or not record.own) and not built.same_vectors(options):
            raise IndexMismatchError(
                f"the index was built with the encoder {_name(built)}, the profile asks for {_name(options)}; "
                "choose the index's own profile, or build the index anew"
            )

    def idf(self, term: str) -> float:
        """Inverse document frequency of an index term over the chunks, 0 for a term that none of them has."""
        known = self._idfs.get(term)
        if known is None:
            index = self._bm25_index()
            known = index.idf(term) if index.document_frequency(term) else 0.0
            if len(self._idfs) < _KEPT_IDFS:
                self._idfs[term] = known
        return known

    def _bm25_index(self, options: BM25Options | None = None) -> BM25Index:
        from retrievers.bm25 import BM25Index

        options = options or self.manifest.options.bm25
        return self._part(
            f"bm25 {options!r}", lambda: BM25Index(self._bm25_segments(), options, order=self._chunks.order)
        )

    def _bm25_segments(self) -> list[BM25Segment]:
        from retrievers.bm25 import BM25Segment

        return self._part(
            "bm25 segments",
            lambda: [_loaded(BM25Segment.load, segment.path / BM25) for segment in self._chunks.segments],
        )

    def _part(self, name: str, load: Callable[[], Part]) -> Part:
        with self._lock:
            if not self._closing.alive:
                raise InputError("the index is closed; open it again")
            if name not in self._parts:
                self._parts[name] = load()
            part: Part = self._parts[name]
            return part

    def close(self) -> None:
        """Let go of all files; what was loaded from the index must not be used afterwards."""
        self._closing()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        manifest = self.manifest
        return f"Index({self._generation.path}, documents={manifest.documents}, chunks={manifest.chunks})"


def open_index(directory: str | os.PathLike[str], *, embeddings: Embeddings | None = None) -> Index:
    """Open an index.

    Args:
        directory: of the index.
        embeddings: the caller's own encoder, where the index was built with one.

    Raises:
        IndexNotFoundError: there is no index.
        IndexFormatError: it is foreign, damaged or of a newer format.
    """
    generation, held = held_current(Path(directory))
    return Index(generation, held, embeddings)


def _loaded(load: Callable[[Path], Part], path: Path) -> Part:
    try:
        return load(path)
    except (OSError, ValueError, KeyError) as error:
        raise IndexFormatError(f"{path} is damaged ({error}); {REMEDY}") from error


def _name(options: EncoderOptions) -> str:
    return f"{options.model or options.kind}" + (f"@{options.revision}" if options.revision else "")


def _close(parts: dict[str, Any], chunks: ChunkTable, held: IO[bytes]) -> None:
    store = parts.pop("store", None)
    if store is not None:
        store.close()
    parts.clear()
    chunks.close()
    held.close()
