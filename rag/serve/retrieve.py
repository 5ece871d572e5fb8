"""``POST /retrieve`` in the shape of Search-R1's retrieval server, for RL trainers whose policies search.

Request and response are those of ``search_r1/search/retrieval_server.py`` and of its client in ``generation.py``
(Search-R1, Jin et al., 2025): the client takes the first line of ``contents`` for the title.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Executor
from typing import TYPE_CHECKING, Annotated

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, Field

from prompts.fencing import as_data, as_line
from rag.chain import RagChain
from rag.citations import final_score
from retrievers.documents import chunk_id_of
from retrievers.errors import InputError

if TYPE_CHECKING:
    from fastapi import APIRouter

# A rollout step of Search-R1 sends one query for each trajectory of its batch, 512 in the published runs.
MAX_QUERIES = 1024
# Longer than any query the index is searched for (rag.question.MAX_QUESTION); a policy's ramblings find nothing, and
# what is longer than this is no query at all.
MAX_QUERY_CHARACTERS = 20_000
MAX_TOPK = 100

Query = Annotated[str, Field(max_length=MAX_QUERY_CHARACTERS)]


class RetrieveRequest(BaseModel):
    """Queries to search for.

    Args:
        queries: each is searched for on its own. One without a word to search for, or too long for a question, finds
            nothing: a policy writes such, and one of them must not fail a whole batch.
        topk: passages for each query; the server's own number where it is absent or 0, at most :data:`MAX_TOPK`.
        return_scores: pair every document with its score.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"queries": ["Какова наибольшая глубина Байкала?"], "topk": 3, "return_scores": True}]
        },
    )

    queries: Annotated[list[Query], Field(min_length=1, max_length=MAX_QUERIES)]
    topk: Annotated[int | None, Field(ge=0)] = None
    return_scores: bool = False


class RetrievedDocument(BaseModel):
    """A passage: its chunk's id, and its document's title in quotes on a line of its own before the text."""

    id: str
    contents: str


class ScoredDocument(BaseModel):
    """A passage and the score of the last stage that ranked it, higher is better, not comparable between queries."""

    document: RetrievedDocument
    score: float


class RetrieveResponse(BaseModel):
    """Passages of each query, best first, in the order of the queries."""

    result: list[list[ScoredDocument]] | list[list[RetrievedDocument]]


def retrieve_router(chain: RagChain, executor: Executor, *, topk: int) -> APIRouter:
    """The route.

    Args:
        chain: searched.
        executor: where; the event loop only waits.
        topk: passages for each query of a request that names no number.
    """
    from fastapi import APIRouter

    router = APIRouter(tags=["reinforcement learning"])

    @router.post("/retrieve")
    async def retrieve(body: RetrieveRequest) -> RetrieveResponse:
        """Find the best passages for each query."""
        count = min(body.topk or topk, MAX_TOPK)
        # Rollouts of one question ask the same: each query is searched for once.
        queries = list(dict.fromkeys(body.queries))
        loop = asyncio.get_running_loop()
        searches = [loop.run_in_executor(executor, search_passages, chain, query, count) for query in queries]
        found = dict(zip(queries, await asyncio.gather(*searches), strict=True))
        scored = [found[query] for query in body.queries]
        if body.return_scores:
            return RetrieveResponse(result=scored)
        return RetrieveResponse(result=[[passage.document for passage in passages] for passages in scored])

    return router


def search_passages(chain: RagChain, query: str, topk: int) -> list[ScoredDocument]:
    """The best ``topk`` of the chain's whole pool; none for a query that cannot be searched for."""
    try:
        found = chain.search(query, k=max(chain.pool, topk))
    except InputError:
        return []
    return [_scored(document) for document in found.documents[:topk]]


def _scored(document: Document) -> ScoredDocument:
    # The client pastes this between <information> tags: nothing in it may pass for a tag of the rollout.
    title, text = as_line(str(document.metadata.get("title", ""))), as_data(document.page_content)
    contents = f'"{title}"\n{text}'
    return ScoredDocument(
        document=RetrievedDocument(id=chunk_id_of(document), contents=contents), score=final_score(document)
    )
