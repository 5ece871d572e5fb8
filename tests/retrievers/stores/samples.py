"""Stores, chunks and an encoder that the tests of the stores share."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from retrievers.analysis import Analyzer
from retrievers.documents import make_chunk_id, search_text
from retrievers.stores import Batch, ChunkStore, open_chunk_store

DIMENSION = 32
KINDS = ("chroma", "chroma-directory", "chroma-server", "milvus-lite")


class HashedTerms(Embeddings):
    """Counts of terms by a checksum of each, of length 1: texts are near that share words; no known word, no vector."""

    def __init__(self) -> None:
        self._analyzer = Analyzer()

    def encode(self, texts: list[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), DIMENSION), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for term in self._analyzer(text):
                row[sum(term.encode()) % DIMENSION] += 1
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return self.encode(texts).tolist()

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


ENCODER = HashedTerms()


def chunk(doc_id: str, number: int, text: str, **metadata: Any) -> Document:
    """A chunk as an index has it."""
    chunk_id = make_chunk_id(doc_id, number)
    own = {"doc_id": doc_id, "chunk_id": chunk_id, "chunk_index": number, "title": "", "headings": ""}
    return Document(id=chunk_id, page_content=text, metadata={**metadata, **own})


def batch(chunks: Sequence[Document], vectors: NDArray[np.float32] | None = None) -> Batch:
    """Chunks with their terms and vectors."""
    texts = [search_text(found) for found in chunks]
    return Batch(
        chunks=list(chunks),
        vectors=ENCODER.encode(texts) if vectors is None else vectors,
        terms=[ENCODER._analyzer(text) for text in texts],
    )


@dataclass
class Shelf:
    """Where the chunks are kept: the newest of each id."""

    kept: dict[str, Document] = field(default_factory=dict)

    def put(self, chunks: Sequence[Document]) -> list[Document]:
        self.kept.update({str(found.id): found for found in chunks})
        return list(chunks)

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        return [self.kept[chunk_id].model_copy(deep=True) for chunk_id in chunk_ids]


@contextmanager
def opened(kind: str, folder: Path, server: str | None, index_id: str = "0f1e2d3c4b5a") -> Iterator[ChunkStore]:
    """A store of one kind that keeps what it has in ``folder``, or on ``server``."""
    locations = {
        "chroma": "chroma",
        "chroma-directory": f"chroma:{folder / 'collections'}",
        "chroma-server": f"chroma+{server}",
        "milvus-lite": f"milvus:{folder / 'milvus.db'}",
    }
    store = open_chunk_store(
        locations[kind], index_id=index_id, folder_of=lambda segment: folder / segment, dimension=DIMENSION
    )
    try:
        yield store
    finally:
        store.close()
