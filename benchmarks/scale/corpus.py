"""A collection of any size that looks like the one it is grown from.

A chunk of it is two halves of two chunks of the index, drawn at random, so lengths, common terms and what stands
together stay natural. Rare terms (of at most :data:`_RARE` chunks) get the number of their block of as many chunks as
the index has: a vocabulary that grows with the collection, as names and misspellings make real ones grow.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rag.documents.rows import SourceDocument
from rag.index import Index
from rag.index.sources import ChunkRow

_RARE = 3
_CHUNKS_A_DOCUMENT = 50
_CHARACTERS = 600  # of a chunk


@dataclass(frozen=True, slots=True)
class Grown:
    """A source of synthetic chunks.

    Args:
        terms: term lists of the real chunks.
        rare: terms that are renamed from block to block.
        text: real text that the chunks are cut from.
        vectors: unit vectors of real chunks, array of shape (n, dim).
    """

    terms: list[list[str]]
    rare: frozenset[str]
    text: str
    vectors: NDArray[np.float32]

    @classmethod
    def of(cls, index: Index) -> Grown:
        """From the chunks of an index."""
        terms = list(index.chunks.terms())
        frequencies = Counter(term for row in terms for term in set(row))
        chunk_ids = index.chunks.chunk_ids()[:20_000]
        stored = index.vectors().vectors(chunk_ids)
        vectors = np.stack([stored[chunk_id] for chunk_id in chunk_ids])
        text = "".join(source.text for source, _ in zip(index.chunks.documents(), range(100), strict=False))
        rare = frozenset(term for term, count in frequencies.items() if count <= _RARE)
        return cls(terms, rare, text, vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9))

    def term_lists(self, count: int) -> Iterator[list[str]]:
        """Term lists of ``count`` chunks; the same ones for every larger count."""
        draw = random.Random(7)
        for number in range(count):
            left, right = draw.choice(self.terms), draw.choice(self.terms)
            row = [*left[: len(left) // 2], *right[len(right) // 2 :]]
            block = number // len(self.terms)
            yield [f"{term}\u00b7{block}" if block and term in self.rare else term for term in row]

    def documents(self, count: int) -> Iterator[tuple[SourceDocument, list[ChunkRow]]]:
        """Documents with ``count`` chunks in all."""
        made = self.term_lists(count)
        length = _CHUNKS_A_DOCUMENT * _CHARACTERS
        for number, first in enumerate(range(0, count, _CHUNKS_A_DOCUMENT)):
            start = number * 7919 % max(1, len(self.text) - length)
            source = SourceDocument(f"d{number}", f"Документ {number}", self.text[start : start + length], {})
            chunks = range(min(_CHUNKS_A_DOCUMENT, count - first))
            yield (
                source,
                [
                    ChunkRow(chunk, chunk * _CHARACTERS, (chunk + 1) * _CHARACTERS, "", {}, " ".join(next(made)))
                    for chunk in chunks
                ],
            )

    def unit_vectors(self, count: int, batch: int) -> Iterator[NDArray[np.float32]]:
        """Batches of unit vectors near real ones, ``count`` in all."""
        random_numbers = np.random.default_rng(7)
        for start in range(0, count, batch):
            size = min(batch, count - start)
            near = self.vectors[random_numbers.integers(0, len(self.vectors), size)]
            noise = random_numbers.standard_normal(near.shape).astype(np.float32) / np.sqrt(near.shape[1])
            moved = near + 0.5 * noise
            yield moved / np.linalg.norm(moved, axis=1, keepdims=True)
