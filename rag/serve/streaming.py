"""Answers that come in parts, and clients that leave before the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from rag.serve.events import Event
from rag.serve.handlers import PROBLEM, as_problem, note
from rag.serve.problems import Problem
from rag.serve.work import Emit, Job, Workers

if TYPE_CHECKING:
    from fastapi import Request, Response

Result = TypeVar("Result")

EVENT_STREAM = "text/event-stream"
_KEEP_ALIVE = b": keep-alive\n\n"
_GONE = 499  # nginx's status for a client that left: nobody reads it but the log
_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # the second for nginx, which would hold parts back


def problem_event(problem: Problem) -> bytes:
    """The last event of a stream that failed."""
    return Event("error", problem.body()).encoded()


async def stream(
    request: Request,
    workers: Workers,
    work: Callable[[Job, Emit[bytes]], None],
    *,
    silence: float,
    failed: Callable[[Problem], bytes] = problem_event,
) -> Response:
    """Answer with what ``work`` emits, as it comes.

    What fails before the first part is raised, so that its status says so; what fails later is the last part.

    Args:
        request: whose client is answered.
        workers: do it.
        work: emits parts, encoded.
        silence: seconds after which a comment keeps the connection alive.
        failed: encodes what failed.
    """
    from fastapi.responses import StreamingResponse

    parts = workers.stream(work, silence)
    first = await while_connected(request, anext(parts))
    if not isinstance(first, bytes | None):
        return first
    body = _body(request, parts, first, failed)
    return StreamingResponse(body, media_type=EVENT_STREAM, headers=_HEADERS)


def stream_whole(body: bytes) -> Response:
    """A stream of which every part is known."""
    from fastapi import Response

    return Response(body, media_type=EVENT_STREAM, headers=_HEADERS)


async def while_connected(request: Request, work: Awaitable[Result]) -> Result | Response:
    """What ``work`` brings; it is cancelled, and an answer nobody reads is given, when the client leaves."""
    from fastapi import Response

    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(request))
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else Response(status_code=_GONE)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.gather(working, leaving, return_exceptions=True)


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _body(
    request: Request, parts: AsyncIterator[bytes | None], first: bytes | None, failed: Callable[[Problem], bytes]
) -> AsyncIterator[bytes]:
    async with contextlib.aclosing(parts):  # type: ignore[type-var]
        yield first or _KEEP_ALIVE
        try:
            async for part in parts:
                yield part or _KEEP_ALIVE
        except Exception as error:  # noqa: BLE001 - the status has been sent: only the stream can say so
            problem = as_problem(error)
            request.scope[PROBLEM] = problem
            if problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR and problem is not error:
                note(problem, error)
            yield failed(problem)
