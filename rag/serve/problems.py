"""What a request is refused with: one shape for every route, which clients of OpenAI's API read as well."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from rag.errors import IndexLockedError, InputError, ToolkitError


class Code(StrEnum):
    """Names of the problems; :data:`STATUS` has the HTTP status of each."""

    BAD_REQUEST = "bad_request"
    UNAUTHORIZED = "unauthorized"
    FORBIDDEN_ORIGIN = "forbidden_origin"
    READ_ONLY = "read_only"
    NOT_FOUND = "not_found"
    UNKNOWN_DOCUMENT = "unknown_document"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    SLOW_BODY = "slow_body"
    CHUNKS_GONE = "chunks_gone"
    TOO_LARGE = "too_large"
    UNSUPPORTED_TYPE = "unsupported_type"
    FORBIDDEN_HOST = "forbidden_host"
    INVALID_REQUEST = "invalid_request"
    UNUSABLE_QUESTION = "unusable_question"
    UNREADABLE_DOCUMENT = "unreadable_document"
    BUSY = "busy"
    INTERNAL = "internal"
    INDEX_LOCKED = "index_locked"
    UNAVAILABLE = "unavailable"
    TIMEOUT = "timeout"


STATUS: Mapping[Code, int] = {
    Code.BAD_REQUEST: 400,
    Code.UNAUTHORIZED: 401,
    Code.FORBIDDEN_ORIGIN: 403,
    Code.READ_ONLY: 403,
    Code.NOT_FOUND: 404,
    Code.UNKNOWN_DOCUMENT: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.SLOW_BODY: 408,
    Code.CHUNKS_GONE: 409,
    Code.TOO_LARGE: 413,
    Code.UNSUPPORTED_TYPE: 415,
    Code.FORBIDDEN_HOST: 421,
    Code.INVALID_REQUEST: 422,
    Code.UNUSABLE_QUESTION: 422,
    Code.UNREADABLE_DOCUMENT: 422,
    Code.BUSY: 429,
    Code.INTERNAL: 500,
    Code.INDEX_LOCKED: 503,
    Code.UNAVAILABLE: 503,
    Code.TIMEOUT: 504,
}

_TYPES = {401: "authentication_error", 429: "rate_limit_error"}


@dataclass(eq=False)
class Problem(Exception):  # noqa: N818 - the name of RFC 9457
    """A request that is not served, and why.

    Args:
        code: what kind of problem.
        message: what was wrong and what to do, in English; nothing of the server's insides.
        param: field of the request, where one is to blame.
        retry_after: seconds after which trying again makes sense.
        id: what the log knows it by.
    """

    code: Code
    message: str
    param: str | None = None
    retry_after: int | None = None
    id: str = field(default_factory=lambda: secrets.token_hex(4))

    @property
    def status(self) -> int:
        """HTTP status."""
        return STATUS[self.code]

    def headers(self) -> dict[str, str]:
        """Headers that belong to the answer."""
        found = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        if self.code is Code.UNAUTHORIZED:
            found["WWW-Authenticate"] = "Bearer"
        if self.code is Code.SLOW_BODY:
            found["Connection"] = "close"  # the rest of the body is not waited for
        return found

    def body(self) -> dict[str, Any]:
        """What the client reads."""
        kind = _TYPES.get(self.status, "server_error" if self.status >= 500 else "invalid_request_error")
        return {"error": {"id": self.id, "code": self.code, "type": kind, "message": self.message, "param": self.param}}


def stopping() -> Problem:
    """What clients are told while the service stops."""
    return Problem(Code.UNAVAILABLE, "the service is stopping; try again later", retry_after=5)


def problem_of(error: Exception) -> Problem:
    """What a client is told of an error of the toolkit; of any other one only its id."""
    match error:
        case Problem():
            return error
        case IndexLockedError():
            return Problem(Code.INDEX_LOCKED, "another process is writing the index; try again later", retry_after=5)
        case InputError():
            return Problem(Code.INVALID_REQUEST, str(error))
        case ToolkitError():
            # Their messages name paths and models of the server: they are for its log.
            return Problem(Code.UNAVAILABLE, "a part of the service cannot be used; its log says why")
        case _:
            return Problem(Code.INTERNAL, "the server failed; its log has the details under this id")
