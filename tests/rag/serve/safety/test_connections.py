"""Connections on which no request comes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")

import uvicorn

from rag.serve.safety.connections import impatient_protocol

PATIENCE = 0.2


async def slow_echo(scope, receive, send):
    """Answers after the whole body has come, or at once where that is asked for."""
    body = b""
    if scope["path"] == "/refused":
        await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})
        return
    while True:
        message = await receive()
        body += message["body"]
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    config = uvicorn.Config(
        slow_echo, http=impatient_protocol(PATIENCE), ws="none", lifespan="off", log_config=None, timeout_keep_alive=60
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield listening.getsockname()
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=20) as opened:
        yield opened


HEAD = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"


@pytest.mark.parametrize("sent", [b"", b"PO", HEAD], ids=["nothing", "a beginning", "no end of the head"])
def test_a_head_that_does_not_come_ends_the_connection(address, sent):
    with connected(address) as opened:
        opened.sendall(sent)
        assert opened.recv(100) == b""


def ends_while_dripped_on(opened, byte, times) -> bool:
    """Whether the other side closes the connection while it is sent one byte after the other."""
    opened.settimeout(PATIENCE / 20)
    for _ in range(times):
        try:
            opened.sendall(byte)
            if opened.recv(1) == b"":
                return True
        except TimeoutError:
            continue
        except ConnectionError:
            return True
    return False


def test_a_head_that_is_dripped_is_no_better(address):
    with connected(address) as opened:
        assert ends_while_dripped_on(opened, b"G", 200)


def test_a_request_takes_its_time_once_its_head_is_whole(address):
    with connected(address) as opened:
        opened.sendall(HEAD + b"\r\n")
        opened.settimeout(3 * PATIENCE)
        with pytest.raises(TimeoutError):
            opened.recv(100)  # neither an answer nor an end
        opened.settimeout(20)
        opened.sendall(b"ok")
        assert opened.recv(100).startswith(b"HTTP/1.1 200")


def test_the_second_head_is_watched_and_an_idle_connection_is_not(address):
    with connected(address) as opened:
        opened.sendall(HEAD + b"\r\nok")
        assert opened.recv(1000).endswith(b"ok")
        opened.settimeout(3 * PATIENCE)
        with pytest.raises(TimeoutError):
            opened.recv(100)
        opened.settimeout(20)
        opened.sendall(b"POST /")
        assert opened.recv(100) == b""


def test_the_rest_of_a_refused_body_is_not_waited_for(address):
    with connected(address) as opened:
        opened.sendall(b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert opened.recv(1000).startswith(b"HTTP/1.1 413")
        assert ends_while_dripped_on(opened, b"x", 900)  # which keeps uvicorn's own timer from running


def test_after_a_refused_body_that_came_whole_the_connection_goes_on(address):
    with connected(address) as opened:
        opened.sendall(b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n")
        assert opened.recv(1000).startswith(b"HTTP/1.1 413")
        opened.sendall(b"x" * 1000 + HEAD + b"\r\nok")
        assert opened.recv(1000).endswith(b"ok")
