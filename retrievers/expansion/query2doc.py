"""Query2doc: the question, several times over, and a passage that a language model made up for it, as one query."""

from __future__ import annotations

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from retrievers.documents import score_of, unique_by_chunk, with_score
from retrievers.expansion.base import ExpandingRetriever
from retrievers.expansion.report import Addition, Expansion
from retrievers.expansion.screening import screen_passages
from retrievers.expansion.writing import PassageWriter
from retrievers.filters import Where, matches
from retrievers.hybrid import child_config, child_options, component_of


def query2doc(question: str, passage: str, repetitions: int) -> str:
    """The query of a lexical search: ``query2doc("Кто?", "Иван.", 2) == "Кто? Кто? Иван."``."""
    return " ".join([question] * repetitions + ([passage] if passage else []))


class Query2DocRetriever(ExpandingRetriever):
    """Chunks that a lexical retriever ranks highest for the question with a hypothetical passage behind it.

    Wang, Yang and Wei 2023, "Query2doc: Query Expansion with Large Language Models" (EMNLP, arXiv:2303.07678): the
    question is repeated, so that the longer passage does not outweigh it; five times in the paper. Where no usable
    passage was written, the question is searched with once.

    Args:
        retriever: any LangChain retriever that counts words, BM25 first of all.
        writer: of the passage.
        repetitions: of the question.
    """

    retriever: BaseRetriever
    writer: PassageWriter
    repetitions: int = Field(default=5, ge=1, le=20)
    component: str = "query2doc"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        return self._screened(question, self.writer.passage(question, config))

    async def _aexpand(
        self,
        question: str,
        where: Where | None,  # noqa: ARG002
        config: RunnableConfig | None,
    ) -> Expansion:
        return self._screened(question, await self.writer.apassage(question, config))

    def _screened(self, question: str, passage: str) -> Expansion:
        kept, dropped = screen_passages([passage])
        weight = self.repetitions if kept else 1
        return Expansion(self.component, question, tuple(map(Addition, kept)), tuple(dropped), weight)

    def _query(self, expansion: Expansion) -> str:
        texts = expansion.texts
        return query2doc(expansion.question, texts[0], self.repetitions) if texts else expansion.question

    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        config = child_config(run_manager, self.retriever)
        found = self.retriever.invoke(self._query(expansion), config, **child_options(k, where))
        return self._ranked(found, k, where)

    async def _asearch(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        config = child_config(run_manager, self.retriever)
        found = await self.retriever.ainvoke(self._query(expansion), config, **child_options(k, where))
        return self._ranked(found, k, where)

    def _ranked(self, found: list[Document], k: int, where: Where | None) -> list[Document]:
        kept = [hit for hit in unique_by_chunk(found) if matches(hit.metadata, where)][:k]
        child = component_of(self.retriever)
        return [
            with_score(hit, self.component, score_of(hit, child, default=1 / rank), rank)
            for rank, hit in enumerate(kept, start=1)
        ]
