"""``/api/documents``: the documents of the index, read, added and removed."""

# No `from __future__ import annotations` here: FastAPI reads the annotations of routes, and they name what is imported
# only once the routes are made.

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel

from rag.serve.changes import (
    Changed,
    DocumentSummary,
    Removed,
    add,
    remove,
    require_document,
    summaries,
)
from rag.serve.describing import EVENTS, problems
from rag.serve.events import Event
from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.streaming import EVENT_STREAM, stream, while_connected
from rag.serve.uploads.posted import PostedDocuments
from rag.serve.uploads.receiving import Received, received
from rag.serve.work import Emit, Job

if TYPE_CHECKING:
    from fastapi import APIRouter

MOST_LISTED = 500
MOST_CHARACTERS = 200_000


class DocumentList(BaseModel):
    """A part of the list of documents, in the order in which they came into the index."""

    generation: str
    total: int
    documents: list[DocumentSummary]


class ChunkSpan(BaseModel):
    """Where a chunk stands in its document, in characters."""

    chunk_id: str
    start: int
    end: int


class DocumentText(BaseModel):
    """A window of a document's text.

    Args:
        generation: of the index.
        doc_id: its identity.
        title: as it is shown.
        characters: of the whole text.
        offset: of the window.
        text: the window.
        metadata: the document's other fields.
        chunks: those that touch the window, in order.
    """

    generation: str
    doc_id: str
    title: str
    characters: int
    offset: int
    text: str
    metadata: dict[str, str | int | float | bool]
    chunks: list[ChunkSpan]


def documents_router(service: Service) -> "APIRouter":
    """The routes."""
    from fastapi import APIRouter, Depends, Query, Request

    router = APIRouter(prefix="/api/documents", tags=["documents"])
    unknown = problems(Code.UNKNOWN_DOCUMENT)

    @router.get("", responses=problems())
    async def documents(
        offset: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 50,
        q: Annotated[str, Query(max_length=200, description="substring of ids and titles, in any case")] = "",
    ) -> DocumentList:
        """List documents."""
        return await service.lookups.run(lambda job: _listed(service, job, offset, limit, q))

    @router.get("/{doc_id:path}", responses=unknown)
    async def document(
        doc_id: str,
        offset: Annotated[int, Query(ge=0)] = 0,
        length: Annotated[int, Query(ge=1, le=MOST_CHARACTERS)] = 20_000,
    ) -> DocumentText:
        """Read a document."""
        return await service.lookups.run(lambda job: _window(service, job, doc_id, offset, length))

    async def upload_of(request: Request) -> AsyncIterator[Received]:
        require_writable(service)
        async for came in received(request):
            yield came

    @router.post("", openapi_extra=_UPLOAD, response_model=Changed, responses=_UPLOADED)
    async def upload(request: Request, came: Annotated[Received, Depends(upload_of)]) -> Any:
        """Add documents, or replace those of the same ids: all of them or, where one cannot be read, none.

        With `Accept: text/event-stream` the answer is a stream: `progress` events, then `done` or `error`.
        """
        if EVENT_STREAM in request.headers.get("accept", ""):
            silence = service.options.keep_alive
            return await stream(
                request, service.writers, lambda job, emit: _tell(service, came, job, emit), silence=silence
            )
        work = service.writers.run(lambda job: add(service, came, job, lambda _: None))
        return await while_connected(request, work)

    @router.delete("/{doc_id:path}", responses=problems(Code.UNKNOWN_DOCUMENT, Code.READ_ONLY, Code.INDEX_LOCKED))
    async def delete(doc_id: str) -> Removed:
        """Remove a document with all its chunks."""
        require_writable(service)
        return await service.writers.run(lambda job: remove(service, doc_id, job))

    return router


def require_writable(service: Service) -> None:
    """Refuse what changes something.

    Raises:
        Problem: the service only reads.
    """
    if service.options.read_only:
        raise Problem(Code.READ_ONLY, "this service changes nothing; ask whoever runs it")


def _tell(service: Service, came: Received, job: Job, emit: Emit[bytes]) -> None:
    changed = add(service, came, job, lambda progress: emit(Event("progress", progress).encoded()))
    emit(Event("done", changed).encoded())


def _listed(service: Service, job: Job, offset: int, limit: int, q: str) -> DocumentList:
    with service.snapshots.lease() as snapshot:
        job.check()
        titles, wanted = snapshot.index.chunks.titles(), q.casefold()
        if wanted:
            titles = [(doc_id, title) for doc_id, title in titles if wanted in f"{doc_id}\n{title}".casefold()]
        shown = summaries(snapshot.index, titles[offset : offset + limit])
        return DocumentList(generation=snapshot.generation, total=len(titles), documents=shown)


def _window(service: Service, job: Job, doc_id: str, offset: int, length: int) -> DocumentText:
    with service.snapshots.lease() as snapshot:
        job.check()
        source = snapshot.index.chunks.document(require_document(snapshot.index, doc_id))
        end = offset + length
        spans = [
            ChunkSpan(chunk_id=chunk_id, start=first, end=last)
            for chunk_id, first, last in snapshot.index.chunks.spans(doc_id)
            if first < end and last > offset
        ]
        return DocumentText(
            generation=snapshot.generation, doc_id=doc_id, title=source.title, characters=len(source.text),
            offset=offset, text=source.text[offset:end], metadata=source.metadata, chunks=spans,
        )  # fmt: skip


_FILES = {
    "type": "object",
    "required": ["files"],
    "properties": {"files": {"type": "array", "minItems": 1, "items": {"type": "string", "format": "binary"}}},
}
_UPLOAD = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FILES},
            "application/json": {"schema": PostedDocuments.model_json_schema()},
        },
    }
}
_UPLOADED: dict[int | str, dict[str, Any]] = {
    200: {"content": {EVENT_STREAM: EVENTS}},
    **problems(
        Code.READ_ONLY, Code.SLOW_BODY, Code.UNSUPPORTED_TYPE, Code.UNREADABLE_DOCUMENT, Code.INDEX_LOCKED
    ),
}  # fmt: skip
