"""Connections that bring no request, or never end one: uvicorn waits for them without end, and here it does not."""

from __future__ import annotations

import asyncio
from typing import Any

HEAD_SECONDS = 20.0  # that the head of a request may take to come, or the rest of a body that was refused


def impatient_protocol(seconds: float = HEAD_SECONDS) -> type[Any]:
    """Uvicorn's protocol, which closes connections whose next request has not begun or not gone past its head in time.

    Connections that are idle between two requests are uvicorn's own business (``timeout_keep_alive``).
    """
    import h11
    from uvicorn.protocols.http.h11_impl import H11Protocol

    class ImpatientProtocol(H11Protocol):
        _waiting: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._watch()

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            self._watch()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._watch()

        def connection_lost(self, exc: Exception | None) -> None:
            self._stop_watching()
            super().connection_lost(exc)

        def _watch(self) -> None:
            if not self._owed():
                self._stop_watching()
            elif self._waiting is None:
                self._waiting = self.loop.call_later(seconds, self._give_up)

        def _owed(self) -> bool:
            """Whether the client owes the rest of a head, or of a body that nobody reads any more."""
            refused = self.conn.their_state is h11.SEND_BODY and self.conn.our_state is h11.DONE
            return refused or self.conn.their_state is h11.IDLE

        def _stop_watching(self) -> None:
            if self._waiting is not None:
                self._waiting.cancel()
                self._waiting = None

        def _give_up(self) -> None:
            self._waiting = None
            # Between two requests uvicorn's own timer runs; what came since then is the beginning of a head.
            if self.conn.their_state is h11.SEND_BODY or self.timeout_keep_alive_task is None:
                self.transport.close()

    return ImpatientProtocol
