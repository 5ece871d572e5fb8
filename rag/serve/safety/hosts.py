"""A service without a token is for this machine: it answers to this machine's names alone.

Listening on a loopback address keeps other machines out, but not a page that a browser here has loaded from elsewhere:
its host name may be made to point to 127.0.0.1 after the page was loaded (DNS rebinding), and the browser then takes
the service for the page's own. Such a request still carries the foreign name.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from rag.serve.problems import Code, Problem
from rag.serve.safety.requests import header

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class HostMiddleware:
    """Refuses requests that name another host than this machine."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Problem: it is for another host.
        """
        if scope["type"] == "http" and not names_this_machine(header(scope, b"host") or ""):
            raise Problem(
                Code.FORBIDDEN_HOST,
                "without a token the service answers to http://127.0.0.1 and http://localhost alone;"
                " use one of these names, or start it with a token",
            )
        await self._app(scope, receive, send)


def names_this_machine(host: str) -> bool:
    """Whether a Host header, its port aside, is a loopback address or localhost.

    >>> names_this_machine("127.0.0.1:8000"), names_this_machine("127.0.0.1.example.org")
    (True, False)
    """
    name, _ = split_host(host)
    if name.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def split_host(host: str) -> tuple[str, str]:
    """Name and port of a Host header, brackets of an IPv6 address off; no name where it is malformed."""
    if host.startswith("["):
        name, closed, port = host[1:].partition("]")
        return (name, port.removeprefix(":")) if closed and _is_port(port) else ("", "")
    name, colon, port = host.partition(":")
    return (name, port) if _is_port(colon + port) else ("", "")


def _is_port(text: str) -> bool:
    return not text or (text[0] == ":" and (text[1:].isdecimal() or not text[1:]))
