"""BM25 as a LangChain retriever."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from langchain_core.documents import Document
from pydantic import Field, SkipValidation

from retrievers.analysis import Analyzer
from retrievers.bm25.index import BM25Index
from retrievers.bm25.options import BM25Options
from retrievers.documents import search_text
from retrievers.filters import Where
from retrievers.lexical import LexicalRetriever, pairs


class BM25Retriever(LexicalRetriever):
    """Chunks that BM25 ranks highest for a question.

    Scores are those of :class:`BM25Index`. A chunk that shares no term with the question is never returned, so fewer
    than ``k`` may come back. Options of one call: ``invoke(question, k=3, filter={"topic": "спорт"})``.

    Args:
        index: built from the terms of ``search_text`` of every chunk, in the order of ``chunks``.
        chunks: the chunk store; only chunks that are returned (or excluded by a filter) are read from it.
        analyzer: text to terms, the one the index was built with.
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of this retriever's score and rank in the metadata.
    """

    index: SkipValidation[BM25Index] = Field(repr=False)
    component: str = "bm25"

    @classmethod
    def from_documents(
        cls,
        documents: Sequence[Document],
        *,
        analyzer: Callable[[str], list[str]] | None = None,
        options: BM25Options | None = None,
        k: int = 10,
    ) -> BM25Retriever:
        """Index ``documents`` by their :func:`~retrievers.documents.search_text`.

        >>> pages = [Document(page_content="Глубина Байкала 1642 м."), Document(page_content="Волга впадает в Каспий.")]
        >>> BM25Retriever.from_documents(pages).invoke("Какова глубина Байкала?")[0].page_content
        'Глубина Байкала 1642 м.'
        """
        analyzer = analyzer or Analyzer()
        index = BM25Index.build((analyzer(search_text(document)) for document in documents), options)
        return cls(index=index, chunks=documents, analyzer=analyzer, k=k)

    def search_weighted(self, weights: Mapping[str, float], k: int, where: Where | None = None) -> list[Document]:
        """The best ``k`` chunks for index terms that count ``weights`` times each, with scores and ranks."""
        if where is None:
            return self.documents(pairs(*self.index.weighted_top(weights, k)))
        return self.documents(self.matching(self.index.weighted_scores(weights), k, where))

    def _index(self) -> BM25Index:
        return self.index
