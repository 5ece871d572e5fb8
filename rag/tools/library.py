"""What tools do with an index: find passages, read a document page by page."""

from __future__ import annotations

import re
from dataclasses import dataclass

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig

from prompts.fencing import as_line
from prompts.tools import refusal
from rag.chain import RagChain
from rag.documents.rows import SourceDocument
from rag.index.chunk_table import ChunkTable
from rag.question import MAX_QUESTION, check_question
from rag.tools.bounds import DEFAULT_LENGTH, DEFAULT_PASSAGES, MAX_LENGTH, MAX_PASSAGES, MIN_LENGTH, clamp
from retrievers.errors import InputError

# Where a page may end, best first: after a paragraph, a line, a sentence, a word.
_ENDS = tuple(re.compile(pattern) for pattern in (r"\n\s*\n", r"\n", r"[.!?…]+[»\")]*\s", r"\s"))
_QUOTES = "«»\"'` "


class RefusedCallError(InputError):
    """A call that cannot be carried out; the message, in Russian, says to the model what to change."""


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a document.

    Args:
        doc_id: of the document.
        title: of the document.
        text: ``document[start:end]``.
        start: offset of the part's first character.
        end: offset just past its last character; the next page starts here.
        length: characters of the whole document.
    """

    doc_id: str
    title: str
    text: str
    start: int
    end: int
    length: int

    @property
    def next_offset(self) -> int | None:
        """Where to read on; None at the end of the document."""
        return self.end if self.end < self.length else None


class Library:
    """An index to search and read; safe to share between threads.

    Args:
        chain: finds and orders passages; its generator is not asked.
        chunks: the documents of the same index.
    """

    def __init__(self, chain: RagChain, chunks: ChunkTable) -> None:
        self.chain = chain
        self._chunks = chunks

    def search(self, query: str, k: int = DEFAULT_PASSAGES, config: RunnableConfig | None = None) -> list[Document]:
        """The best passages, best first, each with the score of every component that saw it.

        Args:
            query: a question or keywords.
            k: how many, clamped to 1 to :data:`~rag.tools.bounds.MAX_PASSAGES`.
            config: callbacks of whoever calls.

        Raises:
            RefusedCallError: the query holds nothing to search for.
        """
        question = checked_query(query)
        count = clamp(k, 1, MAX_PASSAGES)
        # The whole pool is ranked, as for an answer: what is cut off before ranking cannot be the best.
        return list(self.chain.search(question, config, k=max(self.chain.pool, count)).documents[:count])

    def read(self, doc_id: str, offset: int = 0, length: int = DEFAULT_LENGTH) -> Page:
        """A part of a document that ends at a paragraph, a sentence or a word.

        Args:
            doc_id: of the document.
            offset: of the part's first character.
            length: characters at most, clamped to :data:`~rag.tools.bounds.MIN_LENGTH` to
                :data:`~rag.tools.bounds.MAX_LENGTH`.

        Raises:
            RefusedCallError: no such document, or no such place in it.
        """
        source = self.document(doc_id)
        if offset < 0:
            raise RefusedCallError(refusal("negative", offset=offset))
        if offset and offset >= len(source.text):
            raise RefusedCallError(refusal("beyond", doc_id=source.doc_id, length=len(source.text), offset=offset))
        end = page_end(source.text, offset, clamp(length, MIN_LENGTH, MAX_LENGTH))
        return Page(source.doc_id, source.title, source.text[offset:end], offset, end, len(source.text))

    def document(self, doc_id: str) -> SourceDocument:
        """A whole document.

        Raises:
            RefusedCallError: there is none of this id; where it is a chunk's, the message names its document.
        """
        try:
            return self._chunks.document(doc_id)
        except KeyError:
            pass
        wanted = as_line(doc_id).strip(_QUOTES)
        # A model copies an id as it was shown: on one line, its markup made harmless, often in quotes.
        known = next((one for one in self._chunks.doc_ids() if as_line(one) == wanted), None)
        if known is not None:
            return self._chunks.document(known)
        chunk = self._chunks.find(wanted)
        if chunk is not None:
            metadata = chunk.metadata
            raise RefusedCallError(refusal("chunk", doc_id=doc_id, known=metadata["doc_id"], start=metadata["start"]))
        raise RefusedCallError(refusal("document", doc_id=doc_id))


def checked_query(query: str) -> str:
    """The query without surrounding white space.

    Raises:
        RefusedCallError: it holds nothing to search for, or is too long.
    """
    try:
        return check_question(query)
    except InputError as error:
        length = len(query.strip())
        if length > MAX_QUESTION:
            raise RefusedCallError(refusal("long_query", length=length, longest=MAX_QUESTION)) from error
        raise RefusedCallError(refusal("query", query=query)) from error


def page_end(text: str, start: int, length: int) -> int:
    """Where a page of at most ``length`` characters ends: at the best place in its last quarter, else where it is full.

    >>> page_end("Волга впадает в море. Длина реки 3530 км.", 0, 25)
    22
    """
    full = start + length
    if full >= len(text):
        return len(text)
    earliest = start + length - length // 4
    for pattern in _ENDS:
        places = [match.end() for match in pattern.finditer(text, earliest, full)]
        if places:
            return places[-1]
    return full
