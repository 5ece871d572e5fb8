"""The retriever of a profile that leaves ranking to the engine which stores the vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from langchain_core.retrievers import BaseRetriever

from rag.profile import HybridOptions, RetrievalOptions, RetrieverKind
from retrievers.errors import InputError
from retrievers.expansion.options import ExpansionKind

if TYPE_CHECKING:
    from rag.index import Index
    from retrievers.stores.milvus.ranking import EngineRanker

_AROUND_ALL = {ExpansionKind.NONE, ExpansionKind.ENTITIES, ExpansionKind.MULTI_QUERY}


def engine_retriever(index: Index, options: RetrievalOptions) -> BaseRetriever:
    """BM25, or BM25 and vectors fused, as the engine of ``index`` ranks them; dense retrieval is the engine's anyway.

    Raises:
        InputError: the index's store does not rank by terms, or the options ask for what only the index itself has.
    """
    from retrievers.engine import EngineBM25Retriever, EngineHybridRetriever, TermSearching

    if options.expansion.kind not in _AROUND_ALL:
        raise InputError(
            f"the expansion {options.expansion.kind.value!r} works on one leg of the index's own ranking; set "
            "retrieval.ranking to index with it"
        )
    if options.retriever is RetrieverKind.DENSE:
        return index.dense(k=options.k)
    store, analyzer = index.vectors(), index.analyzer()
    if not isinstance(store, TermSearching):
        location = index.manifest.store.location if index.manifest.store else "none"
        raise InputError(
            f"retrieval.ranking is engine, and the store of this index ({location}) ranks by vectors alone; set it to "
            "index, or copy the index: python -m rag.index copy FROM TO --store milvus:FILE.db"
        )
    match options.retriever:
        case RetrieverKind.BM25:
            return EngineBM25Retriever(store=store, analyzer=analyzer, k=options.k)
        case RetrieverKind.HYBRID | RetrieverKind.COVERAGE:
            ranker = engine_ranker(options.hybrid)
            return EngineHybridRetriever(
                store=store, analyzer=analyzer, ranker=ranker, depth=options.hybrid.depth, k=options.k
            )
        case _:
            raise InputError(f"no engine ranks by {options.retriever.value}; set retrieval.ranking to index with it")


def engine_ranker(options: HybridOptions) -> EngineRanker:
    """The engine's ranker for the fusion that ``options`` describe; how it normalises scores is the engine's matter.

    Raises:
        InputError: a leg that no engine has.
    """
    from retrievers.stores.milvus.ranking import EngineRanker

    used = {name: weight for name, weight in options.weights.items() if weight > 0}
    if unknown := used.keys() - {"bm25", "dense"}:
        raise InputError(f"no engine has the leg {', '.join(sorted(unknown))}; set retrieval.ranking to index with it")
    most = max(used.values(), default=1.0)
    return EngineRanker(
        method=options.method,
        dense=used.get("dense", 0.0) / most,  # the engine takes weights up to 1, and only their ratio counts
        bm25=used.get("bm25", 0.0) / most,
        rank_constant=max(1, options.rank_constant),
    )
