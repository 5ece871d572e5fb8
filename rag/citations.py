"""From evidence spans inside chunks to quoted sentences with offsets into the source document."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.documents import Document

from generators.base import Evidence
from rag.answer import Citation
from retrievers.documents import chunk_id_of, doc_id_of
from retrievers.sentences import sentence_spans

# Longest quote in characters; a longer sentence (a list, a table) is cut at words around the answer.
MAX_QUOTE = 400


def sentence_around(text: str, start: int, end: int) -> tuple[int, int]:
    """Bounds of the sentence, or neighbouring sentences, of ``text`` that hold ``text[start:end]``."""
    first, last = start, end
    for begin, stop in sentence_spans(text):
        if begin <= start < stop:
            first = begin
        if begin < end <= stop:
            last = stop
            break
    return _clip(text, first, last, start, end)


def _clip(text: str, first: int, last: int, start: int, end: int) -> tuple[int, int]:
    """Narrow ``[first, last)`` to :data:`MAX_QUOTE` characters around ``[start, end)``, at white space."""
    if last - first > MAX_QUOTE:
        margin = max(0, MAX_QUOTE - (end - start)) // 2
        left, right = max(first, start - margin), min(last, end + margin)
        while first < left < start and not text[left - 1].isspace():
            left += 1
        while end < right < last and not text[right].isspace():
            right -= 1
        first, last = left, right
    while first < start and text[first].isspace():
        first += 1
    while last > end and text[last - 1].isspace():
        last -= 1
    return first, last


def cite(evidence: Sequence[Evidence], documents: Sequence[Document]) -> tuple[Citation, ...]:
    """Citations of evidence spans, in the same order; spans of one quoted sentence give one citation.

    Args:
        evidence: spans with offsets into a chunk's ``page_content``.
        documents: the chunks read; each carries ``start``, its offset in the source document.

    Raises:
        ValueError: for evidence that names a chunk that was not read, or lies outside it.
    """
    chunks = {chunk_id_of(document): document for document in documents}
    citations: dict[tuple[str, int, int], Citation] = {}
    for span in evidence:
        chunk = chunks.get(span.chunk_id)
        if chunk is None or not 0 <= span.start < span.end <= len(chunk.page_content):
            raise ValueError(f"evidence {span} does not lie in the chunks read: {', '.join(chunks) or 'none'}")
        text = chunk.page_content
        first, last = sentence_around(text, span.start, span.end)
        offset = int(chunk.metadata.get("start", 0))
        citation = Citation(
            chunk_id=span.chunk_id,
            doc_id=doc_id_of(chunk),
            title=str(chunk.metadata.get("title", "")),
            quote=text[first:last],
            start=offset + first,
            end=offset + last,
            answer_start=span.start - first,
            answer_end=span.end - first,
            score=final_score(chunk),
        )
        citations.setdefault((citation.doc_id, citation.start, citation.end), citation)
    return tuple(citations.values())


def final_score(document: Document) -> float:
    """Score of the last stage that ranked this chunk (scores keep the order in which stages added them)."""
    return float(next(reversed(document.metadata.get("scores", {}).values()), 0.0))
