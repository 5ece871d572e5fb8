"""Streams over a real connection: clients that leave, silence, time limits, and the end of the service."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import Field

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

import httpx

from generators.base import Generation, ReadingTask
from rag.chain import RagChain
from rag.documents.rows import SourceDocument
from rag.index import add_documents
from rag.serve.snapshots import Snapshot
from retrievers.errors import InputError

ASKED = {"question": "Какова глубина Байкала?"}


class Gated(BaseRetriever):
    """Finds a passage once the gate is open."""

    begun: threading.Event = Field(default_factory=threading.Event)
    gate: threading.Event = Field(default_factory=threading.Event)

    def _get_relevant_documents(self, query: str, *, run_manager: Any, k: int = 4) -> list[Document]:
        self.begun.set()
        assert self.gate.wait(20)
        text = "Глубина озера 1642 м."
        metadata = {"chunk_id": "baikal_0", "doc_id": "baikal", "title": "Байкал", "start": 0}
        return [Document(page_content=text, metadata=metadata)]


class Reader(Runnable[ReadingTask, Generation]):
    """Streams an answer, piece by piece, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **_: Any) -> Generation:
        self.asked += 1
        return Generation("1642 м")

    def stream(self, input: ReadingTask, config: RunnableConfig | None = None, **_: Any) -> Iterator[Generation]:
        self.asked += 1
        yield Generation("1642")
        yield Generation(" м")


class Fake(Snapshot):
    """A snapshot with a chain of the test's own."""

    fake: RagChain

    def chain(self, *_: Any) -> RagChain:
        return self.fake


@pytest.fixture
def gated(make_service, server_of):
    """Serves a gated chain; yields its retriever, its reader, the service and its address.

    When the test leaves, the gate opens and the server stops; with ``late`` the gate opens that many seconds after it
    was told to stop.
    """

    @contextmanager
    def serve(late: float = 0.0, **options: Any) -> Iterator[tuple[Gated, Reader, Any, str]]:
        retriever, reader = Gated(), Reader()

        def wrap(first: Snapshot) -> Fake:
            snapshot = Fake(first.index, first.profile)
            snapshot.fake = RagChain(retriever=retriever, generator=reader)
            return snapshot

        service = make_service(wrap=wrap, workers=1, **options)
        opening = threading.Timer(late, retriever.gate.set)
        with server_of(service) as address:
            try:
                yield retriever, reader, service, address
            finally:
                opening.start()
        opening.join()

    return serve


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.01)


def begun(address: str, path: str, body: dict[str, Any]) -> socket.socket:
    """A connection on which a request was sent and nothing was read."""
    host, port = address.removeprefix("http://").split(":")
    connection = socket.create_connection((host, int(port)), timeout=20)
    content = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
    connection.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content)
    return connection


REQUESTS = [
    ("/api/answer", ASKED),
    ("/api/answer", ASKED | {"stream": True}),
    ("/api/search", ASKED),
    ("/v1/chat/completions", {"model": "russian-rag", "messages": [{"role": "user", "content": ASKED["question"]}]}),
    ("/retrieve", {"queries": ["глубина Байкала", "длина Байкала"]}),
]


@pytest.mark.parametrize(("path", "body"), REQUESTS, ids=lambda value: value if isinstance(value, str) else None)
def test_a_client_that_leaves_stops_the_work_and_frees_its_place(gated, path, body):
    with gated(waiting=0) as (retriever, reader, service, address):
        connection = begun(address, path, body)
        assert retriever.begun.wait(20)
        connection.close()
        (job,) = service.workers._jobs
        until(job.cancel.is_set)
        assert service.workers.running == 1  # its thread is still at it
        retriever.gate.set()
        until(lambda: service.workers.running == 0)
        assert reader.asked == 0
        assert httpx.post(f"{address}/api/answer", json=ASKED, timeout=20).json()["answer"] == "1642 м"


def test_a_client_that_leaves_in_the_middle_of_a_stream_stops_the_work(gated):
    with gated(keep_alive=0.05) as (retriever, reader, service, address):
        connection = begun(address, "/api/answer", ASKED | {"stream": True})
        assert retriever.begun.wait(20)
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()
        (job,) = service.workers._jobs
        until(job.cancel.is_set)
        retriever.gate.set()
        until(lambda: service.workers.running == 0)
        assert reader.asked == 0
        assert len(service.answers) == 0


