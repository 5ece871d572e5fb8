"""Pages of other origins change nothing here.

A page from anywhere can have the browser send a form, files and all, to a service on this machine or in this network;
browsers keep it from reading the answer, not from sending. They say where such a request comes from, though, and
programs that are no browsers say nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.serve.problems import Code, Problem
from rag.serve.safety.hosts import split_host
from rag.serve.safety.requests import SAFE_METHODS, has_header, header

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_OWN_SITES = {"same-origin", "none"}  # none: the person's own doing, as a bookmark
_PORTS = {"http": "80", "https": "443"}


class OriginMiddleware:
    """Refuses what foreign pages send with any but a safe method."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Problem: a page of another origin sent it.
        """
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and _is_foreign(scope):
            raise Problem(
                Code.FORBIDDEN_ORIGIN,
                "pages of other origins may not change anything here; use the service's own page, or no browser."
                " A proxy in between must pass the Host header on as it came",
            )
        await self._app(scope, receive, send)


def _is_foreign(scope: Scope) -> bool:
    if has_header(scope, b"sec-fetch-site") and header(scope, b"sec-fetch-site") not in _OWN_SITES:
        return True
    return has_header(scope, b"origin") and not is_own(header(scope, b"origin") or "", header(scope, b"host") or "")


def is_own(origin: str, host: str) -> bool:
    """Whether an Origin header names the host of the request; the scheme is a proxy's business.

    >>> is_own("https://rag.example.org", "rag.example.org"), is_own("null", "127.0.0.1:8000")
    (True, False)
    """
    scheme, slashes, rest = origin.partition("://")
    if not slashes or scheme not in _PORTS or not host:
        return False
    (name, port), (own_name, own_port) = split_host(rest), split_host(host)
    usual = _PORTS[scheme]
    return bool(name) and (name.lower(), port or usual) == (own_name.lower(), own_port or usual)
