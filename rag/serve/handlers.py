"""Every failed request, whatever failed, answered in one shape and logged under the id that its client is told."""

from __future__ import annotations

import errno
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rag.errors import ToolkitError
from rag.serve.observing.logs import with_fields
from rag.serve.problems import Code, Problem, problem_of, stopping
from rag.serve.work import StoppedError

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PROBLEM = "rag.problem"  # under which a request's scope holds what it was refused with, for the log and the metrics
_LOGGER = logging.getLogger(__name__)
_OF_STATUS = {
    HTTPStatus.BAD_REQUEST: Code.BAD_REQUEST,
    HTTPStatus.NOT_FOUND: Code.NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: Code.METHOD_NOT_ALLOWED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: Code.TOO_LARGE,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: Code.UNSUPPORTED_TYPE,
    HTTPStatus.UNPROCESSABLE_ENTITY: Code.INVALID_REQUEST,
}
_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


def install_handlers(app: FastAPI) -> None:
    """Answer what routes raise."""
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    for kind in (Problem, ToolkitError, RequestValidationError, HTTPException):
        app.add_exception_handler(kind, _handle)


class FailureMiddleware:
    """Answers what no handler knows, and what other middleware raises."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = begun or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except Exception as error:
            response = respond(scope, error)
            if begun:  # half an answer cannot be taken back: the connection is closed under it
                raise
            await response(scope, receive, send)


def respond(scope: Scope, error: Exception) -> Response:
    """The answer to a request that failed so; the scope holds the problem afterwards."""
    from starlette.responses import JSONResponse

    problem = as_problem(error)
    scope[PROBLEM] = problem
    note(problem, error)
    headers = problem.headers()
    if problem.code is Code.METHOD_NOT_ALLOWED:
        headers["Allow"] = _allowed(scope, error)
    return JSONResponse(problem.body(), problem.status, headers)


def note(problem: Problem, error: Exception) -> None:
    """Log what went wrong inside, under the id that the client knows; of mistakes in requests the log has one line."""
    if problem is error or problem.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    _LOGGER.error("request failed", exc_info=error, extra=with_fields(error_id=problem.id, code=problem.code.value))


def as_problem(error: Exception) -> Problem:
    """What a client is told of an error.

    What is raised while FastAPI reads a body arrives as the cause of its own error about that body.
    """
    from fastapi.exceptions import RequestValidationError
    from starlette.exceptions import HTTPException

    if isinstance(error, HTTPException):
        if isinstance(error.__cause__, Problem):
            return error.__cause__
        return _of_status(error.status_code, str(error.detail))
    if isinstance(error, RequestValidationError):
        return _invalid(error.errors())
    if (
        isinstance(error, BaseExceptionGroup)
        and len(error.exceptions) == 1
        and isinstance(error.exceptions[0], Exception)
    ):
        return as_problem(error.exceptions[0])  # a task group of one request
    if isinstance(error, StoppedError):
        return stopping()
    if isinstance(error, TimeoutError):
        return Problem(Code.TIMEOUT, "no answer in time; ask for less, or try again later")
    if isinstance(error, OSError) and not isinstance(error, ToolkitError) and error.errno in _DISK:
        return Problem(Code.UNAVAILABLE, "the service cannot write to its disk; nothing was changed")
    return problem_of(error)


def _allowed(scope: Scope, error: Exception) -> str:
    """Methods that an address takes: all of them, where the router names those of its first route alone."""
    template = getattr(scope.get("route"), "path", "").replace(":path}", "}")
    described = scope["app"].openapi()["paths"].get(template)
    if described is None:  # the page's files
        return str(dict(getattr(error, "headers", None) or {}).get("Allow", "GET"))
    return ", ".join(sorted(method.upper() for method in described))


async def _handle(request: Request, error: Exception) -> Response:
    return respond(request.scope, error)


def _of_status(status: int, detail: str) -> Problem:
    code = _OF_STATUS.get(HTTPStatus(status), Code.BAD_REQUEST if status < 500 else Code.INTERNAL)
    match code:
        case Code.NOT_FOUND:
            return Problem(code, "there is nothing at this address; GET /openapi.json lists what there is")
        case Code.METHOD_NOT_ALLOWED:
            return Problem(code, "this address does not take this method; the header Allow lists those it takes")
        case Code.INTERNAL:
            return problem_of(RuntimeError())
        case _:
            return Problem(code, detail)


def _invalid(mistakes: Any) -> Problem:
    """The first thing that is wrong with a request: its field and what was expected there, never what it held."""
    first = mistakes[0]
    where = [str(part) for part in first["loc"]]
    if first["type"] == "json_invalid":
        return Problem(Code.BAD_REQUEST, f"the body is no JSON: {first.get('ctx', {}).get('error', first['msg'])}")
    if where and where[0] in {"body", "query", "path", "header"}:
        where = where[1:]
    param = ".".join(where) or None
    message = first["msg"].removeprefix("Value error, ")
    return Problem(Code.INVALID_REQUEST, f"{param or 'body'}: {message}", param=param)
