"""What the tools found, as a model reads it: every text of a document fenced."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.documents import Document

from prompts.tools import fenced_citation, fenced_page, fenced_passage, reply
from rag.answer import Answer
from rag.citations import final_score
from rag.tools.bounds import MAX_PASSAGES
from rag.tools.library import Page
from retrievers.documents import HEADING_SEPARATOR, chunk_id_of, doc_id_of


def passages_text(passages: Sequence[Document], *, asked: int) -> str:
    """Numbered passages; where more were ``asked`` for than are shown at once, it is said."""
    if not passages:
        return reply("none")
    blocks = [
        fenced_passage(
            number=number,
            doc_id=doc_id_of(one),
            chunk_id=chunk_id_of(one),
            title=full_title(one),
            start=int(one.metadata.get("start", 0)),
            score=decimal(final_score(one)),
            text=one.page_content,
        )
        for number, one in enumerate(passages, start=1)
    ]
    notes = [reply("more", most=MAX_PASSAGES)] if asked > MAX_PASSAGES else []
    return "\n\n".join([reply("head", count=len(passages)), *blocks, *notes])


def page_text(page: Page) -> str:
    """A page, and where the document goes on."""
    block = fenced_page(
        doc_id=page.doc_id, title=page.title, start=page.start, end=page.end, length=page.length, text=page.text
    )
    following = reply("last") if page.next_offset is None else reply("next", offset=page.next_offset)
    return f"{block}\n\n{following}"


def answer_text(answer: Answer) -> str:
    """An answer, its confidence and the quotes that support it."""
    if answer.abstained:
        return reply("no_answer", answer=answer.answer)
    quotes = [
        fenced_citation(number=number, doc_id=one.doc_id, title=one.title, start=one.start, text=one.quote)
        for number, one in enumerate(answer.citations, start=1)
    ]
    head = f"{reply('answer', answer=answer.answer)}\n{reply('confidence', confidence=decimal(answer.confidence))}"
    return "\n\n".join([head, *quotes])


def full_title(passage: Document) -> str:
    """Title of the document and headings of the section: ``Байкал > Лёд``."""
    parts = (passage.metadata.get("title"), passage.metadata.get("headings"))
    return HEADING_SEPARATOR.join(str(part) for part in parts if part)


def decimal(value: float) -> str:
    """Two digits after a decimal comma."""
    return f"{value:.2f}".replace(".", ",")
