"""Each request seen from outside: numbered, timed, counted, traced and logged."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import secrets
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from rag.serve.handlers import PROBLEM
from rag.serve.observing.logs import with_fields
from rag.serve.observing.questions import asked
from rag.serve.safety.bodies import BODY
from rag.serve.safety.requests import header

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from rag.serve.observing.tracing import Tracing
    from rag.serve.problems import Problem
    from rag.serve.service import Service

_UNKNOWN = "unknown"  # a route that there is none of
_GIVEN = re.compile(r"[A-Za-z0-9._-]{1,64}")
_QUIET = frozenset({"/api/health", "/api/ready", "/metrics", "/static/{name}"})  # asked every few seconds
_LOGGER = logging.getLogger("rag.serve.requests")


class RequestMiddleware:
    """Sees requests come and go.

    Args:
        app: what is behind it.
        service: counts them, and says whether questions are logged.
        tracing: makes spans of them.
    """

    def __init__(self, app: ASGIApp, service: Service, tracing: Tracing | None = None) -> None:
        self._app, self._service, self._tracing = app, service, tracing

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] == "http":
            await self._request(scope, receive, send)
            return
        await self._app(scope, receive, send)
        if scope["type"] == "lifespan" and self._tracing is not None:
            await asyncio.to_thread(self._tracing.close)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        seen = _Seen(scope)
        metrics, tracing = self._service.metrics, self._tracing
        metrics.begin()
        try:
            with tracing.request(scope["method"], seen.headers()) if tracing else contextlib.nullcontext() as span:
                try:
                    await self._app(scope, seen.receiving(receive), seen.sending(send))
                finally:
                    if span is not None:
                        seen.describe(span)
        finally:
            metrics.end(scope["method"], seen.route, seen.status, seen.seconds, seen.code)
            level = logging.DEBUG if seen.route in _QUIET and seen.code is None else logging.INFO
            fields = seen.fields() | asked(scope.get(BODY), text=self._service.options.log_questions)
            _LOGGER.log(level, "request", extra=with_fields(**fields))


class _Seen:
    """What is known of a request."""

    def __init__(self, scope: Scope) -> None:
        given = header(scope, b"x-request-id") or ""
        self.id = given if _GIVEN.fullmatch(given) else secrets.token_hex(8)
        self.status: int | None = None
        self._scope = scope
        self._started = time.perf_counter()
        self._in = self._out = 0

    @property
    def seconds(self) -> float:
        """Since it came."""
        return time.perf_counter() - self._started

    @property
    def route(self) -> str:
        """The route it found, as it was declared."""
        return str(getattr(self._scope.get("route"), "path", _UNKNOWN))

    @property
    def code(self) -> str | None:
        """Of the problem it was refused with."""
        problem: Problem | None = self._scope.get(PROBLEM)
        return None if problem is None else problem.code.value

    def receiving(self, receive: Receive) -> Receive:
        """Counts what comes."""

        async def counted() -> Message:
            message = await receive()
            self._in += len(message.get("body", b""))
            return message

        return counted

    def sending(self, send: Send) -> Send:
        """Counts what goes, and names the request in it."""

        async def counted(message: Message) -> None:
            if message["type"] == "http.response.start":
                self.status = message["status"]
                message = {**message, "headers": [*message["headers"], (b"x-request-id", self.id.encode())]}
            self._out += len(message.get("body", b""))
            await send(message)

        return counted

    def headers(self) -> dict[str, str]:
        """Those that tracing reads."""
        return {name: value for name in ("traceparent", "tracestate") if (value := header(self._scope, name.encode()))}

    def fields(self) -> dict[str, Any]:
        """Of its line in the log."""
        problem: Problem | None = self._scope.get(PROBLEM)
        refused = {} if problem is None else {"code": problem.code.value, "error_id": problem.id}
        return {
            "request_id": self.id, "method": self._scope["method"], "route": self.route, "status": self.status,
            "seconds": round(self.seconds, 6), "bytes_in": self._in, "bytes_out": self._out, **refused,
        }  # fmt: skip

    def describe(self, span: Any) -> None:
        """Say the same in a span, by the names that OpenTelemetry has for it."""
        span.update_name(f"{self._scope['method']} {self.route}")
        attributes = {"http.request.method": self._scope["method"], "http.route": self.route, "rag.request_id": self.id}
        if self.status is not None:
            attributes["http.response.status_code"] = self.status
        if self.code is not None:
            attributes["error.type"] = self.code
        span.set_attributes(attributes)
        if self.status is None or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            from opentelemetry.trace import Status, StatusCode

            span.set_status(Status(StatusCode.ERROR))
