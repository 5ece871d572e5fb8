"""What the tools of the server return besides their text: typed rows with a JSON schema.

Whoever reads them is most often a model, so the texts of documents are made harmless here as in the text; the document
as it is stands behind the resource ``document://{doc_id}``.
"""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.documents import Document
from pydantic import BaseModel, Field

from prompts.fencing import as_data, as_line
from rag.answer import Answer
from rag.citations import final_score
from rag.tools.library import Page
from rag.tools.rendering import full_title
from retrievers.documents import chunk_id_of, doc_id_of


class FoundPassage(BaseModel):
    """A passage that was found."""

    number: int = Field(description="Номер, с 1; лучшие первыми.")
    doc_id: str = Field(description="Документ.")
    chunk_id: str = Field(description="Фрагмент.")
    title: str = Field(description="Название документа и раздела.")
    start: int = Field(description="Место фрагмента в документе, в знаках от начала.")
    score: float = Field(description="Оценка; больше — лучше, сравнима только внутри одного поиска.")
    text: str = Field(description="Текст фрагмента.")


class SearchResult(BaseModel):
    """Passages, best first."""

    passages: list[FoundPassage] = Field(description="Найденные фрагменты.")

    @classmethod
    def of(cls, documents: Sequence[Document]) -> SearchResult:
        """From what the library found."""
        rows = [
            FoundPassage(
                number=number,
                doc_id=doc_id_of(one),
                chunk_id=chunk_id_of(one),
                title=as_line(full_title(one)),
                start=int(one.metadata.get("start", 0)),
                score=final_score(one),
                text=as_data(one.page_content),
            )
            for number, one in enumerate(documents, start=1)
        ]
        return cls(passages=rows)


class ReadResult(BaseModel):
    """A part of a document."""

    doc_id: str = Field(description="Документ.")
    title: str = Field(description="Название документа.")
    start: int = Field(description="С какого места эта часть, в знаках от начала документа.")
    end: int = Field(description="Где она кончается.")
    length: int = Field(description="Сколько знаков во всём документе.")
    next_offset: int | None = Field(description="С какого места читать дальше; null в конце документа.")
    text: str = Field(description="Текст этой части.")

    @classmethod
    def of(cls, page: Page) -> ReadResult:
        """From a page of the library."""
        return cls(
            doc_id=page.doc_id,
            title=as_line(page.title),
            start=page.start,
            end=page.end,
            length=page.length,
            next_offset=page.next_offset,
            text=as_data(page.text),
        )


class Quote(BaseModel):
    """A sentence that supports the answer."""

    doc_id: str = Field(description="Документ.")
    chunk_id: str = Field(description="Фрагмент, из которого взята цитата.")
    title: str = Field(description="Название документа.")
    quote: str = Field(description="Цитата.")
    start: int = Field(description="Место цитаты в документе, в знаках от начала.")
    end: int = Field(description="Где она кончается.")


class AskResult(BaseModel):
    """An answer with what supports it."""

    answer: str = Field(description="Ответ; если его в документах нет, так и сказано.")
    abstained: bool = Field(description="Ответа в документах нет, или уверенность слишком мала.")
    confidence: float = Field(description="Вероятность того, что ответ верен, от 0 до 1.", ge=0, le=1)
    citations: list[Quote] = Field(description="Цитаты, на которых основан ответ, сильнейшая первой.")

    @classmethod
    def of(cls, answer: Answer) -> AskResult:
        """From an answer of the chain or the agent."""
        quotes = [
            Quote(
                doc_id=one.doc_id,
                chunk_id=one.chunk_id,
                title=as_line(one.title),
                quote=as_data(one.quote),
                start=one.start,
                end=one.end,
            )
            for one in answer.citations
        ]
        return cls(answer=answer.answer, abstained=answer.abstained, confidence=answer.confidence, citations=quotes)
