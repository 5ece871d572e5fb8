"""/v1 as OpenAI's own client and LangChain's speak to it, over a real server and a small real index."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")
pytest.importorskip("openai", reason="openai of the extra test is not installed")

import openai

from generators.base import NO_ANSWER

DEPTH = "Какова наибольшая глубина Байкала?"
MARK = re.compile(r"\[\d+\]")


def user(text):
    return {"role": "user", "content": text}


@pytest.fixture
def openai_client(server):
    with openai.OpenAI(base_url=f"{server}/v1", api_key="нет".encode().hex(), max_retries=0) as client:
        yield client


def complete(client, *messages, **options):
    return client.chat.completions.create(**({"model": "russian-rag", "messages": list(messages)} | options))


def check_annotations(content, annotations):
    """Each points to a mark of the content; together they are all marks."""
    places = [(one["url_citation"]["start_index"], one["url_citation"]["end_index"]) for one in annotations]
    assert places == [match.span() for match in MARK.finditer(content)]
    for one in annotations:
        assert one["type"] == "url_citation"
        assert one["url_citation"]["title"]
        assert one["quote"]
        assert one["chunk_id"].startswith(f"{one['doc_id']}_")
        assert re.fullmatch(r"/#document=[\w%.-]+&start=\d+&end=\d+", one["url_citation"]["url"])


def test_an_answer_carries_its_citations(openai_client, service):
    found = complete(openai_client, {"role": "system", "content": "Отвечай стихами."}, user(DEPTH), temperature=1.5)
    (choice,) = found.choices
    assert (choice.finish_reason, choice.message.role) == ("stop", "assistant")
    assert choice.message.content.startswith("1642 м [1]")
    check_annotations(choice.message.content, [one.model_dump() for one in choice.message.annotations])
    assert "1642" in choice.message.annotations[0].quote
    assert found.system_fingerprint == service.snapshots.generation
    assert found.usage.total_tokens == 0  # no language model was asked


def test_a_streamed_answer_adds_up_to_the_whole(openai_client):
    chunks = list(complete(openai_client, user(DEPTH), stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant"
    assert len({chunk.id for chunk in chunks}) == 1
    *rest, last, usage = chunks
    text = "".join(chunk.choices[0].delta.content or "" for chunk in (*rest, last))
    assert text == complete(openai_client, user(DEPTH)).choices[0].message.content
    assert last.choices[0].finish_reason == "stop"
    assert [chunk.choices[0].finish_reason for chunk in rest] == [None] * len(rest)
    check_annotations(text, last.choices[0].delta.annotations)
    assert usage.choices == []
    assert usage.usage.total_tokens == 0


def test_the_last_line_of_a_stream_is_what_clients_wait_for(shared_client):
    asked = {"model": "russian-rag", "messages": [user(DEPTH)], "stream": True}
    response = shared_client.post("/v1/chat/completions", json=asked)
    assert response.headers["content-type"].startswith("text/event-stream")
    assert response.text.endswith("\n\ndata: [DONE]\n\n")
    assert "usage" not in response.text


async def test_the_asynchronous_client_is_answered_too(server):
    async with openai.AsyncOpenAI(base_url=f"{server}/v1", api_key="x", max_retries=0) as client:
        whole = await client.chat.completions.create(model="russian-rag", messages=[user(DEPTH)])
        parts = await client.chat.completions.create(model="russian-rag", messages=[user(DEPTH)], stream=True)
        text = "".join([part.choices[0].delta.content or "" async for part in parts])
    assert text == whole.choices[0].message.content == "1642 м [1]"


def test_no_answer_is_said_and_cites_nothing(openai_client):
    message = complete(openai_client, user("Сколько стоит билет в Большой театр?")).choices[0].message
    assert (message.content, message.annotations) == (NO_ANSWER, [])
    parts = list(complete(openai_client, user("Сколько стоит билет в Большой театр?"), stream=True))
    assert "".join(part.choices[0].delta.content or "" for part in parts) == NO_ANSWER


def test_a_follow_up_is_understood_from_the_conversation(openai_client):
    conversation = [user("Где родился Станислав Лем?"), {"role": "assistant", "content": "Во Львове [1][2]"}]
    alone = complete(openai_client, user("А когда он родился?")).choices[0].message
    told = complete(openai_client, *conversation, user("А когда он родился?")).choices[0].message
    assert "1921" in told.content
    assert told.annotations[0].doc_id == "lem"
    assert told.content != alone.content


def test_what_a_pronoun_means_is_found_through_several_turns(openai_client):
    conversation = [
        user("Где родился Станислав Лем?"),
        {"role": "assistant", "content": "Во Львове [1]"},
        user("Когда он умер?"),
        {"role": "assistant", "content": NO_ANSWER},
        user([{"type": "text", "text": "А когда он родился?"}]),
    ]
    assert "1921" in complete(openai_client, *conversation).choices[0].message.content


def test_the_agent_is_a_model_of_its_own(openai_client):
    assert [one.id for one in openai_client.models.list()] == ["russian-rag", "russian-rag-agent"]
    assert openai_client.models.retrieve("russian-rag-agent").owned_by == "russian-rag"
    question = user("В каком году родился автор романа «Солярис»?")
    message = complete(openai_client, question, model="russian-rag-agent").choices[0].message
    assert "1921" in message.content
    check_annotations(message.content, [one.model_dump() for one in message.annotations])


@pytest.mark.parametrize(
    ("options", "status", "code", "param"),
    [
        ({"model": "gpt-5"}, 404, "not_found", "model"),
        ({"n": 2}, 422, "invalid_request", "n"),
        ({"tools": [{"type": "function", "function": {"name": "f"}}]}, 422, "invalid_request", "tools"),
        ({"response_format": {"type": "json_object"}}, 422, "invalid_request", "response_format"),
        ({"messages": []}, 422, "invalid_request", "messages"),
        ({"messages": [{"role": "assistant", "content": "Да"}]}, 422, "invalid_request", "messages"),
        ({"messages": [{"role": "tool", "content": "7"}, user(DEPTH)]}, 422, "invalid_request", "messages.0.role"),
        ({"messages": [user([{"type": "image_url"}])]}, 422, "invalid_request", "messages.0.content"),
        ({"messages": [user("?")]}, 422, "unusable_question", "messages"),
        ({"messages": [user(None)]}, 422, "unusable_question", "messages"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_what_is_not_done_is_refused_by_name(shared_client, options, status, code, param, stream):
    asked = {"model": "russian-rag", "messages": [user(DEPTH)], "stream": stream, **options}
    response = shared_client.post("/v1/chat/completions", json=asked)
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["code"], error["param"]) == (code, param)


def test_what_means_nothing_here_is_passed_over(shared_client):
    ignored = {
        "temperature": 2,
        "top_p": 0.1,
        "seed": 7,
        "max_tokens": 5,
        "n": 1,
        "tools": [],
        "user": "x",
        "stop": ".",
    }
    asked = {"model": "russian-rag", "messages": [user(DEPTH)], "response_format": {"type": "text"}, **ignored}
    response = shared_client.post("/v1/chat/completions", json=asked)
    assert response.json()["choices"][0]["message"]["content"] == "1642 м [1]"


def test_errors_are_those_that_the_client_knows(make_service, server_of):
    token = "0123456789abcdef"
    with server_of(make_service(token=token)) as address:
        stranger = openai.OpenAI(base_url=f"{address}/v1", api_key="wrong-wrong-wrong", max_retries=0)
        with stranger, pytest.raises(openai.AuthenticationError) as refused:
            complete(stranger, user(DEPTH))
        assert (refused.value.code, refused.value.type) == ("unauthorized", "authentication_error")
        with openai.OpenAI(base_url=f"{address}/v1", api_key=token, max_retries=0) as client:
            assert complete(client, user(DEPTH)).choices[0].message.content == "1642 м [1]"
            with pytest.raises(openai.NotFoundError, match="does not exist"):
                complete(client, user(DEPTH), model="gpt-5")
            with pytest.raises(openai.NotFoundError):
                client.models.retrieve("gpt-5")


def test_what_fails_in_a_stream_is_an_error_of_the_client(openai_client, service, monkeypatch):
    chain = service.snapshots._current.chain()

    def broken(*_, **__):
        raise RuntimeError("секрет сервера")

    monkeypatch.setattr(type(chain), "stream", broken)
    with pytest.raises(openai.APIError) as failed:
        list(complete(openai_client, user(DEPTH), stream=True))
    assert failed.value.code == "internal"
    assert "секрет" not in str(failed.value)


def test_langchain_talks_to_it(server):
    langchain_openai = pytest.importorskip(
        "langchain_openai", reason="langchain_openai of the extra chat is not installed"
    )
    model = langchain_openai.ChatOpenAI(base_url=f"{server}/v1", api_key="x", model="russian-rag", max_retries=0)
    assert model.invoke(DEPTH).content == "1642 м [1]"
    assert "".join(part.content for part in model.stream(DEPTH)) == "1642 м [1]"
    history = [("human", "Где родился Станислав Лем?"), ("ai", "Во Львове [1]"), ("human", "А когда он родился?")]
    assert "1921" in model.invoke(history).content
