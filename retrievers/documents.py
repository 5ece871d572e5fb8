"""What every retriever agrees on about a chunk: its identity, its searchable text, its scores.

A chunk is a LangChain ``Document`` whose ``id`` (and ``metadata["chunk_id"]``) is ``"{doc_id}_{chunk_index}"``.
Its metadata holds ``doc_id``, ``chunk_index``, ``title``, ``headings`` (``"Раздел > Подраздел"`` or ``""``) and
``start``/``end``, character offsets into the source document. Retrievers add ``scores`` and ``ranks``, dicts by
component name, on copies: a stored Document is never changed.
"""

from __future__ import annotations

from collections.abc import Iterable

from langchain_core.documents import Document

HEADING_SEPARATOR = " > "
RERANKER = "cross_encoder"  # component under which a reranker leaves its scores, whatever model it runs


def make_chunk_id(doc_id: str, chunk_index: int) -> str:
    """Chunk identity: ``make_chunk_id("a_b", 3) == "a_b_3"``."""
    return f"{doc_id}_{chunk_index}"


def split_chunk_id(chunk_id: str) -> tuple[str, int]:
    """Inverse of :func:`make_chunk_id`; document ids may hold underscores themselves.

    Raises:
        ValueError: when ``chunk_id`` does not end in an underscore and a number.
    """
    doc_id, separator, index = chunk_id.rpartition("_")
    if not separator or not index.isascii() or not index.isdigit():
        raise ValueError(f"expected a chunk id like 'doc_0', got {chunk_id!r}")
    return doc_id, int(index)


def chunk_id_of(document: Document) -> str:
    """Identity of a document in fusion and deduplication: chunk id, else ``Document.id``, else its text."""
    return str(document.metadata.get("chunk_id") or document.id or document.page_content)


def doc_id_of(document: Document) -> str:
    """Source document of a chunk: ``metadata["doc_id"]``, else the chunk's own identity."""
    return str(document.metadata.get("doc_id") or chunk_id_of(document))


def search_text(document: Document) -> str:
    """Text a chunk is found by: title, heading path and body. It is shown to readers without the first two."""
    parts = (document.metadata.get("title"), document.metadata.get("headings"), document.page_content)
    return "\n".join(str(part) for part in parts if part)


def with_score(document: Document, component: str, score: float, rank: int) -> Document:
    """Copy of ``document`` with one component's score and 1-based rank added to its metadata."""
    metadata = dict(document.metadata)
    metadata["scores"] = {**metadata.get("scores", {}), component: float(score)}
    metadata["ranks"] = {**metadata.get("ranks", {}), component: rank}
    return Document(id=document.id, page_content=document.page_content, metadata=metadata)


def score_of(document: Document, component: str, default: float = 0.0) -> float:
    """Score that ``component`` gave to this hit, or ``default`` where it did not see it."""
    return float(document.metadata.get("scores", {}).get(component, default))


def unique_by_chunk(documents: Iterable[Document]) -> list[Document]:
    """First occurrence of every chunk, order kept."""
    seen: dict[str, Document] = {}
    for document in documents:
        seen.setdefault(chunk_id_of(document), document)
    return list(seen.values())