def test_silence_is_filled_with_comments_and_text_comes_as_it_is_written(gated):
    with (
        gated(keep_alive=0.05) as (retriever, _, _, address),
        httpx.stream("POST", f"{address}/api/answer", json=ASKED | {"stream": True}, timeout=20) as response,
    ):
        lines = []
        for line in response.iter_lines():
            lines.append(line)
            if lines.count(": keep-alive") == 2:
                retriever.gate.set()
    tokens = [json.loads(line[6:])["text"] for line in lines if line.startswith('data: {"text"')]
    assert tokens == ["1642", " м"]
    assert not any(line.startswith("id:") for line in lines)
    assert [line for line in lines if line.startswith("event: ")][-1] == "event: done"


def test_a_request_that_finds_no_place_is_told_when_to_come_back(gated):
    with gated(waiting=0) as (retriever, _, _, address):
        connection = begun(address, "/api/answer", ASKED)
        assert retriever.begun.wait(20)
        for path, body in REQUESTS:
            refused = httpx.post(f"{address}{path}", json=body, timeout=20)
            assert refused.status_code == 429
            assert int(refused.headers["Retry-After"]) >= 1
            assert refused.json()["error"]["type"] == "rate_limit_error"
        retriever.gate.set()
        assert connection.recv(4096).startswith(b"HTTP/1.1 200")
        connection.close()


@pytest.mark.parametrize("stream", [False, True])
def test_a_request_that_takes_too_long_is_told_so(gated, stream):
    with gated(timeout=0.3) as (_, reader, service, address):
        response = httpx.post(f"{address}/api/answer", json=ASKED | {"stream": stream}, timeout=20)
        if stream:
            assert response.status_code == 200
            *_, name, data = response.text.strip().split("\n")
            assert name == "event: error"
            assert json.loads(data.removeprefix("data: "))["error"]["code"] == "timeout"
        else:
            assert response.status_code == 504
            assert response.json()["error"]["code"] == "timeout"
        assert service.workers.running == 1
    assert reader.asked == 0


def test_requests_at_work_may_end_within_their_grace(gated):
    with gated(late=0.5, grace=20) as (retriever, _, service, address):
        connection = begun(address, "/api/answer", ASKED)
        assert retriever.begun.wait(20)
    served = everything(connection)
    assert served.startswith("HTTP/1.1 200")
    assert "1642 м" in served
    assert not service.ready


def test_after_its_grace_a_stream_ends_with_an_error(gated):
    with gated(late=0.5, grace=0, keep_alive=0.05) as (retriever, reader, _, address):
        connection = begun(address, "/api/answer", ASKED | {"stream": True})
        assert retriever.begun.wait(20)
    served = everything(connection)
    assert served.startswith("HTTP/1.1 200")
    assert "event: error\n" in served
    assert '"code": "unavailable"' in served
    assert "event: done" not in served
    assert reader.asked == 0


def everything(connection: socket.socket) -> str:
    """What is read until the other side closes."""
    with connection, connection.makefile("rb") as file:
        return file.read().decode()


def test_an_answer_of_the_generation_before_is_given_and_not_kept(gated, demo_copy):
    with gated() as (retriever, _, service, address):
        with service.snapshots.lease() as held:
            old = held
        connection = begun(address, "/api/answer", ASKED)
        assert retriever.begun.wait(20)
        add_documents([SourceDocument(doc_id="маяк", title="Маяк", text="Маяк стоит на мысе.")], demo_copy)
        current = service.snapshots.refresh()
        assert current != old.generation
        assert old.index.chunks.find("baikal_1") is not None  # its reader has not ended
        retriever.gate.set()
        answered = connection.recv(65536).decode()
        connection.close()
        assert f'"generation":"{old.generation}"' in answered
        until(lambda: service.workers.running == 0)
        assert len(service.answers) == 0
        with pytest.raises(InputError, match="closed"):
            old.index.bm25()
