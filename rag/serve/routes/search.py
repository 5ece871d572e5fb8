"""``POST /api/search``: candidates for a question, with everything that a person needs to choose among them."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

from typing import TYPE_CHECKING, Any

from langchain_core.documents import Document
from pydantic import ConfigDict, Field

from rag.serve.answers.asking import Asked, usable
from rag.serve.answers.matching import matched_words
from rag.serve.answers.replies import CandidateReply, SearchReply, SpanReply
from rag.serve.answers.searching import Search, find
from rag.serve.answers.spans import found_spans
from rag.serve.describing import problems
from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.streaming import while_connected
from rag.serve.work import Job
from retrievers.documents import chunk_id_of, doc_id_of

if TYPE_CHECKING:
    from fastapi import APIRouter

MOST_CANDIDATES = 100
_SHOWN_APART = {"doc_id", "chunk_id", "title", "start", "scores", "ranks"}


class SearchRequest(Asked):
    """What to search for."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "Какова наибольшая глубина Байкала?", "k": 10},
                {"question": "Кто написал роман «Обломов»?", "retriever": "bm25", "rerank": False, "spans": False},
            ]
        }
    )

    k: int = Field(default=10, ge=1, le=MOST_CANDIDATES, strict=True, description="Candidates, at most.")
    spans: bool = Field(default=True, strict=True, description="Whether the first candidates are read for an answer.")


def search_router(service: Service) -> "APIRouter":
    """The route."""
    from fastapi import APIRouter, Request

    router = APIRouter(prefix="/api", tags=["answers"])

    @router.post("/search", response_model=SearchReply, responses=problems(Code.UNUSABLE_QUESTION))
    async def search(body: SearchRequest, request: Request) -> Any:
        """Find candidates for a question, best first."""
        if body.k > service.options.most_candidates:
            most = service.options.most_candidates
            raise Problem(Code.INVALID_REQUEST, f"k: at most {most} candidates are given", param="k")
        wanted = Search(usable(body.question), body.retriever, body.rerank, body.filter)
        work = service.workers.run(lambda job: _found(service, wanted, body.k, body.spans, job))
        return await while_connected(request, work)

    return router


def _found(service: Service, search: Search, k: int, spans: bool, job: Job) -> SearchReply:
    with service.snapshots.lease() as snapshot:
        retriever, rerank = snapshot.resolved(search.retriever, search.rerank)
        candidates = find(service, snapshot, search, k, job.config)
        documents = candidates.documents[:k]
        read = found_spans(service, snapshot, search, documents, job) if spans else [None] * len(documents)
        return SearchReply(
            question=search.question,
            generation=snapshot.generation,
            retriever=retriever,
            rerank=rerank,
            candidates=[_reply(search.question, one, span) for one, span in zip(documents, read, strict=True)],
            timings=candidates.timings,
        )


def _reply(question: str, document: Document, span: SpanReply | None) -> CandidateReply:
    metadata = document.metadata
    return CandidateReply(
        chunk_id=chunk_id_of(document),
        doc_id=doc_id_of(document),
        title=str(metadata.get("title", "")),
        text=document.page_content,
        start=int(metadata.get("start", 0)),
        scores=metadata.get("scores", {}),
        matches=matched_words(question, document.page_content),
        span=span,
        metadata={
            name: value
            for name, value in metadata.items()
            if name not in _SHOWN_APART and isinstance(value, str | int | float | bool)
        },
    )
