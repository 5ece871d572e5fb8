"""``POST /retrieve`` in the shape of Search-R1's retrieval server, for RL trainers whose policies search.

Request and response are those of ``search_r1/search/retrieval_server.py`` and of its client in ``generation.py``
(Search-R1, Jin et al., 2025): the client takes the first line of ``contents`` for the title.
"""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

import asyncio
import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from langchain_core.documents import Document
from pydantic import BaseModel, ConfigDict, Field

from prompts.fencing import as_data, as_line
from rag.chain import RagChain
from rag.citations import final_score
from rag.serve.describing import problems
from rag.serve.service import Service
from rag.serve.streaming import while_connected
from rag.serve.work import Job
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


def retrieve_router(service: Service) -> "APIRouter":
    """The route."""
    from fastapi import APIRouter, Request

    router = APIRouter(tags=["reinforcement learning"])

    @router.post("/retrieve", response_model=RetrieveResponse, responses=problems())
    async def retrieve(body: RetrieveRequest, request: Request) -> Any:
        """Find the best passages for each query."""
        count = min(body.topk or service.options.topk, MAX_TOPK)
        # Rollouts of one question ask the same: each query is searched for once.
        found = await while_connected(request, _found(service, list(dict.fromkeys(body.queries)), count))
        if not isinstance(found, dict):
            return found
        scored = [found[query] for query in body.queries]
        if body.return_scores:
            return RetrieveResponse(result=scored)
        return RetrieveResponse(result=[[passage.document for passage in passages] for passages in scored])

    return router


async def _found(service: Service, queries: Sequence[str], count: int) -> dict[str, list[ScoredDocument]]:
    """What each query finds, all of it in one generation."""
    found: dict[str, list[ScoredDocument]] = {}
    with service.snapshots.lease() as snapshot:

        def search(share: Sequence[str], job: Job) -> None:
            with service.snapshots.lease(snapshot):
                chain = snapshot.chain()
                for query in share:
                    job.check()
                    found[query] = search_passages(chain, query, count)

        # A share of a batch for each thread: more jobs of one request would take the places of others.
        threads = service.options.workers
        shares = [queries[first::threads] for first in range(min(threads, len(queries)))]
        try:
            async with asyncio.TaskGroup() as group:
                for share in shares:
                    group.create_task(service.workers.run(functools.partial(search, share)))
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None  # the others met the same, or were stopped for it
    return found


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
