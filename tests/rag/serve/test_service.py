"""What the routes of one service share."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

from rag.serve.answers.replies import AnswerReply, SpanReply
from rag.serve.routes import answer as answer_route
from rag.serve.service import Service

QUESTION = {"question": "Какова наибольшая глубина Байкала?"}


def test_looking_documents_up_does_not_wait_for_those_who_answer(make_service, client_of, monkeypatch):
    begun, go_on, really = threading.Event(), threading.Event(), answer_route.answer

    def slow(*given) -> AnswerReply:
        begun.set()
        assert go_on.wait(20)
        return really(*given)

    monkeypatch.setattr(answer_route, "answer", slow)
    service = make_service(workers=1, waiting=0)
    with client_of(service) as opened, ThreadPoolExecutor(1) as pool:
        try:
            asking = pool.submit(opened.post, "/api/answer", json=QUESTION)
            assert begun.wait(20)
            assert opened.post("/api/search", json=QUESTION).status_code == 429
            assert opened.get("/api/documents").status_code == 200
            assert opened.get("/api/documents/baikal").status_code == 200
            assert 'rag_jobs_running{pool="work"} 1.0' in opened.get("/metrics").text
        finally:
            go_on.set()
        assert asking.result(20).status_code == 200


def test_everything_kept_is_forgotten_with_its_generation(client, service: Service, demo_copy):
    from rag.index import remove_documents

    client.post("/api/answer", json=QUESTION)
    client.post("/api/search", json=QUESTION)
    kept = (service.answers, service.searches, service.spans)
    assert [len(one) for one in kept] == [1, 1, 1]
    remove_documents(["lem"], demo_copy)
    service.snapshots.refresh()
    assert [len(one) for one in kept] == [0, 0, 0]


def test_a_search_that_is_repeated_reads_its_passages_once(client, monkeypatch):
    from rag.serve.answers import spans

    read: list[int] = []
    really = spans.likeliest_spans

    def counted(chain, question, documents, job) -> list[SpanReply | None]:
        read.append(len(documents))
        return really(chain, question, documents, job)

    monkeypatch.setattr(spans, "likeliest_spans", counted)
    first = client.post("/api/search", json={**QUESTION, "k": 3}).json()
    assert client.post("/api/search", json={**QUESTION, "k": 3}).json() == first
    assert all(one["span"] for one in first["candidates"])
    assert read == [3]
    client.post("/api/search", json={**QUESTION, "k": 2})
    client.post("/api/search", json={**QUESTION, "k": 3, "rerank": False})
    assert read == [3, 2, 3]
