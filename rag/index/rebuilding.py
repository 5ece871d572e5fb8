"""Writing the damaged segments of an index anew."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.documents.chunking import ChunkingMethod
from rag.errors import IndexFormatError
from rag.index.checks import copy_problems, segment_problems, vector_problems
from rag.index.drafts import Draft
from rag.index.encoders import describe_encoder, encode, encoder_of, make_encoder
from rag.index.fresh import FreshSegments
from rag.index.layout import COPY, EMBEDDED, Generation, damaged_files
from rag.index.manifest import EncoderRecord, Manifest, SegmentRecord
from rag.index.prepare import prepare
from rag.index.progress import Progress, watched
from rag.index.salvage import salvage
from rag.index.segment_writer import Placed
from rag.index.segments import DOCUMENTS, SOURCES, Segment, load_integers, open_segment
from rag.index.sources import SourceTable
from rag.index.vectors import FINGERPRINTS, batches, known_vectors, open_vector_store, write_vectors
from rag.index.writing import Facts, write_manifest
from retrievers.documents import search_text
from retrievers.stores import ChunkStore


@dataclass(frozen=True, slots=True)
class Part:
    """A segment as it was found.

    Args:
        record: what it should be.
        reasons: what is wrong with it.
        segment: open, where its files of documents are as they were written.
        rows: whether its stored chunks and terms are right.
        vectors: whether its stored vectors are.
        deleted: positions of its deleted documents.
    """

    record: SegmentRecord
    reasons: list[str]
    segment: Segment | None
    rows: bool
    vectors: bool
    deleted: frozenset[int]


class Rebuilding:
    """A repair on its way: everything is looked at first, then what is damaged is written anew.

    Args:
        draft: of the generation that takes the place of the damaged one.
        embeddings: the caller's own encoder, where the index was built with one.
        progress: is told each stage.
        opened: closes what is opened here.
    """

    def __init__(self, draft: Draft, embeddings: Embeddings | None, progress: Progress, opened: ExitStack) -> None:
        assert draft.current is not None
        self._draft = draft
        self._current: Generation = draft.current
        self._manifest: Manifest = draft.current.manifest
        self._embeddings = embeddings
        self._progress = progress
        self._opened = opened
        self._store = self._open_store()
        self._encoder: Embeddings | None = None
        self.done: list[str] = []
        state = self._current.encoder
        lost_state = [] if state is None else [*damaged_files(state, self._manifest.encoder_files).values()]
        self._fitted_anew = bool(lost_state)
        self._all = [
            self._look(record)
            for record in watched(self._manifest.segments, "checking", progress, len(self._manifest.segments))
        ]
        self._damaged = self._all if self._fitted_anew else [part for part in self._all if part.reasons]
        self._places, self.lost = self._salvage()
        own = [*damaged_files(self._current.path, self._manifest.files).values(), *copy_problems(self._current)]
        self.reasons = [*own, *lost_state, *(reason for part in self._all for reason in part.reasons)]

    def _open_store(self) -> ChunkStore | None:
        record = self._manifest.store
        if record is None:
            return None
        store = open_vector_store(self._draft.directory, record, self._manifest.options.bm25)
        self._opened.enter_context(closing(store))
        store.check()  # one that does not answer has lost nothing
        return store

    def _look(self, record: SegmentRecord) -> Part:
        path = self._current.segment(record.name)
        deleted = self._deleted(record.name)
        damage = damaged_files(path, record.files)
        reasons = list(damage.values())
        segment: Segment | None = None
        rows = vectors = False
        if not {SOURCES, DOCUMENTS} & damage.keys():
            segment = self._opened.enter_context(closing(open_segment(path, deleted)))
            wrong = list(segment_problems(segment, record, self._manifest.options.analysis.analyzer()))
            rows = not wrong
            # Damaged files of a store are not opened: the engine may not survive that.
            vectors = not any(name == FINGERPRINTS or name.startswith(f"{EMBEDDED}/") for name in damage)
            if vectors and self._store is not None and self._manifest.store is not None:
                moved = list(vector_problems(segment, self._store, self._manifest.store))
                vectors = not moved
                wrong += moved
            reasons += [problem.message for problem in wrong]
        return Part(record, reasons, segment, rows, vectors, deleted)

    def _deleted(self, segment: str) -> frozenset[int]:
        """Positions of the deleted documents of a segment, from the copy where the file itself is damaged.

        Raises:
            IndexFormatError: both are.
        """
        path = self._current.deleted(segment)
        name = path.relative_to(self._current.path).as_posix()
        if name not in self._manifest.files:
            return frozenset()
        for folder in (self._current.path, self._current.path / COPY):
            if not damaged_files(folder, {name: self._manifest.files[name]}):
                return frozenset(load_integers(folder / name).tolist())
        raise IndexFormatError(
            f"{path} and its copy are damaged: nothing tells any more which documents were removed; build it anew"
        )

    def _salvage(self) -> tuple[list[tuple[int, Part]], list[str]]:
        """Positions of the documents that are written anew, in order, and ids of those that are lost."""
        places: list[tuple[int, Part]] = []
        lost: list[str] = []
        for part in self._damaged:
            if part.segment is not None and part.rows:
                places += [(one, part) for one in part.segment.positions.tolist() if one not in part.deleted]
                continue
            path = self._current.segment(part.record.name)
            found = salvage(path, part.record.documents, part.deleted, self._elsewhere(part), self._store)
            places += [(position, part) for position in found.positions]
            lost += found.lost
        return sorted(places, key=lambda place: place[0]), lost

    def _elsewhere(self, part: Part) -> set[str]:
        others = [one.segment for one in self._all if one is not part and one.segment is not None]
        return {
            doc_id
            for other in others
            for position, doc_id, *_ in other.sources.facts()
            if position not in other.deleted
        }

    def write(self) -> Manifest:
        """Write what is damaged anew.

        Returns:
            What the new generation is.

        Raises:
            IndexFormatError: nothing is left.
        """
        manifest, options = self._manifest, self._manifest.options
        kept = [part for part in self._all if part not in self._damaged]
        segments = [part.segment for part in kept if part.segment is not None]
        records = [part.record for part in kept]
        described, state = manifest.encoder, self._current.encoder
        if self._places:
            fresh = FreshSegments(self._draft, options, self._progress, self._opened)
            fresh.write(watched(self._documents(), "repairing", self._progress, len(self._places)))
            if self._fitted_anew:
                described, state = self._fit(fresh)
            self._write_vectors(fresh)
            segments += fresh.segments
            records += fresh.complete()
        if not any(segment.living_chunks for segment in segments):
            raise IndexFormatError(f"nothing is left of {self._draft.directory}; build it anew")
        if self._damaged:
            self.done.append(f"{len(self._damaged)} segments with {len(self._places)} documents were written anew")
        facts = Facts(options, manifest.profile, described, state, manifest.store)
        return write_manifest(self._draft, facts, segments, records, self._progress)

    def _documents(self) -> Iterator[Placed]:
        tables: dict[str, SourceTable] = {}
        chunker: Embeddings | None = None
        if self._manifest.options.chunking.method is ChunkingMethod.SEMANTIC and not all(
            part.rows for _, part in self._places
        ):
            chunker = self._encoder_at_hand()
        for position, part in self._places:
            if part.segment is not None and part.rows:
                yield position, part.segment.sources.document(position), part.segment.sources.chunk_rows(position)
                continue
            name = part.record.name
            if name not in tables:
                path = self._current.segment(name) / SOURCES
                tables[name] = self._opened.enter_context(closing(SourceTable(path)))
            source = tables[name].document(position)
            yield position, source, prepare(source, self._manifest.options, chunker)

    def _fit(self, fresh: FreshSegments) -> tuple[EncoderRecord, Path]:
        """The static encoder, fitted to all chunks."""
        options = self._manifest.options.encoder
        state = self._draft.new_encoder()
        self._encoder = make_encoder(
            options,
            lambda: (search_text(chunk) for segment in fresh.segments for batch in batches(segment) for chunk in batch),
            state,
        )
        assert self._encoder is not None
        self.done.append("the encoder was fitted anew")
        return describe_encoder(self._encoder, options, own=False), state

    def _write_vectors(self, fresh: FreshSegments) -> None:
        if self._store is None or self._manifest.store is None:
            return
        known: dict[str, NDArray[np.float32]] = {}
        for part in self._damaged:
            if part.segment is not None and part.rows and part.vectors and not self._fitted_anew:
                for chunks in batches(part.segment):
                    known.update(known_vectors(self._store, {part.segment.name: chunks}))
        encoded = 0
        for segment in fresh.segments:
            before = len(known)
            write_vectors(self._store, self._manifest.store, segment, self._vectors(segment, known))
            encoded += len(known) - before
        if encoded:
            self.done.append(f"{encoded} texts were encoded anew")

    def _vectors(self, segment: Segment, known: dict[str, NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        for chunks in watched(batches(segment), "encoding", self._progress):
            texts = [search_text(chunk) for chunk in chunks]
            fresh = list(dict.fromkeys(text for text in texts if text not in known))
            if fresh:
                known.update(zip(fresh, encode(self._encoder_at_hand(), fresh), strict=True))
            yield np.stack([known[text] for text in texts])

    def _encoder_at_hand(self) -> Embeddings:
        if self._encoder is None:
            self._encoder = encoder_of(self._current, self._embeddings)
        return self._encoder
