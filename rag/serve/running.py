"""Running an application until it is told to stop."""

from __future__ import annotations

import asyncio
import math
import signal
import socket
import sys
from types import FrameType
from typing import TYPE_CHECKING

from rag.serve.app import create_app
from rag.serve.observing.logs import write_json_logs
from rag.serve.safety.connections import impatient_protocol

if TYPE_CHECKING:
    import uvicorn

    from rag.serve.service import Service

_REQUEST_HEAD = 16 * 2**10  # bytes of request line and headers
_LAST_WORD = 3  # seconds that requests at work are given to stop after their grace
_IDLE = 30  # seconds that a connection may stay open between two requests


def serve(service: Service, listening: socket.socket) -> None:
    """Serve on a bound socket until SIGINT or SIGTERM; requests at work are given the options' grace to end.

    Raises:
        KeyboardInterrupt: after SIGINT.
    """
    write_json_logs()
    server = server_of(service)
    listening.listen()  # whoever reads the address and comes at once waits for the start, and is not refused
    sys.stderr.write(f"serving {service.snapshots.directory} on {address_of(listening)}\n")
    # uvicorn shuts down and then raises the signal anew: SIGTERM has done its work by then.
    signal.signal(signal.SIGTERM, lambda *_: None)
    server.run(sockets=[listening])


def server_of(service: Service) -> uvicorn.Server:
    """A server of the application over ``service``; it runs once."""
    import uvicorn

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            service.ready = False  # whoever balances load between services looks elsewhere from now on
            super().handle_exit(sig, frame)

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            # When their grace is over, requests still get an answer that says so, before they are cut off.
            stopping = asyncio.get_running_loop().call_later(service.options.grace, service.stop)
            try:
                await super().shutdown(sockets)
            finally:
                stopping.cancel()

    config = uvicorn.Config(
        create_app(service),
        log_config=None,  # the service writes its own log
        access_log=False,
        server_header=False,
        date_header=True,
        proxy_headers=False,
        h11_max_incomplete_event_size=_REQUEST_HEAD,
        timeout_keep_alive=_IDLE,
        timeout_graceful_shutdown=math.ceil(service.options.grace) + _LAST_WORD,
        http=impatient_protocol(),
        ws="none",
    )
    return Server(config)


def address_of(listening: socket.socket) -> str:
    """URL of the page."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
