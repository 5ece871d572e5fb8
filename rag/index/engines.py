"""What does the heavy work of a build: this process and a few others, or the workers of a cluster."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.index.encoders import encode
from rag.index.options import EncoderOptions, IndexOptions
from rag.index.prepare import Prepared, prepare_all


@dataclass(frozen=True, slots=True)
class EncoderAtHand:
    """An encoder with what makes the same one elsewhere.

    Args:
        embeddings: the encoder.
        options: it was made from.
        state: directory of the static encoder's state.
        own: the caller passed it in place of the one that ``options`` name.
    """

    embeddings: Embeddings
    options: EncoderOptions
    state: Path | None = None
    own: bool = False


@dataclass(slots=True)
class Reused:
    """What an engine had no more to do, because an earlier try had kept it.

    Args:
        documents: that were prepared.
        batches: of texts that were encoded.
    """

    documents: int = 0
    batches: int = 0


class Engine(Protocol):
    """Where documents are prepared and chunks are encoded.

    Both methods are lazy, keep the order, and hold a bounded number of documents or batches at once, whatever the
    length of their input; they may be at work at the same time. The results of all engines are the same.
    """

    @property
    def reused(self) -> Reused:
        """Of the work so far."""
        ...

    def prepared(
        self,
        sources: Iterable[SourceDocument],
        options: IndexOptions,
        encoder: EncoderAtHand | None = None,
        *,
        staging: Path | None = None,
    ) -> Iterator[Prepared]:
        """Documents with their chunks.

        Args:
            sources: read as they are needed.
            options: of the index.
            encoder: for the semantic chunker.
            staging: directory where an engine may keep what is done, for a second try after a crash; whoever holds
                the index's lock and has published it removes the directory.

        Raises:
            RagIndexError: a worker died; nothing half-made is left.
        """
        ...

    def encoded(
        self, batches: Iterable[list[str]], encoder: EncoderAtHand, *, staging: Path | None = None
    ) -> Iterator[NDArray[np.float32]]:
        """Vectors of texts, an array of shape (n_texts, dim) for each batch.

        A batch is encoded whole: in other batches the same texts have vectors that differ in their last bits.

        Raises:
            RagIndexError: a worker died.
        """
        ...


@dataclass(frozen=True, slots=True)
class LocalEngine:
    """Documents and chunks are worked on here; it keeps nothing for a second try.

    Args:
        workers: processes that prepare documents (see :func:`rag.index.prepare.prepare_all`).
    """

    workers: int = 1

    @property
    def reused(self) -> Reused:
        """Nothing."""
        return Reused()

    def prepared(
        self,
        sources: Iterable[SourceDocument],
        options: IndexOptions,
        encoder: EncoderAtHand | None = None,
        *,
        staging: Path | None = None,  # noqa: ARG002 - of the protocol
    ) -> Iterator[Prepared]:
        """See :meth:`Engine.prepared`."""
        return prepare_all(sources, options, self.workers, encoder.embeddings if encoder else None)

    def encoded(
        self,
        batches: Iterable[list[str]],
        encoder: EncoderAtHand,
        *,
        staging: Path | None = None,  # noqa: ARG002 - of the protocol
    ) -> Iterator[NDArray[np.float32]]:
        """See :meth:`Engine.encoded`."""
        return (encode(encoder.embeddings, texts) for texts in batches)
