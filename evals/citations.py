"""Whether an answer's citations are what they claim to be.

Two questions are asked of each: does the quote stand in the cited chunk, and is the cited document a gold one? A score
is the share of an answer's citations that pass. An answer without citations supports nothing and scores 0; an
abstention needs none, so the caller leaves it out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from retrievers.analysis import visible_with_offsets


class Cited(Protocol):
    """What a citation must have here; ``rag.answer.Citation`` has it."""

    @property
    def chunk_id(self) -> str:
        """Chunk the quote is said to stand in."""

    @property
    def doc_id(self) -> str:
        """Its document."""

    @property
    def quote(self) -> str:
        """The quoted text."""


def quote_found_share(citations: Sequence[Cited], texts_by_chunk: Mapping[str, str]) -> float:
    """Share of citations whose quote stands in the cited chunk's text, in [0, 1].

    Letters, case and punctuation must agree; stress marks, soft hyphens and kinds of white space need not. An empty
    quote and a chunk that is not among the texts count as not found.

    Args:
        citations: of one answer; none score 0.
        texts_by_chunk: chunk id to text, of the chunks the answer was read from.
    """
    found = [
        bool(quote := _plain(citation.quote)) and quote in _plain(texts_by_chunk.get(citation.chunk_id, ""))
        for citation in citations
    ]
    return sum(found) / len(found) if found else 0.0


def gold_document_share(citations: Sequence[Cited], gold_doc_ids: Collection[str]) -> float:
    """Share of citations whose document is a gold one, in [0, 1]; no citations score 0.

    Raises:
        ValueError: without gold documents the metric is undefined.
    """
    if not gold_doc_ids:
        raise ValueError("a citation metric is undefined without gold documents; leave such questions out")
    return sum(citation.doc_id in gold_doc_ids for citation in citations) / len(citations) if citations else 0.0


def citation_metrics(
    citations: Sequence[Cited], texts_by_chunk: Mapping[str, str], gold_doc_ids: Collection[str]
) -> dict[str, float]:
    """Both shares of one answer: ``citation_in_chunk`` and ``citation_gold``.

    The latter is left out where there are no gold documents, as with an unanswerable question.
    """
    scores = {"citation_in_chunk": quote_found_share(citations, texts_by_chunk)}
    if gold_doc_ids:
        scores["citation_gold"] = gold_document_share(citations, gold_doc_ids)
    return scores


def _plain(text: str) -> str:
    return " ".join(visible_with_offsets(text)[0].split())
