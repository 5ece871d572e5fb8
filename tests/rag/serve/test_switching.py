"""An index that is updated while it is asked: every response is of one generation, and nothing of an old one stays."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

import httpx

import rag.serve.service
from rag.documents.rows import SourceDocument
from rag.index import add_documents, open_index

HEIGHT = "Какова высота Воробьёвского маяка?"
HEIGHTS = (31, 47, 52, 68)


def lighthouse(height: int) -> SourceDocument:
    text = f"Воробьёвский маяк стоит на мысе. Высота Воробьёвского маяка — {height} метра."
    return SourceDocument(doc_id="маяк", title="Воробьёвский маяк", text=text)


def test_every_response_is_of_one_generation_while_updates_run(make_service, server_of, demo_copy, monkeypatch):
    monkeypatch.setattr(rag.serve.service, "_WATCHED_EVERY", 0.05)
    add_documents([lighthouse(HEIGHTS[0])], demo_copy)
    with open_index(demo_copy) as index:
        written = {index.manifest.generation: HEIGHTS[0]}
    service, over = make_service(), threading.Event()
    replies: list[dict] = []

    def ask(path: str, body: dict) -> None:
        with httpx.Client(timeout=60) as client:
            while not over.is_set():
                response = client.post(f"{address}{path}", json={"question": HEIGHT, **body})
                response.raise_for_status()
                replies.append(response.json())

    with server_of(service) as address, ThreadPoolExecutor(3) as askers:
        asking = [
            askers.submit(ask, "/api/answer", {}),
            askers.submit(ask, "/api/answer", {"chunk_ids": ["маяк_0"]}),
            askers.submit(ask, "/api/search", {"k": 3}),
        ]
        try:
            for height in HEIGHTS[1:]:
                generation = add_documents([lighthouse(height)], demo_copy).manifest.generation
                written[generation] = height
                seen = len(replies)
                _until(
                    lambda wanted=generation, since=seen: any(one["generation"] == wanted for one in replies[since:])
                )
        finally:
            over.set()
        for one in asking:
            one.result(60)
        kept = [reply for reply, _ in service.answers._kept.values()]
    assert {one["generation"] for one in replies} == set(written)
    for reply in replies:
        passages = reply.get("contexts") or reply["candidates"]
        (found,) = [one["text"] for one in passages if one["doc_id"] == "маяк"]
        assert str(written[reply["generation"]]) in found
        assert all(str(written[reply["generation"]]) in one["quote"] for one in reply.get("citations", ()))
    assert any(reply.get("cached") for reply in replies)
    assert {one.generation for one in kept} == {generation}
    add_documents([lighthouse(99)], demo_copy)  # the next writer removes what nobody holds
    assert len(list((demo_copy / "generations").iterdir())) <= 2


def test_a_passage_of_a_removed_document_is_gone(client, service, demo_copy):
    from rag.index import remove_documents

    asked = {"question": "Какова наибольшая глубина Байкала?", "chunk_ids": ["baikal_1"]}
    assert client.post("/api/answer", json=asked).json()["answer"] == "1642 м"
    remove_documents(["baikal"], demo_copy)
    service.snapshots.refresh()
    refused = client.post("/api/answer", json=asked)
    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "chunks_gone"


def test_a_damaged_update_is_logged_and_the_old_generation_goes_on(client, service, demo_copy, caplog):
    before = client.get("/api/info").json()["generation"]
    (demo_copy / "CURRENT.json").write_text("{}", encoding="utf-8")
    service.snapshots.refresh_if_changed()
    assert "cannot be used" in caplog.text
    assert client.get("/api/info").json()["generation"] == before
    found = client.post("/api/search", json={"question": "Какова глубина Байкала?", "k": 1})
    assert found.json()["candidates"][0]["doc_id"] == "baikal"


def _until(condition) -> None:
    waited = threading.Event()
    for _ in range(2_000):
        if condition():
            return
        waited.wait(0.02)
    raise AssertionError("it did not happen")
