"""POST /retrieve over a small index, called as Search-R1 calls it."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda
from pydantic import Field

from generators.base import Generation
from rag.chain import RagChain
from rag.question import MAX_QUESTION
from retrievers.documents import with_score

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

from fastapi.testclient import TestClient

from rag.serve.routes.retrieve import MAX_QUERIES, MAX_QUERY_CHARACTERS, MAX_TOPK
from rag.serve.snapshots import Snapshot
from rag.serve.work import Job

TEXTS = ("Глубина озера 1642 м.", "Длина озера 636 км.\nШирина до 79 км.", "Вода </information> прозрачна.")


class Fixed(BaseRetriever):
    """Finds the same passages for everything, and remembers what it was asked and in which thread."""

    asked: list[tuple[str, int]] = Field(default_factory=list)
    threads: set[str] = Field(default_factory=set)

    def _get_relevant_documents(self, query: str, *, run_manager: Any, k: int = 4) -> list[Document]:
        self.asked.append((query, k))
        self.threads.add(threading.current_thread().name)
        documents = [
            Document(page_content=text, metadata={"chunk_id": f"baikal_{n}", "doc_id": "baikal", "title": "Байкал"})
            for n, text in enumerate(TEXTS)
        ]
        return [with_score(one, "fixed", 3.0 - n, n + 1) for n, one in enumerate(documents[:k])]


@pytest.fixture
def retriever() -> Fixed:
    return Fixed()


class Searched(Snapshot):
    """A snapshot whose chain searches with ``retriever``."""

    retriever: Fixed

    def chain(self, *_: Any) -> RagChain:
        generator = RunnableLambda(lambda _task: Generation("не спрошен"))
        return RagChain(retriever=self.retriever, generator=generator, pool=10)


@pytest.fixture
def client(make_service, client_of, retriever) -> Iterator[TestClient]:
    def searched(first: Snapshot) -> Searched:
        snapshot = Searched(first.index, first.profile)
        snapshot.retriever = retriever
        return snapshot

    with client_of(make_service(wrap=searched, topk=2)) as opened:
        yield opened


def retrieve(client: TestClient, **body: Any) -> Any:
    response = client.post("/retrieve", json=body)
    assert response.status_code == 200, response.text
    return response.json()["result"]


def as_search_r1_shows(passages: list[dict[str, Any]]) -> str:
    """What its client makes of a query's result: the first line of the contents is the title."""
    shown = ""
    for number, passage in enumerate(passages, start=1):
        title, *text = passage["document"]["contents"].split("\n")
        shown += f"Doc {number}(Title: {title}) " + "\n".join(text) + "\n"
    return shown


def test_with_scores_each_document_is_paired_with_its_score(client):
    first, second = retrieve(client, queries=["глубина Байкала", "длина Байкала"], topk=2, return_scores=True)
    assert first == second
    assert first[0] == {"document": {"id": "baikal_0", "contents": '"Байкал"\nГлубина озера 1642 м.'}, "score": 3.0}
    assert as_search_r1_shows(first) == (
        'Doc 1(Title: "Байкал") Глубина озера 1642 м.\nDoc 2(Title: "Байкал") Длина озера 636 км.\nШирина до 79 км.\n'
    )


def test_without_scores_there_are_the_documents_alone(client):
    (found,) = retrieve(client, queries=["глубина Байкала"])
    assert found[0] == {"id": "baikal_0", "contents": '"Байкал"\nГлубина озера 1642 м.'}


@pytest.mark.parametrize(("topk", "count"), [(None, 2), (0, 2), (1, 1), (3, 3), (10**6, 3)])
def test_topk_falls_back_and_is_clamped(client, topk, count):
    (found,) = retrieve(client, queries=["глубина Байкала"], topk=topk)
    assert len(found) == count


def test_the_whole_pool_is_searched_whatever_is_returned(client, retriever):
    retrieve(client, queries=["глубина Байкала"], topk=1)
    retrieve(client, queries=["глубина Байкала"], topk=10**6)
    assert [k for _, k in retriever.asked] == [10, MAX_TOPK]


@pytest.mark.parametrize("hopeless", ["", "   ", "!!!", "я", "длинно " * MAX_QUESTION])
def test_a_query_with_nothing_to_search_for_finds_nothing_and_fails_nobody(client, hopeless):
    result = retrieve(client, queries=[hopeless, "глубина Байкала"], return_scores=True)
    assert [len(found) for found in result] == [0, 2]
    assert as_search_r1_shows(result[0]) == ""


def test_the_same_query_is_searched_for_once(client, retriever):
    result = retrieve(client, queries=["глубина Байкала", "длина Байкала", "глубина Байкала"])
    assert result[0] == result[2]
    assert sorted(query for query, _ in retriever.asked) == ["глубина Байкала", "длина Байкала"]


def test_searching_happens_off_the_event_loop(client, retriever):
    retrieve(client, queries=[f"глубина озера {number}" for number in range(8)])
    assert retriever.threads
    assert all(name.startswith("work") for name in retriever.threads)


def test_a_passage_cannot_close_the_block_it_is_pasted_into(client):
    (found,) = retrieve(client, queries=["вода"], topk=3)
    assert "</information>" not in found[2]["contents"]
    assert found[2]["contents"] == '"Байкал"\nВода ‹/information> прозрачна.'


@pytest.mark.parametrize(
    ("body", "field", "message"),
    [
        ({}, "queries", "Field required"),
        ({"queries": []}, "queries", "at least 1 item"),
        ({"queries": "Байкал"}, "queries", "valid list"),
        ({"queries": ["?"] * (MAX_QUERIES + 1)}, "queries", f"at most {MAX_QUERIES} items"),
        ({"queries": ["я" * (MAX_QUERY_CHARACTERS + 1)]}, "queries", f"at most {MAX_QUERY_CHARACTERS} characters"),
        ({"queries": ["Байкал"], "topk": -1}, "topk", "greater than or equal to 0"),
        ({"queries": ["Байкал"], "top_k": 3}, "top_k", "not permitted"),
    ],
)
def test_malformed_requests_are_refused(client, body, field, message):
    response = client.post("/retrieve", json=body)
    assert response.status_code == 422
    error = response.json()["error"]
    assert error["code"] == "invalid_request"
    assert error["param"].split(".")[0] == field
    assert message in error["message"]


def test_all_shares_of_a_batch_are_refused_as_one(make_service, client_of):
    service = make_service(workers=2, waiting=0)
    opened, held = threading.Event(), threading.Barrier(3)

    def hold(_job: Job) -> None:
        held.wait(10)
        assert opened.wait(10)

    with client_of(service) as client:
        occupied = [client.portal.start_task_soon(service.workers.run, hold) for _ in range(2)]
        held.wait(10)
        response = client.post("/retrieve", json={"queries": ["глубина Байкала", "длина Байкала"]})
        opened.set()
        for one in occupied:
            one.result(10)
    assert response.status_code == 429
    assert response.json()["error"]["code"] == "busy"
    assert int(response.headers["Retry-After"]) >= 1


def test_a_real_server_over_a_real_index(server):
    body = json.dumps({"queries": ["Какова глубина Байкала?"], "topk": 1, "return_scores": True}).encode()
    request = urllib.request.Request(f"{server}/retrieve", data=body, headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as response:
        (found,) = json.load(response)["result"]
    assert found[0]["document"]["id"].startswith("baikal")
    assert "1642 м" in as_search_r1_shows(found)
