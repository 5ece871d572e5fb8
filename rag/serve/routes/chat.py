"""``/v1``: the same answers in the shape of OpenAI's API, for clients that speak it."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

import datetime
import secrets
from typing import TYPE_CHECKING, Any

from langchain_core.callbacks import UsageMetadataCallbackHandler

from rag.serve.answers.answering import answer
from rag.serve.answers.asking import usable
from rag.serve.answers.reading import Query
from rag.serve.answers.searching import Search
from rag.serve.chat.conversing import Chunks, chat_problem, completion, standalone, usage_of
from rag.serve.chat.shapes import AGENT, MODELS, ChatCompletion, ChatRequest, Model, ModelList
from rag.serve.describing import EVENTS, problems
from rag.serve.events import Event
from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.streaming import EVENT_STREAM, stream, while_connected
from rag.serve.work import Emit, Job

if TYPE_CHECKING:
    from fastapi import APIRouter

_Said = list[tuple[str, str]]
_STREAMED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The completion; with `stream` its chunks, and `[DONE]` or an error at the end.",
        "content": {EVENT_STREAM: EVENTS},
    }
}


def chat_router(service: Service) -> "APIRouter":
    """The routes."""
    from fastapi import APIRouter, Request

    router = APIRouter(prefix="/v1", tags=["OpenAI"])

    @router.get("/models", responses=problems(works=False))
    async def models() -> ModelList:
        """Names to ask under."""
        return ModelList(data=[_model(service, name) for name in MODELS])

    @router.get("/models/{name}", responses=problems(Code.NOT_FOUND, works=False))
    async def model(name: str) -> Model:
        """One of the names."""
        if name not in MODELS:
            raise Problem(Code.NOT_FOUND, f"there is no such model; there are {' and '.join(MODELS)}", param="model")
        return _model(service, name)

    @router.post(
        "/chat/completions",
        response_model=ChatCompletion,
        responses=_STREAMED | problems(Code.UNUSABLE_QUESTION, Code.NOT_FOUND),
    )
    async def complete(body: ChatRequest, request: Request) -> Any:
        """Answer the last question of a conversation, citing the documents."""
        body.check()
        said = body.said()
        usable(said[-1][1], "messages")
        if body.stream:
            return await stream(
                request,
                service.workers,
                lambda job, emit: _tell(service, body, said, job, emit),
                silence=service.options.keep_alive,
                failed=chat_problem,
            )
        work = service.workers.run(lambda job: _complete(service, body, said, job))
        return await while_connected(request, work)

    return router


def _complete(service: Service, body: ChatRequest, said: _Said, job: Job) -> ChatCompletion:
    usage = _counted(job)
    reply = answer(service, _query(service, body, said, job), job)
    return completion(reply, body.model, usage_of(usage))


def _tell(service: Service, body: ChatRequest, said: _Said, job: Job, emit: Emit[bytes]) -> None:
    usage = _counted(job)
    query = _query(service, body, said, job)
    with_usage = body.stream_options is not None and body.stream_options.include_usage
    chunks = Chunks(f"chatcmpl-{secrets.token_hex(8)}", body.model, with_usage=with_usage)

    def tell(event: Event) -> None:
        if event.name == "token" and isinstance(event.data, dict):
            emit(chunks.text(event.data["text"]))

    emit(chunks.role())
    reply = answer(service, query, job, tell)
    for chunk in chunks.end(reply, usage_of(usage)):
        emit(chunk)


def _counted(job: Job) -> UsageMetadataCallbackHandler:
    usage = UsageMetadataCallbackHandler()
    job.callbacks = (*job.callbacks, usage)
    return usage


def _query(service: Service, body: ChatRequest, said: _Said, job: Job) -> Query:
    with service.snapshots.lease() as snapshot:
        question = standalone(snapshot, said, job.config)
    return Query(Search(usable(question, "messages")), agent=body.model == AGENT)


def _model(service: Service, name: str) -> Model:
    with service.snapshots.lease() as snapshot:
        created = datetime.datetime.fromisoformat(snapshot.index.manifest.created)
    return Model(id=name, created=int(created.timestamp()))
