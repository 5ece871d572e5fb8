"""Bodies that are too large, too slow, of another kind or no JSON, sent over real sockets where that matters."""

from __future__ import annotations

import contextlib
import json
import socket
import time
import urllib.request
from urllib.parse import urlsplit

import pytest

from rag.serve.safety import bodies

LIMIT = 4096


@pytest.fixture
def limited(make_service, client_of):
    with client_of(make_service(body_bytes=LIMIT, upload_bytes=2 * LIMIT)) as opened:
        yield opened


def code_of(response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def in_parts(content: bytes):
    """A body whose length is not told beforehand."""
    for at in range(0, len(content), 1000):
        yield content[at : at + 1000]


JSON = {"Content-Type": "application/json"}
QUESTION = {"question": "Какова наибольшая глубина Байкала?"}


def test_a_body_over_the_limit_is_refused_by_what_it_says_of_itself(limited):
    content = json.dumps({"question": "а" * LIMIT}).encode()
    assert code_of(limited.post("/api/search", content=content, headers=JSON)) == (413, "too_large")


def test_a_body_of_untold_length_is_counted(limited):
    content = json.dumps({"question": "а" * LIMIT}).encode()
    assert code_of(limited.post("/api/search", content=in_parts(content), headers=JSON)) == (413, "too_large")
    content = json.dumps(QUESTION).encode()
    assert limited.post("/api/search", content=in_parts(content), headers=JSON).status_code == 200


@pytest.mark.parametrize("told", [True, False])
def test_uploads_have_a_limit_of_their_own(limited, told):
    text = "Площадь Ладожского озера — 17 870 км². " * 100
    for size, expected in ((LIMIT + 100, 200), (3 * LIMIT, 413)):
        documents = {"documents": [{"doc_id": "ладога", "text": text.encode()[:size].decode(errors="ignore")}]}
        content = json.dumps(documents, ensure_ascii=False).encode().ljust(size)
        response = limited.post("/api/documents", content=content if told else in_parts(content), headers=JSON)
        assert response.status_code == expected, response.text


@pytest.mark.parametrize(
    "kind",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "", "application/xml"],
)
def test_other_kinds_of_bodies_are_refused(limited, kind):
    content = json.dumps(QUESTION).encode()
    assert code_of(limited.post("/api/search", content=content, headers={"Content-Type": kind})) == (
        415,
        "unsupported_type",
    )


def test_the_kind_may_name_its_encoding(limited):
    headers = {"Content-Type": "Application/JSON; charset=UTF-8"}
    assert limited.post("/api/search", content=json.dumps(QUESTION).encode(), headers=headers).status_code == 200


@pytest.mark.parametrize("path", ["/api/search", "/api/answer", "/api/feedback", "/retrieve", "/v1/chat/completions"])
@pytest.mark.parametrize(
    "content",
    [
        b"{", b'{"question": NaN}', b"\xff\xfe", b'{"question": "\xd0"}', b'{"question": 1, "question": 2}',
        rb'{"question": "\ud83d"}', b"[" * 2000 + b"]" * 2000, b'{"question": 1e999}',
    ],
    ids=["cut", "nan", "utf16", "utf8", "twice", "surrogate", "deep", "infinite"],
)  # fmt: skip
def test_what_is_no_json_is_refused_everywhere(limited, path, content):
    assert code_of(limited.post(path, content=content, headers=JSON)) == (400, "bad_request")


# Bodies that come slowly.


@contextlib.contextmanager
def connected(address: str):
    host, _, port = urlsplit(address).netloc.partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as opened:
        yield opened


def begun(opened: socket.socket, length: int, path: str = "/api/search") -> None:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
    )
    opened.sendall(head.encode())


def answer_of(opened: socket.socket) -> bytes:
    received = b""
    while part := opened.recv(65536):
        received += part
    return received


@pytest.mark.parametrize("path", ["/api/search", "/api/documents"])
def test_a_body_that_stops_coming_is_given_up(make_service, server_of, monkeypatch, path):
    monkeypatch.setattr(bodies, "_PATIENCE", 0.2)
    with server_of(make_service()) as address, connected(address) as opened:
        begun(opened, 1000, path)
        opened.sendall(b'{"question": ')
        answer = answer_of(opened)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"slow_body"' in answer


def test_a_body_that_only_drips_is_given_up(make_service, server_of, monkeypatch):
    monkeypatch.setattr(bodies, "_PATIENCE", 0.2)
    with server_of(make_service(slow_body=10_000)) as address, connected(address) as opened:
        begun(opened, 1000)
        with contextlib.suppress(ConnectionError):
            for _ in range(200):  # faster than nothing, slower than 10,000 bytes a second
                opened.sendall(b" ")
                time.sleep(0.01)
        answer = answer_of(opened)
    assert b'"code":"slow_body"' in answer


def test_a_body_in_parts_is_read_when_it_keeps_its_pace(make_service, server_of, monkeypatch):
    monkeypatch.setattr(bodies, "_PATIENCE", 5.0)
    content = json.dumps(QUESTION).encode()
    with server_of(make_service()) as address, connected(address) as opened:
        begun(opened, len(content))
        for byte in content:
            opened.sendall(bytes([byte]))
        assert opened.recv(12) == b"HTTP/1.1 200"


def test_many_slow_clients_keep_nobody_else_waiting(make_service, server_of):
    with server_of(make_service()) as address, contextlib.ExitStack() as all_of_them:
        for number in range(100):
            opened = all_of_them.enter_context(connected(address))
            if number % 2:
                begun(opened, 1000)
                opened.sendall(b"{")
            else:
                opened.sendall(b"POST /api/search HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        request = urllib.request.Request(
            f"{address}/api/search", json.dumps(QUESTION).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as response:
            assert json.load(response)["candidates"]
