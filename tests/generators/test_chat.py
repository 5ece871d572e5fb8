from __future__ import annotations

import asyncio
import logging
import sys

import pytest
from langchain_core.documents import Document

from generators.base import Evidence, Generation, ReadingTask
from generators.chat import load_chat_model, served_by
from generators.grounded import PromptedGenerator
from generators.options import GeneratorKind, GeneratorOptions
from retrievers.errors import InputError, MissingExtraError, ModelUnavailableError

PASSAGE = "Роман «Обломов» написан Иваном Гончаровым."
TASK = ReadingTask("Кто написал «Обломова»?", (Document(PASSAGE, id="oblomov_0"),))
ANSWER = Generation("Иван Гончаров", None, (Evidence("oblomov_0", 24, 41),))
KEY = "sk-proj-verysecret0123456789abcdef"


@pytest.fixture(autouse=True)
def _package(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def server(fake_openai):
    pytest.importorskip("langchain_openai", reason="langchain-openai of the extra chat is not installed")
    with fake_openai.serve(fake_openai.FakeOpenAI()) as fake:
        yield fake


def options(url: str | None, **values) -> GeneratorOptions:
    values = {"model": "fake", "timeout": 5.0} | values
    return GeneratorOptions(kind=GeneratorKind.CHAT, base_url=url, **values)


def generator(url: str | None, **values) -> PromptedGenerator:
    chosen = options(url, **values)
    return PromptedGenerator.for_model(load_chat_model(chosen), chosen)


def test_a_served_model_answers_in_every_way(server) -> None:
    asked = generator(server.url)
    assert asked.invoke(TASK) == ANSWER
    parts = list(asked.stream(TASK))
    assert sum(parts[1:], parts[0]) == ANSWER
    assert asked.batch([TASK, TASK]) == [ANSWER, ANSWER]


async def test_a_served_model_answers_without_blocking(server) -> None:
    asked = generator(server.url)
    assert await asked.ainvoke(TASK) == ANSWER
    parts = [part async for part in asked.astream(TASK)]
    assert sum(parts[1:], parts[0]) == ANSWER


def test_what_the_server_is_asked(server) -> None:
    generator(server.url, max_new_tokens=33).invoke(TASK)
    [request] = server.requests
    assert request["model"] == "fake"
    assert request["max_tokens"] == 33
    assert "max_completion_tokens" not in request
    assert request["temperature"] == 0.0
    assert [message["role"] for message in request["messages"]] == ["system", "user"]
    assert PASSAGE in request["messages"][1]["content"]
    assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_local_server_needs_no_key(server, monkeypatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert generator(server.url).invoke(TASK) == ANSWER
    assert server.headers[0]["authorization"] == "Bearer none"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, r"refused the key \(HTTP 401\); set OPENAI_API_KEY"),
        (403, r"refused the key \(HTTP 403\)"),
        (404, r"knows no model 'fake' or no such address \(HTTP 404\); check model and base_url"),
        (429, r"takes no more requests for now"),
        (400, r"did not take the request \(HTTP 400.*lower max_input_tokens"),
        (500, r"failed \(HTTP 500"),
        (503, r"failed \(HTTP 503"),
    ],
)
def test_status_codes_say_what_to_do_and_nothing_secret(server, status, message, caplog) -> None:
    server.status = status
    caplog.set_level(logging.INFO)
    asked = generator(server.url)
    calls = [lambda: asked.invoke(TASK), lambda: list(asked.stream(TASK)), lambda: asyncio.run(asked.ainvoke(TASK))]
    for call in calls:
        with pytest.raises(ModelUnavailableError, match=message) as caught:
            call()
        assert "secret" not in str(caught.value)
        assert caught.value.__cause__ is None
        assert caught.value.__suppress_context__
    assert "verysecret" not in caplog.text


@pytest.mark.parametrize(
    "body",
    [b"", b"<html>502 Bad Gateway</html>", b"{", b"[]", b'"text"', b"{}", b'{"choices": []}', b'{"choices": null}'],
)
def test_garbage_is_told(server, body) -> None:
    server.body = body
    asked = generator(server.url)
    with pytest.raises(
        ModelUnavailableError, match=r"is it an OpenAI-compatible server|did not answer|nothing answers"
    ):
        asked.invoke(TASK)


def test_garbage_in_a_stream_is_told_or_ends_it_empty(server) -> None:
    server.body = b"data: {oops\n\n"
    with pytest.raises(ModelUnavailableError, match="OpenAI-compatible"):
        list(generator(server.url).stream(TASK))


def test_a_connection_lost_in_a_stream_is_told(server) -> None:
    server.hang_up = True
    with pytest.raises(ModelUnavailableError, match="nothing answers at"):
        list(generator(server.url).stream(TASK))


def test_a_slow_server_is_told(server) -> None:
    server.delay = 1.0
    with pytest.raises(ModelUnavailableError, match=r"did not answer within 0\.2 s; raise the timeout"):
        generator(server.url, timeout=0.2).invoke(TASK)


def test_no_server_is_told(server) -> None:
    with pytest.raises(ModelUnavailableError, match=r"nothing answers at http://127\.0\.0\.1:9/v1; start the server"):
        generator("http://127.0.0.1:9/v1").invoke(TASK)


def test_a_model_without_a_provider_is_refused() -> None:
    with pytest.raises(InputError, match="names no provider: give a base_url"):
        load_chat_model(options(None, model="gpt-4.1-mini"))


def test_a_missing_provider_names_its_package() -> None:
    pytest.importorskip("langchain", reason="langchain of the extra chat is not installed")
    with pytest.raises(ModelUnavailableError, match="pip install langchain-mistralai"):
        load_chat_model(options(None, model="mistralai:mistral-small"))
    with pytest.raises(InputError, match="'nobody', which"):
        load_chat_model(options(None, model="nobody:model"))


def test_gigachat_names_its_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_gigachat", None)
    with pytest.raises(ModelUnavailableError, match="pip install langchain-gigachat"):
        load_chat_model(options(None, model="gigachat:GigaChat-2"))
    assert served_by(options(None, model="gigachat:GigaChat-2")).key == "GIGACHAT_CREDENTIALS"


def test_a_provider_is_made_by_its_name() -> None:
    pytest.importorskip("langchain", reason="langchain of the extra chat is not installed")
    openai = pytest.importorskip("langchain_openai", reason="langchain-openai of the extra chat is not installed")
    model = load_chat_model(options(None, model="openai:gpt-4.1-mini"))
    assert isinstance(model, openai.ChatOpenAI)
    assert model.model_name == "gpt-4.1-mini"
    assert KEY not in repr(model)


@pytest.mark.parametrize("url", [None, "http://127.0.0.1:9/v1"])
def test_a_missing_extra_is_named(monkeypatch, url) -> None:
    for name in ("langchain", "langchain.chat_models", "langchain_openai"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingExtraError, match=r"\.\[chat\]"):
        load_chat_model(options(url, model="openai:gpt-4.1-mini"))
