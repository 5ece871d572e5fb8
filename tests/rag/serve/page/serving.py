"""The page's files on a port of their own, for tests that need no index behind them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from rag.serve.page_files import INDEX, read_page

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)


class PageHandler(BaseHTTPRequestHandler):
    """Sends the files, under the policy that the service sends them under."""

    files = read_page()
    protocol_version = "HTTP/1.1"  # connections stay open for the next file

    def do_GET(self) -> None:
        file = self.files.get(INDEX if self.path == "/" else self.path.removeprefix("/static/"))
        if file is None:
            self.send_error(404)
        else:
            self.send(file.content, file.media_type)

    def send(self, body: bytes, media_type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", media_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serves on a free port while the block runs; gives the origin."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False  # a browser holds its connections open

    with Server(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
