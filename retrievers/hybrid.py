"""Hybrid retrieval: one question to several retrievers, their rankings fused by chunk."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from pydantic import ConfigDict, Field, model_validator

from retrievers.documents import chunk_id_of, unique_by_chunk, with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where, matches
from retrievers.fusion import Normalization, check_weights, reciprocal_rank_fusion, weighted_score_fusion
from retrievers.lexical import call_filter, call_k

DEFAULT_DEPTH = 100


class FusionMethod(StrEnum):
    """Fusion by rank (:func:`~retrievers.fusion.reciprocal_rank_fusion`) or by normalised score."""

    RRF = "rrf"
    WEIGHTED = "weighted"


def component_of(retriever: BaseRetriever) -> str:
    """Key of a retriever's scores and ranks: its ``component`` field, for foreign retrievers their name."""
    return str(getattr(retriever, "component", None) or retriever.get_name())


class HybridRetriever(BaseRetriever):
    """Chunks that several retrievers together rank highest.

    A chunk is identified by its id; each found one carries the scores and ranks of every component that found it and
    the fused score under ``component``. Fused scores are not comparable between questions. Children are run with the
    callbacks of the call, one after the other in ``invoke``, at once in ``ainvoke``.

    Args:
        retrievers: the children. They take ``k`` and ``filter`` by name as the retrievers of this package do; what a
            foreign retriever returns beyond either is cut here.
        weights: weight of each child; 1 by default. A child of weight 0 is not asked.
        depths: how many hits of each child are fused, at least ``k``; 100 by default.
        method: fusion by rank or by normalised score. The latter needs children that give scores.
        normalization: for fusion by score, how each child's scores are made comparable.
        rank_constant: for fusion by rank, its constant.
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of the fused score and rank in the metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    retrievers: list[BaseRetriever] = Field(min_length=1)
    weights: list[float] | None = None
    depths: list[int] | None = None
    method: FusionMethod = FusionMethod.RRF
    normalization: Normalization = Normalization.MINMAX
    rank_constant: int = Field(default=60, ge=0)
    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str = "hybrid"

    @model_validator(mode="after")
    def _children_fit(self) -> HybridRetriever:
        check_weights(self.weights, len(self.retrievers))
        if self.depths is not None and (len(self.depths) != len(self.retrievers) or min(self.depths) < 1):
            raise InputError(f"expected {len(self.retrievers)} depths of at least 1, got {self.depths}")
        names = [*map(component_of, self.retrievers), self.component]
        if len(set(names)) < len(names):
            raise InputError(f"expected children of different components, got {', '.join(names)}; set component=…")
        return self

    def _children(self) -> list[tuple[BaseRetriever, float, int]]:
        weights = check_weights(self.weights, len(self.retrievers))
        depths = self.depths or [DEFAULT_DEPTH] * len(self.retrievers)
        return [child for child in zip(self.retrievers, weights, depths, strict=True) if child[1] > 0]

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        found = [
            child.invoke(query, child_config(run_manager, child), **child_options(max(depth, count), where))
            for child, _, depth in self._children()
        ]
        return self._fuse(found, count, where)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        found = await asyncio.gather(
            *(
                child.ainvoke(query, child_config(run_manager, child), **child_options(max(depth, count), where))
                for child, _, depth in self._children()
            )
        )
        return self._fuse(found, count, where)

    def _fuse(self, found: Sequence[Sequence[Document]], k: int, where: Where | None) -> list[Document]:
        children = self._children()
        merged: dict[str, Document] = {}
        rankings: list[list[tuple[str, float]]] = []
        for (child, _, depth), documents in zip(children, found, strict=True):
            component = component_of(child)
            kept = [hit for hit in unique_by_chunk(documents) if matches(hit.metadata, where)][: max(depth, k)]
            rankings.append([])
            for rank, document in enumerate(kept, start=1):
                score = document.metadata.get("scores", {}).get(component)
                if score is None and self.method is FusionMethod.WEIGHTED:
                    raise InputError(
                        f"fusion by score needs scores, and {component!r} gave none; use method='rrf' with it"
                    )
                name = chunk_id_of(document)
                rankings[-1].append((name, score or 0.0))
                merged[name] = _merge(merged.get(name), document, component, rank)
        weights = [weight for _, weight, _ in children]
        if self.method is FusionMethod.WEIGHTED:
            fused = weighted_score_fusion(rankings, weights, self.normalization)
        else:
            ids = [[name for name, _ in ranking] for ranking in rankings]
            fused = reciprocal_rank_fusion(ids, weights, self.rank_constant)
        return [
            with_score(merged[name], self.component, score, rank)
            for rank, (name, score) in enumerate(fused[:k], start=1)
        ]


def _merge(known: Document | None, document: Document, component: str, rank: int) -> Document:
    """Copy of a hit with the scores and ranks of the components seen before, and its rank in this one."""
    before: Mapping[str, Any] = known.metadata if known else {}
    metadata = {**document.metadata, **before}
    metadata["scores"] = {**before.get("scores", {}), **document.metadata.get("scores", {})}
    metadata["ranks"] = {**before.get("ranks", {}), **document.metadata.get("ranks", {}), component: rank}
    return Document(id=document.id, page_content=document.page_content, metadata=metadata)


def child_config(
    run_manager: CallbackManagerForRetrieverRun | AsyncCallbackManagerForRetrieverRun, child: BaseRetriever
) -> RunnableConfig:
    """Configuration that makes a child's run appear under the parent's in traces."""
    return {"callbacks": run_manager.get_child(component_of(child))}


def child_options(k: int, where: Where | None) -> dict[str, Any]:
    """Options of one call of a child; a filter is named only where there is one, for children that know none."""
    return {"k": k} if where is None else {"k": k, "filter": where}
