"""Encoders: texts to vectors, each a LangChain ``Embeddings``."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray


@runtime_checkable
class Encoder(Protocol):
    """What an encoder offers beside ``embed_documents`` and ``embed_query``; an index stores it to know it again."""

    @property
    def name(self) -> str:
        """For people: the model's name."""
        ...

    @property
    def fingerprint(self) -> str:
        """Equal for encoders that make the same vectors, wherever their files lie."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        """Vectors of documents, shape (n_texts, dimension), rows of length 1 (or 0 where nothing is known)."""
        ...
