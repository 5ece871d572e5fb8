"""What browsers are told about every answer, errors included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Nothing but the page's own files and the service itself: text from a document that came to stand in the page as
# markup could neither run, load nor send anything.
_POLICY = "; ".join(
    (
        "default-src 'none'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "connect-src 'self'",
        "form-action 'none'", "base-uri 'none'", "frame-ancestors 'none'",
    )
)  # fmt: skip
_FEATURES = ("camera", "geolocation", "microphone", "payment", "usb")
HEADERS = {
    b"content-security-policy": _POLICY.encode(),
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": ", ".join(f"{feature}=()" for feature in _FEATURES).encode(),
}
_KEPT_BY_BROWSERS = ("/static/",)  # the page's own files say themselves how long


class HeaderMiddleware:
    """Adds the headers; what a route says itself stands."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = dict(HEADERS)
        if scope["path"] != "/" and not scope["path"].startswith(_KEPT_BY_BROWSERS):
            wanted[b"cache-control"] = b"no-store"

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                there = {name.lower() for name, _ in message["headers"]}
                more = [(name, value) for name, value in wanted.items() if name not in there]
                message = {**message, "headers": [*message["headers"], *more]}
            await send(message)

        await self._app(scope, receive, with_headers)
