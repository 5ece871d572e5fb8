"""POST /api/answer over a small real index: whole, streamed, from chosen passages, by the agent, from the cache."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

from generators.base import NO_ANSWER

DEPTH = "Какова наибольшая глубина Байкала?"
UNTIMED = ("id", "timings", "cached")


def answer(client, **body):
    response = client.post("/api/answer", json={"question": DEPTH, **body})
    assert response.status_code == 200, response.text
    return response.json()


def streamed(client, **body):
    """Events as pairs of name and data."""
    response = client.post("/api/answer", json={"question": DEPTH, "stream": True, **body})
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.headers["cache-control"] == "no-store"
    events = []
    for block in response.text.removesuffix("\n\n").split("\n\n"):
        name, data = block.split("\n")
        events.append((name.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return events


def untimed(reply):
    return {name: value for name, value in reply.items() if name not in UNTIMED}


def stages(events):
    return [(data["stage"], data["state"]) for name, data in events if name == "stage"]


def test_an_answer_quotes_its_source(shared_client):
    reply = answer(shared_client)
    assert (reply["answer"], reply["abstained"], reply["cached"], reply["trace"]) == ("1642 м", False, False, None)
    assert set(reply["timings"]) == {"retrieve", "rerank", "generate", "total"}
    citation = reply["citations"][0]
    assert citation["quote"][citation["answer_start"] : citation["answer_end"]] == "1642 м"
    window = {"offset": citation["start"], "length": citation["end"] - citation["start"]}
    document = shared_client.get(f"/api/documents/{citation['doc_id']}", params=window).json()
    assert document["text"] == citation["quote"]
    passage = next(one for one in reply["contexts"] if one["chunk_id"] == citation["chunk_id"])
    assert passage["text"][citation["chunk_start"] : citation["chunk_end"]] == citation["quote"]
    assert [one["n"] for one in reply["contexts"]] == list(range(1, len(reply["contexts"]) + 1))


def test_a_stream_tells_the_stages_and_ends_with_the_whole(shared_client):
    events = streamed(shared_client)
    assert stages(events) == [
        (stage, state) for stage in ("retrieve", "rerank", "generate") for state in ("start", "done")
    ]
    assert all(data["seconds"] >= 0 for name, data in events if name == "stage" and data["state"] == "done")
    others = [name for name, _ in events if name != "stage"]
    assert others == ["contexts", "token", "citations", "done"]
    told = dict(events)
    whole = told["done"]
    assert whole["cached"] is False
    assert told["contexts"] == {"contexts": whole["contexts"]}
    assert told["token"] == {"text": whole["answer"]}
    assert told["citations"] == {"citations": whole["citations"]}
    assert untimed(answer(shared_client)) == untimed(whole)


def test_contexts_come_before_the_generator_begins(shared_client):
    names = [data.get("stage", name) for name, data in streamed(shared_client)]
    assert names.index("contexts") < names.index("generate") < names.index("token")


def test_the_same_question_is_answered_from_the_cache_in_both_ways(client):
    first = answer(client)
    again = answer(client, question=f" {DEPTH}\n")
    assert again["cached"]
    assert again["id"] != first["id"]
    assert untimed(again) == untimed(first)
    events = streamed(client)
    assert [name for name, _ in events] == ["contexts", "token", "citations", "done"]
    assert events[-1][1]["cached"]
    assert untimed(events[-1][1]) == untimed(first)


def test_defaults_and_their_names_are_one_question(client):
    answer(client)
    assert answer(client, retriever="hybrid", rerank=True, k=5, agent=False)["cached"]


@pytest.mark.parametrize(
    "other", [{"retriever": "bm25"}, {"rerank": False}, {"k": 3}, {"filter": {"topic": "география"}}, {"agent": True}]
)
def test_whatever_changes_the_answer_makes_another_question(client, other):
    answer(client)
    assert not answer(client, **other)["cached"]
    assert answer(client, **other)["cached"]


def test_nothing_is_kept_where_the_cache_is_off(make_service, client_of):
    with client_of(make_service(cached=0)) as client:
        answer(client)
        assert not answer(client)["cached"]


def test_chosen_passages_are_read_in_their_order_and_no_others(shared_client):
    found = shared_client.post("/api/search", json={"question": DEPTH, "k": 4}).json()["candidates"]
    chosen = [found[2]["chunk_id"], found[0]["chunk_id"]]
    reply = answer(shared_client, chunk_ids=chosen)
    assert [one["chunk_id"] for one in reply["contexts"]] == chosen
    assert [one["scores"] for one in reply["contexts"]] == [found[2]["scores"], found[0]["scores"]]
    assert {one["chunk_id"] for one in reply["citations"]} <= set(chosen)
    assert reply["answer"] == "1642 м"


def test_without_the_passage_that_answers_there_is_no_answer(shared_client):
    found = shared_client.post("/api/search", json={"question": DEPTH, "k": 20}).json()["candidates"]
    left = [one["chunk_id"] for one in found if "1642" not in one["text"]]
    assert 0 < len(left) < len(found)
    reply = answer(shared_client, chunk_ids=left)
    assert reply["abstained"]
    assert (reply["answer"], reply["citations"]) == (NO_ANSWER, [])


def test_chosen_passages_are_streamed(client):
    events = streamed(client, chunk_ids=["baikal_1", "baikal_0"])
    assert stages(events)[-2:] == [("generate", "start"), ("generate", "done")]
    assert [one["chunk_id"] for one in events[-1][1]["contexts"]] == ["baikal_1", "baikal_0"]
    assert streamed(client, chunk_ids=["baikal_1", "baikal_0"])[-1][1]["cached"]
    assert not streamed(client, chunk_ids=["baikal_0", "baikal_1"])[-1][1]["cached"]


def test_all_chosen_passages_are_read_however_few_the_reader_reads_by_itself(shared_client):
    """The offline reader stops after five; the passage that answers stands last here."""
    others = [f"larisa-latynina_{n}" for n in range(3)] + [f"mendeleev_{n}" for n in range(3)]
    reply = answer(shared_client, chunk_ids=[*others, "baikal_1"])
    assert reply["answer"] == "1642 м"


def test_a_passage_that_no_search_found_is_scored_beside_those_that_were(shared_client):
    question = {"question": DEPTH, "retriever": "bm25"}
    found = {
        one["chunk_id"] for one in shared_client.post("/api/search", json={**question, "k": 100}).json()["candidates"]
    }
    strangers = [one for one in ("larisa-latynina_0", "mendeleev_0", "lem_0") if one not in found]
    assert strangers
    reply = answer(shared_client, retriever="bm25", chunk_ids=["baikal_1", strangers[0]])
    first, second = (one["scores"] for one in reply["contexts"])
    assert set(first) == {"bm25", "cross_encoder"}
    assert set(second) == {"cross_encoder"}
    assert second["cross_encoder"] < first["cross_encoder"]


def test_passages_read_with_their_neighbours_say_where_they_begin(make_service, client_of):
    with client_of(make_service(overrides={"retrieval": {"neighbours": 1}})) as client:
        reply = answer(client)
        found = client.post("/api/search", json={"question": DEPTH, "k": 100}).json()["candidates"]
        alone = {one["chunk_id"]: one["text"] for one in found}
        assert any(len(one["text"]) > len(alone[one["chunk_id"]]) for one in reply["contexts"])
        for one in reply["contexts"]:
            window = {"offset": one["start"], "length": len(one["text"])}
            assert client.get(f"/api/documents/{one['doc_id']}", params=window).json()["text"] == one["text"]
        for one in reply["citations"]:
            passage = alone[one["chunk_id"]]
            if one["chunk_start"] is not None:
                assert passage[one["chunk_start"] : one["chunk_end"]] == one["quote"]
            else:
                assert one["quote"] not in passage


@pytest.mark.parametrize(
    ("body", "status", "code", "param"),
    [
        ({"chunk_ids": ["baikal_1", "nemo_7"]}, 409, "chunks_gone", "chunk_ids"),
        ({"chunk_ids": ["baikal_1", "baikal_1"]}, 422, "invalid_request", "chunk_ids"),
        ({"chunk_ids": []}, 422, "invalid_request", "chunk_ids"),
        ({"chunk_ids": [f"baikal_{n}" for n in range(51)]}, 422, "invalid_request", "chunk_ids"),
        ({"chunk_ids": ["baikal_1"], "agent": True}, 422, "invalid_request", "agent"),
        ({"question": " "}, 422, "unusable_question", "question"),
        ({"k": 21}, 422, "invalid_request", "k"),
        ({"agent": 1}, 422, "invalid_request", "agent"),
        ({"temperature": 0.7}, 422, "invalid_request", "temperature"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_answered_is_refused_in_both_ways(shared_client, body, status, code, param, stream):
    response = shared_client.post("/api/answer", json={"question": DEPTH, "stream": stream, **body})
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_the_agent_tells_its_plan_and_steps(shared_client):
    question = "В каком году родился автор романа «Солярис»?"
    events = streamed(shared_client, question=question, agent=True)
    names = [name for name, _ in events if name != "stage"]
    assert names[0] == "plan"
    assert names[-4:] == ["contexts", "token", "citations", "done"]
    assert set(names[1:-4]) == {"step"}
    assert {"plan", "step", "retrieve", "generate"} <= {stage for stage, _ in stages(events)}
    whole = events[-1][1]
    assert whole["trace"]["plan"] == dict(events)["plan"]
    assert whole["trace"]["steps"] == [data for name, data in events if name == "step"]
    assert whole["answer"] == whole["trace"]["answer"]
    assert len(whole["trace"]["plan"]["sub_questions"]) == 2
    assert "1921" in whole["answer"]
