"""Bodies of requests: how large, how slow, and of which kind; JSON is looked at before any route reads it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from rag.serve.problems import Code, Problem
from rag.serve.safety.json_bodies import JsonError, strict_json
from rag.serve.safety.requests import has_header, header, is_upload

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rag.serve.options import ServeOptions

BODY = "rag.body"  # under which a request's scope holds its JSON
_PATIENCE = 10.0  # seconds before a body's pace is looked at


class BodyMiddleware:
    """Refuses bodies that are too large, too slow or no JSON; those of uploads pass as they come, counted.

    Args:
        app: what is behind it.
        options: the limits.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions) -> None:
        self._app, self._options = app, options

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Problem: its body cannot be taken.
        """
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        body = _Body(receive, _limit(scope, self._options), self._options, upload=is_upload(scope))
        length = _length(scope)
        if length > body.limit:
            raise _too_large(body.limit)
        if is_upload(scope) or not (length or has_header(scope, b"transfer-encoding")):
            await self._app(scope, body.receive, send)
            return
        if (kind := _kind(scope)) != "application/json":
            raise Problem(Code.UNSUPPORTED_TYPE, f"expected a body of application/json, got {kind[:80] or 'no type'!r}")
        content = await body.whole()
        if content is None:
            return  # its client has gone
        try:
            scope[BODY] = strict_json(content)
        except JsonError as error:
            raise Problem(Code.BAD_REQUEST, str(error)) from error
        await self._app(scope, _replay(content, receive), send)


class _Body:
    """A body on its way in.

    Args:
        receive: where it comes from.
        limit: bytes it may have.
        options: say how slow it may be.
        upload: whether it is one.
    """

    def __init__(self, receive: Receive, limit: int, options: ServeOptions, *, upload: bool) -> None:
        self._receive, self.limit, self._pace = receive, limit, options.slow_body
        self._longest = options.upload_timeout if upload else options.timeout
        self._bytes, self._waited, self._whole = 0, 0.0, False

    async def receive(self) -> Message:
        """The next part of the body, and when it is whole whatever comes.

        Raises:
            Problem: there is too much of it, or it comes too slowly.
        """
        if self._whole:
            return await self._receive()
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._patience() - self._waited):
                message = await self._receive()
        except TimeoutError:
            raise Problem(Code.SLOW_BODY, "the body comes too slowly; send it faster, or less of it") from None
        self._waited += time.monotonic() - started  # what the service itself takes does not count
        self._bytes += len(message.get("body", b""))
        if self._bytes > self.limit:
            raise _too_large(self.limit)
        self._whole = not message.get("more_body", False)
        return message

    async def whole(self) -> bytes | None:
        """All of it, or None where the client has gone."""
        parts = []
        while not self._whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                return None
            parts.append(message.get("body", b""))
        return b"".join(parts)

    def _patience(self) -> float:
        """Seconds that may have been waited by now."""
        return self._longest if not self._pace else min(self._longest, _PATIENCE + self._bytes / self._pace)


def _replay(content: bytes, receive: Receive) -> Receive:
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return again


def _limit(scope: Scope, options: ServeOptions) -> int:
    return options.upload_bytes if is_upload(scope) else options.body_bytes


def _length(scope: Scope) -> int:
    """What the request says of its body; 0 where it says nothing that can be read."""
    told = header(scope, b"content-length") or ""
    return int(told) if told.isascii() and told.isdigit() else 0


def _kind(scope: Scope) -> str:
    return (header(scope, b"content-type") or "").partition(";")[0].strip().lower()


def _too_large(limit: int) -> Problem:
    return Problem(Code.TOO_LARGE, f"the body has more than {limit:,} bytes; send less at once")
