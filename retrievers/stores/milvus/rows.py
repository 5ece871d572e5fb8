"""Chunks as rows of a Milvus collection."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from retrievers.errors import InputError
from retrievers.stores.interface import Batch
from retrievers.stores.metadata import storable
from retrievers.stores.milvus.terms import encode_terms

MOST_BYTES = 65_535  # of a VARCHAR or JSON value
ROWS = 1_000  # written or read at once

_PARCEL_BYTES = 8_000_000  # of one insertion; a server takes 64 MB


def rows_of(segment: str, batch: Batch) -> Iterator[dict[str, Any]]:
    """Rows of a batch of chunks.

    Raises:
        InputError: a chunk that Milvus cannot hold.
    """
    for chunk, vector, terms in zip(batch.chunks, batch.vectors, batch.terms, strict=True):
        chunk_id = str(chunk.metadata["chunk_id"])
        row = {
            "pk": row_key(segment, chunk_id),
            "segment": segment,
            "chunk_id": chunk_id,
            "doc_id": str(chunk.metadata["doc_id"]),
            "terms": encode_terms(terms),
            "metadata": storable(chunk.metadata, chunk_id),
        }
        for field, what in (("pk", "its id"), ("terms", "its index terms"), ("metadata", "its metadata")):
            size = len(str(row[field]).encode())
            if size > MOST_BYTES:
                raise InputError(
                    f"chunk {chunk_id[:100]}: Milvus holds {MOST_BYTES} bytes of {what}, got {size}; cut documents "
                    "into shorter chunks or shorten the metadata"
                )
        yield {**row, "vector": vector}


def parcels(rows: Iterable[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows in lists that one insertion takes."""
    parcel: list[dict[str, Any]] = []
    size = 0
    for row in rows:
        parcel.append(row)
        size += row["vector"].nbytes + sum(len(str(row[name])) * 2 for name in ("pk", "chunk_id", "terms", "metadata"))
        if len(parcel) == ROWS or size > _PARCEL_BYTES:
            yield parcel
            parcel, size = [], 0
    if parcel:
        yield parcel


def row_key(segment: str, chunk_id: str) -> str:
    """Primary key: a changed document has chunks of the same ids in two segments."""
    return f"{segment}/{chunk_id}"
