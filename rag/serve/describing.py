"""What the description of the API says of problems."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from rag.serve.problems import STATUS, Code


class ErrorBody(BaseModel):
    """What was wrong and what to do."""

    id: str = Field(description="What the service's log knows the problem by.")
    code: Code
    type: Literal["invalid_request_error", "authentication_error", "rate_limit_error", "server_error"]
    message: str
    param: str | None = Field(description="Field of the request that is to blame.")


class ErrorReply(BaseModel):
    """Every refusal has this shape."""

    error: ErrorBody


_ALWAYS = (Code.BAD_REQUEST, Code.UNAUTHORIZED, Code.TOO_LARGE, Code.INVALID_REQUEST, Code.INTERNAL)
_OF_WORK = (Code.BUSY, Code.UNAVAILABLE, Code.TIMEOUT)


def problems(*codes: Code, works: bool = True) -> dict[int | str, dict[str, Any]]:
    """``responses`` of a route: these codes, and those that every route may answer with.

    Args:
        codes: its own.
        works: whether it waits for a worker.
    """
    by_status: dict[int, list[str]] = {}
    for code in (*codes, *_ALWAYS, *(_OF_WORK if works else ())):
        by_status.setdefault(STATUS[code], []).append(f"`{code}`")
    return {
        status: {"model": ErrorReply, "description": ", ".join(names)} for status, names in sorted(by_status.items())
    }


# What a stream of server-sent events is made of; a comment that keeps it alive is no event.
EVENTS: dict[str, Any] = {
    "schema": {
        "type": "object",
        "properties": {"event": {"type": "string"}, "data": {"type": "string", "description": "JSON."}},
        "required": ["data"],
    }
}
