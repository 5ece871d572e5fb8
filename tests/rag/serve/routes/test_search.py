"""POST /api/search over a small real index."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

from rag.question import MAX_QUESTION
from rag.serve.answers import spans

DEPTH = "Какова наибольшая глубина Байкала?"


def search(client, **body):
    response = client.post("/api/search", json={"question": DEPTH, **body})
    assert response.status_code == 200, response.text
    return response.json()


def test_candidates_come_with_everything_to_choose_by(shared_client):
    found = search(shared_client, k=3)
    assert (found["question"], found["retriever"], found["rerank"]) == (DEPTH, "hybrid", True)
    assert set(found["timings"]) == {"retrieve", "rerank", "total"}
    first = found["candidates"][0]
    assert first["doc_id"] == "baikal"
    assert list(first["scores"]) == ["bm25", "dense", "hybrid", "cross_encoder"]
    assert first["metadata"]["topic"] == "география"
    assert not {"scores", "ranks", "doc_id"} & set(first["metadata"])
    assert {first["text"][start:end] for start, end in first["matches"]} <= {"Глубина", "Байкал", "Байкала", "глубина"}
    assert first["matches"]
    span = first["span"]
    assert first["text"][span["start"] : span["end"]] == span["text"] == "1642 м"
    assert 0 < span["confidence"] < 1
    last = [one["scores"]["cross_encoder"] for one in found["candidates"]]
    assert last == sorted(last, reverse=True)


def test_a_candidate_says_where_it_stands_in_its_document(shared_client):
    first = search(shared_client, k=1)["candidates"][0]
    document = shared_client.get(f"/api/documents/{first['doc_id']}", params={"offset": first["start"]}).json()
    assert document["text"].startswith(first["text"])


def test_retriever_reranking_and_filter_are_taken(shared_client):
    found = search(shared_client, retriever="bm25", rerank=False, filter={"topic": "наука"}, k=100)
    assert (found["retriever"], found["rerank"]) == ("bm25", False)
    assert {tuple(one["scores"]) for one in found["candidates"]} == {("bm25",)}
    assert {one["metadata"]["topic"] for one in found["candidates"]} == {"наука"}


@pytest.mark.parametrize("retriever", ["bm25", "tfidf", "dense", "hybrid", "coverage"])
def test_every_retriever_that_is_named_works(shared_client, retriever):
    assert retriever in shared_client.get("/api/info").json()["retrievers"]
    assert search(shared_client, retriever=retriever, k=1, spans=False)["candidates"][0]["doc_id"] == "baikal"


def test_fewer_candidates_are_the_first_of_more(shared_client):
    ids = [[one["chunk_id"] for one in search(shared_client, k=k)["candidates"]] for k in (2, 5, 10)]
    assert ids[0] == ids[2][:2]
    assert ids[1] == ids[2][:5]


def test_spans_are_left_out_where_nobody_wants_them(shared_client):
    assert all(one["span"] is None for one in search(shared_client, spans=False)["candidates"])


def test_only_the_first_candidates_are_read(client, monkeypatch):
    monkeypatch.setattr(spans, "MARKED", 2)
    found = [one["span"] is not None for one in search(client, k=4)["candidates"]]
    assert found == [True, True, False, False]


def test_a_search_is_made_once(client, service, monkeypatch):
    first = search(client, k=2)
    chain = service.snapshots._current.chain()
    monkeypatch.setattr(type(chain), "search", lambda *_, **__: pytest.fail("searched again"))
    assert search(client, k=2) == first
    assert search(client, question=f"  {DEPTH.replace(' ', '   ')} ", k=2) == first


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        ({"question": "?"}, "unusable_question", "question"),
        ({"question": "я" * (MAX_QUESTION + 1)}, "unusable_question", "question"),
        ({"question": ["Байкал"]}, "invalid_request", "question"),
        ({"k": 0}, "invalid_request", "k"),
        ({"k": 101}, "invalid_request", "k"),
        ({"k": "10"}, "invalid_request", "k"),
        ({"retriever": "магия"}, "invalid_request", "retriever"),
        ({"rerank": "да"}, "invalid_request", "rerank"),
        ({"filter": {"topic": {"$like": "нау"}}}, "invalid_request", "filter"),
        ({"filter": {}}, "invalid_request", "filter"),
        ({"top_k": 3}, "invalid_request", "top_k"),
    ],
)
def test_what_cannot_be_searched_for_is_refused(shared_client, body, code, param):
    response = shared_client.post("/api/search", json={"question": DEPTH, **body})
    assert response.status_code == 422
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_the_most_candidates_are_an_option(make_service, client_of):
    with client_of(make_service(most_candidates=5)) as client:
        assert client.get("/api/info").json()["limits"]["k"] == 5
        refused = client.post("/api/search", json={"question": DEPTH, "k": 6})
        assert refused.json()["error"]["param"] == "k"
        assert len(search(client, k=5)["candidates"]) == 5


def test_an_index_without_vectors_names_the_retrievers_it_has(make_service, client_of, demo_copy):
    from rag.demo import demo_corpus
    from rag.index import build_index
    from rag.profile import load_profile

    options = load_profile("offline", {"index": {"encoder": {"kind": "none"}}}).index
    build_index(sorted(demo_corpus().rglob("baikal.md")), demo_copy, options)
    with client_of(
        make_service(overrides={"retrieval": {"retriever": "bm25"}, "index": options.model_dump()})
    ) as client:
        assert client.get("/api/info").json()["retrievers"] == ["bm25", "tfidf"]
        refused = client.post("/api/search", json={"question": DEPTH, "retriever": "dense"})
        assert refused.status_code == 422
        assert "take bm25" in refused.json()["error"]["message"]
