"""Who may ask: whoever shows the token, where the service has one."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from rag.serve.problems import Code, Problem
from rag.serve.safety.requests import SAFE_METHODS, header

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_OPEN = frozenset({"/", "/api/health", "/api/ready"})
_OPEN_BELOW = "/static/"  # the page itself, which holds nothing of the index and asks for the token


class TokenMiddleware:
    """Asks for the token everywhere but at the page itself and at the two probes.

    Args:
        app: what is behind it.
        token: what must be shown.
    """

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app, self._token = app, token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on.

        Raises:
            Problem: the token is missing or another; the answer does not tell which.
        """
        if scope["type"] == "http" and not _is_open(scope) and not self._shown(header(scope, b"authorization") or ""):
            raise Problem(Code.UNAUTHORIZED, "send the service's token in the header Authorization: Bearer TOKEN")
        await self._app(scope, receive, send)

    def _shown(self, authorization: str) -> bool:
        scheme, _, shown = authorization.partition(" ")
        # Compared in any case, so that the time tells nothing of what was wrong.
        return hmac.compare_digest(shown.strip().encode("latin-1"), self._token) & (scheme.lower() == "bearer")


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"]
    return scope["method"] in SAFE_METHODS and (path in _OPEN or path.startswith(_OPEN_BELOW))
