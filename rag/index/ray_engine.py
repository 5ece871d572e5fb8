"""The engine on Ray: many cores or machines prepare and encode, this process reads and writes.

Documents are read here, where the files are, and travel in parcels; their chunks come back in the order of the
documents. The static encoder is fitted to all chunks before one of them is encoded: preparing ends first, then its
state travels to the workers. A neural encoder needs no chunk to exist: where the caller takes vectors while documents
are still being prepared, both pools are at work, which is why an actor of each counts for half a core.

With a staging directory a build that was killed goes on where it stopped: prepared documents are kept by their digest,
vectors by the texts of their batch, both under the digest of everything that made them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.errors import InputError
from rag.index.engines import EncoderAtHand, Reused
from rag.index.options import EncoderKind, IndexOptions
from rag.index.prepare import Prepared, parcels
from rag.index.ray_stages import (
    PackedEncoder,
    encoding,
    pack_documents,
    pack_texts,
    preparing,
    unpack_rows,
    unpack_vectors,
)
from rag.index.ray_stream import Pool, Stream, in_order
from rag.index.staging import NoStaging, Parts, Staging, part_key, recipe_digest
from rag.ray_session import Cluster, ray_session

_SHARE = 0.5  # of a core, for an actor: two pools can be at work at once
_CORES_A_MODEL = 4  # a neural encoder on the processor uses so many at once, and its weights are held by each actor


@contextmanager
def ray_engine(address: str | None = None) -> Iterator[RayEngine]:
    """An engine on Ray while the block runs.

    Args:
        address: see :func:`rag.ray_session.ray_session`.

    Raises:
        MissingExtraError: Ray is not installed.
        InputError: no cluster answers at the address.
    """
    with ray_session(address) as cluster:
        yield RayEngine(cluster)


class RayEngine:
    """See :class:`rag.index.engines.Engine`; opened by :func:`ray_engine`.

    Args:
        cluster: to work on.
        stream: carries items to the workers and back.
    """

    def __init__(self, cluster: Cluster, stream: Stream = in_order) -> None:
        self._cluster = cluster
        self._in_order = stream
        self._reused = Reused()

    @property
    def reused(self) -> Reused:
        """Of the work so far."""
        return self._reused

    def prepared(
        self,
        sources: Iterable[SourceDocument],
        options: IndexOptions,
        encoder: EncoderAtHand | None = None,
        *,
        staging: Path | None = None,
    ) -> Iterator[Prepared]:
        """See :meth:`rag.index.engines.Engine.prepared`."""
        recipe = _preparing_recipe(options, encoder)
        arguments = (options.model_dump_json(), PackedEncoder.of(encoder) if encoder else None)
        with ExitStack() as opened:
            kept = opened.enter_context(_kept(staging, recipe))
            tried = (_Parcel.look_up(documents, kept, recipe) for documents in parcels(sources))
            items = ((parcel, parcel.payload()) for parcel in tried)
            results = self._in_order(items, preparing, arguments, self._preparing_pool(encoder))
            for parcel, result in opened.enter_context(closing(results)):
                made = dict(zip(parcel.missing, result.split(b"\n") if result is not None else (), strict=True))
                kept.put((parcel.keys[number], content) for number, content in made.items())
                self._reused.documents += len(parcel.found)
                for number, source in enumerate(parcel.sources):
                    yield source, unpack_rows(made[number] if number in made else parcel.found[number])

    def encoded(
        self, batches: Iterable[list[str]], encoder: EncoderAtHand, *, staging: Path | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """See :meth:`rag.index.engines.Engine.encoded`."""
        recipe = _encoding_recipe(encoder)
        with ExitStack() as opened:
            kept = opened.enter_context(_kept(staging, recipe))
            tried = (_Batch.look_up(texts, kept, recipe) for texts in batches)
            items = ((batch, batch.payload()) for batch in tried)
            arguments = (PackedEncoder.of(encoder),)
            results = self._in_order(items, encoding, arguments, self._encoding_pool(encoder))
            for batch, result in opened.enter_context(closing(results)):
                if result is None:
                    self._reused.batches += 1
                else:
                    kept.put([(batch.key, result)])
                yield unpack_vectors(batch.found if result is None else result, len(batch.texts))

    def _preparing_pool(self, encoder: EncoderAtHand | None) -> Pool:
        if encoder is not None:  # the semantic chunker: each actor holds the encoder
            return self._encoding_pool(encoder)
        return Pool(self._cluster.cores, _SHARE)

    def _encoding_pool(self, encoder: EncoderAtHand) -> Pool:
        if encoder.options.kind is EncoderKind.STATIC and not encoder.own:
            return Pool(self._cluster.cores, _SHARE)
        if self._cluster.gpus and encoder.options.device != "cpu" and not encoder.own:
            return Pool(self._cluster.gpus, _SHARE, gpus=1.0)
        cores = min(self._cluster.cores, _CORES_A_MODEL)
        return Pool(self._cluster.cores // cores, _SHARE * cores)


@dataclass(frozen=True, slots=True)
class _Parcel:
    """Documents that travel together.

    Args:
        sources: the documents.
        keys: of their chunk rows.
        found: rows that an earlier try left, by the number of the document.
    """

    sources: list[SourceDocument]
    keys: list[bytes]
    found: dict[int, bytes]

    @classmethod
    def look_up(cls, sources: list[SourceDocument], kept: Parts, recipe: bytes) -> _Parcel:
        """With what is there already."""
        keys = [part_key(recipe, _digest(source)) for source in sources]
        contents = {number: kept.get(key) for number, key in enumerate(keys)}
        return cls(sources, keys, {number: content for number, content in contents.items() if content is not None})

    @property
    def missing(self) -> list[int]:
        """Numbers of the documents that have to be prepared."""
        return [number for number in range(len(self.sources)) if number not in self.found]

    def payload(self) -> bytes | None:
        """What has to be sent, None where nothing is missing."""
        return pack_documents([self.sources[number] for number in self.missing]) if self.missing else None


@dataclass(frozen=True, slots=True)
class _Batch:
    """Texts that are encoded together.

    Args:
        texts: to encode.
        key: of their vectors.
        found: vectors that an earlier try left; empty where there are none.
    """

    texts: list[str]
    key: bytes
    found: bytes

    @classmethod
    def look_up(cls, texts: list[str], kept: Parts, recipe: bytes) -> _Batch:
        """With what is there already."""
        key = part_key(recipe, *texts)
        return cls(texts, key, kept.get(key) or b"")

    def payload(self) -> bytes | None:
        """What has to be sent, None where the vectors are there."""
        return None if self.found else pack_texts(self.texts)


def _digest(source: SourceDocument) -> str:
    try:
        return source.digest
    except UnicodeEncodeError as error:
        raise InputError(f"document {source.doc_id!r} holds characters that are not valid Unicode: {error}") from error


def _kept(staging: Path | None, recipe: bytes) -> Parts:
    """Where parts are kept; nowhere, where nothing tells whether they would fit the next time."""
    return Staging(staging) if staging is not None and recipe else NoStaging()


def _preparing_recipe(options: IndexOptions, encoder: EncoderAtHand | None) -> bytes:
    """Digest of what makes chunk rows; empty where it cannot be known."""
    used = options.model_dump_json(include={"chunking", "analysis", "entities"})
    if encoder is None:
        return recipe_digest("rows", used)
    fingerprint = _fingerprint(encoder)
    return recipe_digest("rows", used, fingerprint) if fingerprint else b""


def _encoding_recipe(encoder: EncoderAtHand) -> bytes:
    """Digest of what makes vectors; empty where the encoder cannot tell."""
    fingerprint = _fingerprint(encoder)
    return recipe_digest("vectors", fingerprint) if fingerprint else b""


def _fingerprint(encoder: EncoderAtHand) -> str:
    return str(getattr(encoder.embeddings, "fingerprint", ""))
