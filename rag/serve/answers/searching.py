"""Searches of one snapshot, each made once, and passages that were chosen from what they found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig

from rag.chain import Candidates, Filter, RagChain
from rag.profile import RetrieverKind
from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.snapshots import Snapshot
from retrievers.documents import chunk_id_of


@dataclass(frozen=True, slots=True)
class Search:
    """What is searched for and how.

    Args:
        question: as :func:`~rag.serve.answers.asking.usable` gives it.
        retriever: by default the profile's.
        rerank: by default whether the profile does.
        filter: over metadata.
    """

    question: str
    retriever: RetrieverKind | None = None
    rerank: bool | None = None
    filter: Filter | None = None

    def key(self, snapshot: Snapshot) -> tuple[str, ...]:
        """Equal for searches that find the same in one generation.

        Raises:
            InputError: the snapshot cannot search so.
        """
        retriever, rerank = snapshot.resolved(self.retriever, self.rerank)
        where = json.dumps(self.filter, sort_keys=True)
        return (snapshot.digest, self.question, retriever, str(rerank), where)


def find(service: Service, snapshot: Snapshot, search: Search, count: int, config: RunnableConfig) -> Candidates:
    """At least ``count`` candidates, where there are so many, and never fewer than the chain's pool.

    Raises:
        InputError: the snapshot cannot search so.
    """
    chain = snapshot.chain(search.retriever, search.rerank)
    fetched = max(chain.pool, count)
    key = (*search.key(snapshot), fetched)
    known = service.searches.get(snapshot.generation, key)
    if known is None:
        known = chain.search(search.question, config, k=fetched, filter=search.filter)
        service.searches.put(snapshot.generation, key, known)
        service.metrics.stages(known.timings)
    return known


def chosen(snapshot: Snapshot, chunk_ids: Sequence[str]) -> list[Document]:
    """Passages by their ids, in that order.

    Raises:
        Problem: one of them is not in the index.
    """
    try:
        return snapshot.index.chunks.by_chunk_ids(chunk_ids)
    except KeyError:
        message = "a chosen passage is not in the index any more; search again and choose anew"
        raise Problem(Code.CHUNKS_GONE, message, param="chunk_ids") from None


def scored(documents: Sequence[Document], found: Candidates, chain: RagChain, config: RunnableConfig) -> list[Document]:
    """Passages with the scores that a search of the same question gave them.

    Reader and judge weigh passages by these scores. Those that the search did not find are scored beside what it did,
    for scores depend on what they are compared with; without a compressor they have none.
    """
    known = {chunk_id_of(one): one for one in found.documents}
    missing = [one for one in documents if chunk_id_of(one) not in known]
    if missing and chain.compressor is not None:
        compared = [*found.documents, *missing]
        ranked = chain.compressor.compress_documents(compared, found.question, callbacks=config.get("callbacks"))
        known |= {chunk_id_of(one): one for one in ranked}
    return [known.get(chunk_id_of(one), one) for one in documents]
