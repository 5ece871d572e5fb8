"""What the workers of Ray do with one item: JSON in, JSON or numbers out.

Documents travel as JSON in one column of bytes, so that metadata of any shape arrives as it was.
"""

from __future__ import annotations

import dataclasses
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.index.encoders import encode, load_encoder
from rag.index.options import EncoderOptions, IndexOptions
from rag.index.prepare import prepare
from rag.index.sources import ChunkRow

if TYPE_CHECKING:
    from rag.index.engines import EncoderAtHand
    from rag.index.ray_stream import Work


@dataclass(frozen=True, slots=True)
class PackedEncoder:
    """An encoder on its way to a worker, whose machine need not see the index's directory.

    Args:
        options: what it is made from.
        files: the static encoder's state by file name.
        own: the caller's own encoder.
    """

    options: EncoderOptions
    files: dict[str, bytes]
    own: Embeddings | None = None

    @classmethod
    def of(cls, encoder: EncoderAtHand) -> PackedEncoder:
        """Pack an encoder."""
        if encoder.own:
            return cls(encoder.options, {}, encoder.embeddings)
        paths = sorted(encoder.state.iterdir()) if encoder.state is not None else ()
        return cls(encoder.options, {path.name: path.read_bytes() for path in paths})

    def unpack(self) -> Embeddings:
        """The encoder.

        Raises:
            MissingExtraError, ModelUnavailableError: the worker's machine lacks its packages or weights.
        """
        if self.own is not None:
            return self.own
        with tempfile.TemporaryDirectory() as folder:
            for name, content in self.files.items():
                Path(folder, name).write_bytes(content)
            encoder = load_encoder(self.options, Path(folder))
        if encoder is None:
            raise ValueError("the options name no encoder")
        return encoder


def preparing(options: str, encoder: PackedEncoder | None) -> Work:
    """Work on parcels of documents (:func:`pack_documents`): a line of :func:`pack_rows` for each.

    Args:
        options: of the index, as JSON.
        encoder: for the semantic chunker.
    """
    index_options = IndexOptions.model_validate_json(options)
    embeddings = encoder.unpack() if encoder else None

    def work(payload: bytes) -> bytes:
        # JSON has no line feed of its own, so one stands between two documents.
        return b"\n".join(pack_rows(prepare(source, index_options, embeddings)) for source in unpack_documents(payload))

    return work


def encoding(encoder: PackedEncoder) -> Work:
    """Work on batches of texts: JSON to an array's bytes."""
    embeddings = encoder.unpack()

    def work(payload: bytes) -> bytes:
        return encode(embeddings, json.loads(payload)).tobytes()

    return work


def pack_documents(sources: Sequence[SourceDocument]) -> bytes:
    """A parcel."""
    return _bytes([[source.doc_id, source.title, source.text, source.metadata] for source in sources])


def unpack_documents(parcel: bytes) -> list[SourceDocument]:
    """Documents of a parcel."""
    return [SourceDocument(*fields) for fields in json.loads(parcel)]


def pack_rows(rows: Sequence[ChunkRow]) -> bytes:
    """The chunk rows of one document."""
    return _bytes([dataclasses.asdict(row) for row in rows])


def unpack_rows(content: bytes) -> list[ChunkRow]:
    """Chunk rows of one document."""
    return [ChunkRow(**fields) for fields in json.loads(content)]


def pack_texts(texts: Sequence[str]) -> bytes:
    """A batch to encode."""
    return _bytes(list(texts))


def unpack_vectors(content: bytes, texts: int) -> NDArray[np.float32]:
    """Array of shape (texts, dim)."""
    return np.frombuffer(content, np.float32).reshape(texts, -1)


def _bytes(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
