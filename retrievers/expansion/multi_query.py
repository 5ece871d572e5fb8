"""Multi-query retrieval: the question and rewrites of it are searched with, and the rankings fused by rank."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from pydantic import Field

from retrievers.documents import chunk_id_of, unique_by_chunk, with_score
from retrievers.expansion.base import ExpandingRetriever
from retrievers.expansion.report import Addition, Expansion
from retrievers.expansion.screening import ScreeningOptions, Similarity, screen_rewrites, term_overlap
from retrievers.expansion.writing import Rewriter
from retrievers.filters import Where, matches
from retrievers.fusion import reciprocal_rank_fusion
from retrievers.hybrid import child_config, child_options


class MultiQueryRetriever(ExpandingRetriever):
    """Chunks that the question and its rewrites together rank highest, by reciprocal ranks.

    With no rewrite kept the ranking is the child's own. A chunk carries the child's scores for the first query that
    found it, and its fused score under ``component``. The rewrites are searched with one after the other in
    ``invoke``, at once in ``ainvoke``.

    Args:
        retriever: any LangChain retriever; a foreign one need not know ``k`` and ``filter``.
        writer: of the rewrites.
        rewrites: how many are asked for.
        similarity: of rewrites to the question; by default the share of terms they have in common.
        screening: bounds of that similarity.
        question_weight: weight of the question's own ranking, where a rewrite's is 1.
        depth: how many hits of each query are fused, at least ``k``.
        rank_constant: of the fusion.
    """

    retriever: BaseRetriever
    writer: Rewriter
    rewrites: int = Field(default=3, ge=1, le=10)
    similarity: Similarity = Field(default_factory=term_overlap, repr=False)
    screening: ScreeningOptions = ScreeningOptions()
    question_weight: float = Field(default=2.0, gt=0.0)
    depth: int = Field(default=100, ge=1)
    rank_constant: int = Field(default=60, ge=0)
    component: str = "multi-query"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        return self._screened(question, self.writer.rewrites(question, self.rewrites, config))

    async def _aexpand(
        self,
        question: str,
        where: Where | None,  # noqa: ARG002
        config: RunnableConfig | None,
    ) -> Expansion:
        return self._screened(question, await self.writer.arewrites(question, self.rewrites, config))

    def _screened(self, question: str, rewrites: Sequence[str]) -> Expansion:
        kept, dropped = screen_rewrites(question, rewrites[: self.rewrites], self.similarity, self.screening)
        return Expansion(self.component, question, tuple(map(Addition, kept)), tuple(dropped), self.question_weight)

    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        options = child_options(max(self.depth, k), where)
        found = [
            self.retriever.invoke(query, child_config(run_manager, self.retriever), **options)
            for query in (expansion.question, *expansion.texts)
        ]
        return self._fuse(found, expansion, k, where)

    async def _asearch(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        options = child_options(max(self.depth, k), where)
        found = await asyncio.gather(
            *(
                self.retriever.ainvoke(query, child_config(run_manager, self.retriever), **options)
                for query in (expansion.question, *expansion.texts)
            )
        )
        return self._fuse(found, expansion, k, where)

    def _fuse(
        self, found: Sequence[Sequence[Document]], expansion: Expansion, k: int, where: Where | None
    ) -> list[Document]:
        hits: dict[str, Document] = {}
        rankings: list[list[str]] = []
        for documents in found:
            kept = [hit for hit in unique_by_chunk(documents) if matches(hit.metadata, where)][: max(self.depth, k)]
            rankings.append([chunk_id_of(hit) for hit in kept])
            for hit in kept:
                hits.setdefault(chunk_id_of(hit), hit)
        weights = [expansion.question_weight, *(addition.weight for addition in expansion.added)]
        fused = reciprocal_rank_fusion(rankings, weights, self.rank_constant)
        return [
            with_score(hits[name], self.component, score, rank) for rank, (name, score) in enumerate(fused[:k], start=1)
        ]
