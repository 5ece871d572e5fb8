"""Running a server over standard input and output, or over HTTP on this machine, until it is told to stop."""

from __future__ import annotations

import signal
import socket
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcp.server.lowlevel import Server

_PATH = "/mcp"
_GRACE = 3  # seconds that open streams are given to end


def serve_stdio(server: Server[Any]) -> None:
    """Serve one client until it closes our standard input, or until SIGINT or SIGTERM.

    Raises:
        KeyboardInterrupt: after SIGINT.
    """
    import anyio

    if anyio.run(_serve_stdio, server) == signal.SIGINT:
        raise KeyboardInterrupt


async def _serve_stdio(server: Server[Any]) -> signal.Signals | None:
    import anyio
    from mcp.server.stdio import stdio_server

    from rag.mcp.stdin import take_stdin

    stopped_by: signal.Signals | None = None
    async with anyio.create_task_group() as group:

        async def stop_on_signal() -> None:
            nonlocal stopped_by
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
                async for received in signals:
                    stopped_by = received
                    group.cancel_scope.cancel()
                    return

        group.start_soon(stop_on_signal)
        # Standard output is taken by the transport: what anything else prints goes to standard error.
        async with stdio_server(stdin=take_stdin()) as (requests, replies):  # type: ignore[arg-type]
            await server.run(requests, replies, server.create_initialization_options())
        group.cancel_scope.cancel()
    return stopped_by


def serve_http(server: Server[Any], listening: socket.socket) -> None:
    """Serve any number of clients on a socket that is bound to a loopback address, until SIGINT or SIGTERM.

    Only requests that name this machine are answered, whatever address they came in by: a page of another site cannot
    reach the index through a name that it makes point here (DNS rebinding).
    """
    import uvicorn
    from mcp.server.transport_security import TransportSecuritySettings

    port = listening.getsockname()[1]
    hosts = [f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")]
    app = server.streamable_http_app(
        streamable_http_path=_PATH,
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts, allowed_origins=[f"http://{host}" for host in hosts]
        ),
    )
    sys.stderr.write(f"serving on {address_of(listening)}\n")
    config = uvicorn.Config(app, log_level="warning", server_header=False, timeout_graceful_shutdown=_GRACE)
    # uvicorn shuts down and then raises the signal anew: SIGTERM has done its work by then.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listening])


def address_of(listening: socket.socket) -> str:
    """URL that a client is given."""
    host, port = listening.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}{_PATH}"
