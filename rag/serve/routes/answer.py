"""``POST /api/answer``: an answer with citations, whole or as it comes."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import ConfigDict, Field

from rag.serve.answers.answering import answer, known_answer, replayed
from rag.serve.answers.asking import Asked, usable
from rag.serve.answers.reading import Query
from rag.serve.answers.replies import AnswerReply
from rag.serve.answers.searching import Search
from rag.serve.describing import EVENTS, problems
from rag.serve.events import Event
from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.streaming import EVENT_STREAM, stream, stream_whole, while_connected
from rag.serve.work import Emit, Job

if TYPE_CHECKING:
    from fastapi import APIRouter

MOST_READ = 20
ChunkId = Annotated[str, Field(min_length=1, max_length=2_000)]


class AnswerRequest(Asked):
    """What to answer, and from what."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"question": "Какова наибольшая глубина Байкала?"},
                {"question": "Какова наибольшая глубина Байкала?", "chunk_ids": ["baikal_0"], "stream": True},
                {"question": "Где родился автор романа «Обломов»?", "agent": True},
            ]
        }
    )

    chunk_ids: list[ChunkId] | None = Field(
        default=None,
        min_length=1,
        description="Passages to read, in this order, each once; by default the best that a search finds.",
    )
    k: int | None = Field(
        default=None, ge=1, le=MOST_READ, strict=True,
        description="How many of the found passages are read; by default as many as the profile says. Neither chosen"
        " passages nor the agent heed it.",
    )  # fmt: skip
    agent: bool = Field(default=False, strict=True, description="Answer in as many steps as the question needs.")
    stream: bool = Field(default=False, strict=True, description="Answer with server-sent events.")


_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer; with `stream` its events: `stage`, `contexts`, `plan`, `step`, `token`, `citations`"
        " and, at the end, either `done` with the whole answer or `error`.",
        "content": {EVENT_STREAM: EVENTS},
    }
}


def answer_router(service: Service) -> "APIRouter":
    """The route."""
    from fastapi import APIRouter, Request

    router = APIRouter(prefix="/api", tags=["answers"])
    described = _STREAMED | problems(Code.UNUSABLE_QUESTION, Code.CHUNKS_GONE)

    @router.post("/answer", response_model=AnswerReply, responses=described)
    async def answer_question(body: AnswerRequest, request: Request) -> Any:
        """Answer a question, citing the documents; where they hold no answer, the answer says so."""
        query = _query(body, service.options.chosen)
        if (known := known_answer(service, query)) is not None:
            return stream_whole(_encoded(known)) if body.stream else known
        if body.stream:
            return await stream(
                request,
                service.workers,
                lambda job, emit: _tell(service, query, job, emit),
                silence=service.options.keep_alive,
            )
        work = service.workers.run(lambda job: answer(service, query, job))
        return await while_connected(request, work)

    return router


def _query(body: AnswerRequest, most: int) -> Query:
    chunk_ids = tuple(body.chunk_ids or ())
    if len(chunk_ids) > most:
        raise Problem(Code.INVALID_REQUEST, f"chunk_ids: at most {most} passages are read", param="chunk_ids")
    if len(set(chunk_ids)) < len(chunk_ids):
        raise Problem(Code.INVALID_REQUEST, "chunk_ids: a passage is named twice; name each once", param="chunk_ids")
    if chunk_ids and body.agent:
        message = "agent: it finds its passages itself; leave out either agent or chunk_ids"
        raise Problem(Code.INVALID_REQUEST, message, param="agent")
    search = Search(usable(body.question), body.retriever, body.rerank, body.filter)
    return Query(search, chunk_ids, body.k, body.agent)


def _tell(service: Service, query: Query, job: Job, emit: Emit[bytes]) -> None:
    reply = answer(service, query, job, lambda event: emit(event.encoded()))
    emit(Event("done", reply).encoded())


def _encoded(known: AnswerReply) -> bytes:
    return b"".join(event.encoded() for event in (*replayed(known), Event("done", known)))
