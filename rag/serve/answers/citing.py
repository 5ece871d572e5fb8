"""Citations and contexts of an answer as the service shows them."""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.documents import Document

from rag.answer import Citation, Context
from rag.index.chunk_table import ChunkTable
from rag.serve.answers.replies import CitationReply, ContextReply


def context_replies(contexts: Sequence[Context], chunks: ChunkTable) -> list[ContextReply]:
    """Contexts, numbered, with their places in their documents.

    Args:
        contexts: of an answer.
        chunks: of the generation that it was read from.
    """
    passages = chunks.by_chunk_ids([one.chunk_id for one in contexts])
    return [
        ContextReply(
            n=number,
            chunk_id=one.chunk_id,
            doc_id=one.doc_id,
            title=one.title,
            text=one.text,
            start=_start(one, passage, chunks),
            scores=one.scores,
        )
        for number, (one, passage) in enumerate(zip(contexts, passages, strict=True), start=1)
    ]


def _start(context: Context, passage: Document, chunks: ChunkTable) -> int:
    """Where in its document a passage begins as it was read: with its neighbours it begins before itself."""
    own = int(passage.metadata["start"])
    if context.text == passage.page_content:
        return own
    source = chunks.text_of(context.doc_id) or ""
    inside = re.finditer(re.escape(passage.page_content), context.text)
    return next((own - at.start() for at in inside if source.startswith(context.text, own - at.start())), own)


def citation_replies(citations: Sequence[Citation], chunks: ChunkTable) -> list[CitationReply]:
    """Citations, numbered, with their places in the passages they come from.

    Args:
        citations: of an answer.
        chunks: of the generation that it was read from.
    """
    cited = dict.fromkeys(one.chunk_id for one in citations)
    passages = dict(zip(cited, chunks.by_chunk_ids(list(cited)), strict=True))
    return [_reply(number, one, passages[one.chunk_id]) for number, one in enumerate(citations, start=1)]


def _reply(number: int, citation: Citation, passage: Document) -> CitationReply:
    # A passage that was read with its neighbours may be quoted outside itself.
    first = citation.start - int(passage.metadata["start"])
    last = citation.end - int(passage.metadata["start"])
    inside = first >= 0 and last <= len(passage.page_content)
    return CitationReply(
        n=number,
        chunk_id=citation.chunk_id,
        doc_id=citation.doc_id,
        title=citation.title,
        quote=citation.quote,
        start=citation.start,
        end=citation.end,
        answer_start=citation.answer_start,
        answer_end=citation.answer_end,
        chunk_start=first if inside else None,
        chunk_end=last if inside else None,
        score=citation.score,
    )
