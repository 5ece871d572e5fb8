"""The encoder of an index: made when it is built, loaded when it is asked, recognised in between."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from typing_extensions import override

from rag.errors import IndexMismatchError
from rag.index.layout import Generation
from rag.index.manifest import EncoderRecord
from rag.index.options import EncoderKind, EncoderOptions
from retrievers.documents import search_text

NO_VECTORS = "the index was built without an encoder: it has no dense retrieval; build it with one"
_REMEDY = "open the index with the encoder it was built with, or build it anew"
_PROBE = "Съешь же ещё этих мягких французских булок, да выпей чаю."
_PROBE_NUMBERS = 16
_PROBE_TOLERANCE = 0.02  # other hardware and half precision move a component of a unit vector by less


@runtime_checkable
class ArrayEncoder(Protocol):
    """Embeddings that give arrays, without the detour over lists of Python floats."""

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Array of shape (n_texts, dim)."""
        ...


def make_encoder(options: EncoderOptions, texts: Callable[[], Iterable[str]], folder: Path) -> Embeddings | None:
    """The encoder ``options`` describe, for a new index; None for kind ``none``.

    Args:
        options: of the encoder.
        texts: search texts of all chunks; the static encoder is fitted to them.
        folder: where a fitted encoder's state is kept.

    Raises:
        MissingExtraError, ModelUnavailableError: the packages or the weights are missing.
    """
    if options.kind is not EncoderKind.STATIC:
        return load_encoder(options, folder)
    from retrievers.encoders.static import StaticEmbeddings

    encoder = StaticEmbeddings.fit(texts())
    encoder.save(folder)
    return encoder


def load_encoder(options: EncoderOptions, folder: Path) -> Embeddings | None:
    """The encoder of an existing index; arguments and errors as for :func:`make_encoder`."""
    match options.kind:
        case EncoderKind.NONE:
            return None
        case EncoderKind.STATIC:
            from retrievers.encoders.static import StaticEmbeddings

            return StaticEmbeddings.load(folder)
        case EncoderKind.HUGGINGFACE:
            from retrievers.encoders.huggingface import HuggingFaceEncoder

            return HuggingFaceEncoder(
                str(options.model), revision=options.revision, device=options.device, batch_size=options.batch_size
            )
        case EncoderKind.ONNX:
            from retrievers.encoders.onnx import OnnxEncoder

            return OnnxEncoder(str(options.model), revision=options.revision, batch_size=options.batch_size)


def describe_encoder(encoder: Embeddings, options: EncoderOptions, *, own: bool) -> EncoderRecord:
    """What is kept about an encoder to recognise it.

    Args:
        encoder: the encoder.
        options: it was made from.
        own: whether the caller passed it instead.
    """
    vector = encode(encoder, [_PROBE])[0]
    name = type(encoder).__name__ if own else str(options.model or options.kind)
    return EncoderRecord(
        name=name,
        fingerprint=str(getattr(encoder, "fingerprint", None) or f"{name}:{len(vector)}"),
        dimension=len(vector),
        probe=_unit_head(vector),
        own=own,
    )


def check_fingerprint(encoder: Embeddings, record: EncoderRecord) -> None:
    """Refuse an encoder that says itself that it is another one than the index was built with.

    Raises:
        IndexMismatchError: the fingerprints differ.
    """
    fingerprint = getattr(encoder, "fingerprint", None)
    if fingerprint is not None and str(fingerprint) != record.fingerprint:
        raise IndexMismatchError(
            f"the index was built with the encoder {record.name} ({record.fingerprint[:12]}), the one at hand is "
            f"{str(fingerprint)[:12]}; {_REMEDY}"
        )


def check_vectors(encoder: Embeddings, record: EncoderRecord) -> None:
    """Refuse an encoder that makes other vectors than the index was built with, whatever it says of itself.

    Raises:
        IndexMismatchError: another dimension, or another vector of a fixed sentence.
    """
    vector = encode(encoder, [_PROBE])[0]
    if len(vector) != record.dimension:
        raise IndexMismatchError(
            f"the index holds vectors of {record.dimension} dimensions ({record.name}), the encoder at hand makes "
            f"{len(vector)}; {_REMEDY}"
        )
    moved = float(np.max(np.abs(np.subtract(_unit_head(vector), record.probe)), initial=0.0))
    if moved > _PROBE_TOLERANCE:
        raise IndexMismatchError(
            f"the encoder at hand does not make the vectors of this index ({record.name}): a component of a fixed "
            f"sentence's vector differs by {moved:.3f}; {_REMEDY}"
        )


def encoder_of(generation: Generation, embeddings: Embeddings | None) -> Embeddings:
    """The encoder of an index: its own, or the caller's, checked against what the index was built with.

    Raises:
        IndexMismatchError: the index has no vectors, or they were made by another encoder.
    """
    record = generation.manifest.encoder
    if record is None:
        raise IndexMismatchError(NO_VECTORS)
    if record.own and embeddings is None:
        raise IndexMismatchError(
            f"the index was built with embeddings of the caller's own ({record.name}); pass them as embeddings=…"
        )
    options = generation.manifest.options.encoder
    encoder = embeddings or load_encoder(options, generation.encoder or generation.path)
    assert encoder is not None
    # The state of the static encoder is one of the index's own files; to digest it takes as long as to load it.
    if embeddings is not None or options.kind is not EncoderKind.STATIC:
        check_fingerprint(encoder, record)
    check_vectors(encoder, record)
    return encoder


class ReusingEmbeddings(Embeddings):
    """An encoder that is asked only for texts whose vectors are not known.

    Args:
        encoder: asked for the others.
        known: vectors by text.
    """

    def __init__(self, encoder: Embeddings, known: dict[str, NDArray[np.float32]]) -> None:
        self._encoder = encoder
        self._known = known
        self.encoded = 0  # texts that had to be encoded

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Array of shape (n_texts, dim)."""
        fresh = list(dict.fromkeys(text for text in texts if text not in self._known))
        if fresh:
            self.encoded += len(fresh)
            self._known.update(zip(fresh, encode(self._encoder, fresh), strict=True))
        return np.stack([self._known[text] for text in texts])

    @override
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(number) for number in vector] for vector in self.encode(texts)]

    @override
    def embed_query(self, text: str) -> list[float]:
        return self._encoder.embed_query(text)


def search_texts(chunks: Iterable[Any]) -> Iterable[str]:
    """Search text of each chunk."""
    return (search_text(chunk) for chunk in chunks)


def encode(encoder: Embeddings, texts: list[str]) -> NDArray[np.float32]:
    """Vectors of texts, array of shape (n_texts, dim)."""
    vectors = encoder.encode(texts) if isinstance(encoder, ArrayEncoder) else encoder.embed_documents(texts)
    return np.asarray(vectors, dtype=np.float32)


def _unit_head(vector: NDArray[np.float32]) -> tuple[float, ...]:
    length = float(np.linalg.norm(vector)) or 1.0
    return tuple(round(float(number) / length, 5) for number in vector[:_PROBE_NUMBERS])
