from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.language_models import FakeListLLM, GenericFakeChatModel
from langchain_core.language_models.llms import LLM
from langchain_core.messages import AIMessage
from pydantic import Field

from generators.options import GeneratorOptions
from generators.query_writer import LanguageModelWriter
from retrievers.errors import ModelUnavailableError
from retrievers.expansion import QueryWriter

QUESTION = "Кто написал «Обломова»?"
REPLY = "1. Кто автор «Обломова»?\n2. Чьё перо создало «Обломова»?\n3. Чей роман «Обломов»?"


class Recording(LLM):
    """Says one thing and keeps what it was given."""

    reply: str = REPLY
    prompts: list[str] = Field(default_factory=list)
    stops: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "recording"

    def _call(self, prompt: str, stop: Any = None, run_manager: Any = None, **kwargs: Any) -> str:
        self.prompts.append(prompt)
        self.stops.append(stop)
        return self.reply


class Templated(Recording):
    has_chat_template: bool = True

    def render_chat(self, messages: list[dict[str, str]]) -> str:
        return "".join(f"<{message['role']}>{message['content']}" for message in messages)


def chat(*replies: str) -> GenericFakeChatModel:
    return GenericFakeChatModel(messages=iter([AIMessage(reply) for reply in replies]))


def test_is_what_the_retrievers_ask_for() -> None:
    assert isinstance(LanguageModelWriter(FakeListLLM(responses=[""])), QueryWriter)


def test_a_chat_model_rewrites_and_writes() -> None:
    writer = LanguageModelWriter(chat(REPLY, "Отрывок: Роман написал Гончаров."))
    assert writer.rewrites(QUESTION, 2) == ["Кто автор «Обломова»?", "Чьё перо создало «Обломова»?"]
    assert writer.passage(QUESTION) == "Роман написал Гончаров."


async def test_async_twins() -> None:
    writer = LanguageModelWriter(chat(REPLY, "Роман написал Гончаров."))
    assert len(await writer.arewrites(QUESTION, 3)) == 3
    assert await writer.apassage(QUESTION) == "Роман написал Гончаров."


def test_a_model_that_continues_texts_gets_one_with_stops() -> None:
    llm = Recording()
    assert len(LanguageModelWriter(llm, style="causal").rewrites(QUESTION, 3)) == 3
    assert llm.prompts[0].endswith(f"Вопрос: <вопрос>{QUESTION}</вопрос>\nВарианты:\n")
    assert llm.stops == [["\n\n", "\nВопрос:"]]


def test_an_encoder_decoder_is_not_stopped() -> None:
    llm = Recording()
    LanguageModelWriter(llm, style="seq2seq").passage(QUESTION)
    assert llm.stops == [None]


def test_a_plain_model_with_a_chat_template_gets_the_conversation() -> None:
    llm = Templated()
    LanguageModelWriter(llm, style="causal").rewrites(QUESTION, 1)
    assert llm.prompts[0].startswith("<system>")
    assert llm.prompts[0].endswith(f"<user><вопрос>{QUESTION}</вопрос>")
    assert llm.stops == [None]


@pytest.mark.parametrize("said", ["", "   ", "\n\n", "!!!", "{", "<think>", "1.", "[]"])
def test_nothing_usable_is_no_error(said: str) -> None:
    writer = LanguageModelWriter(FakeListLLM(responses=[said]), style="causal")
    assert writer.rewrites(QUESTION, 3) == []
    assert writer.passage(QUESTION) == ""


def test_more_rewrites_than_the_prompt_shows_are_not_asked_for() -> None:
    llm = Recording()
    LanguageModelWriter(llm, style="causal").rewrites(QUESTION, 50)
    assert "Вариантов нужно: 5." in llm.prompts[0]


def test_the_models_run_is_traced() -> None:
    class Runs(BaseCallbackHandler):
        def __init__(self) -> None:
            self.count = 0

        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            self.count += 1

    runs = Runs()
    LanguageModelWriter(chat(REPLY)).rewrites(QUESTION, 1, {"callbacks": [runs]})
    assert runs.count == 1


def served(fake: Any) -> LanguageModelWriter:
    pytest.importorskip("langchain_openai", reason="langchain_openai of the extra chat is not installed")
    from generators.chat import load_chat_model

    options = GeneratorOptions.model_validate({"kind": "chat", "model": "m", "base_url": fake.url, "timeout": 5})
    return LanguageModelWriter.for_model(load_chat_model(options), options)


def test_a_served_model(fake_openai: ModuleType) -> None:
    with fake_openai.serve(fake_openai.FakeOpenAI(text=REPLY)) as fake:
        assert len(served(fake).rewrites(QUESTION, 3)) == 3
    (request,) = fake.requests
    assert [message["role"] for message in request["messages"]] == ["system", *["user", "assistant"] * 2, "user"]
    assert request["messages"][-1]["content"] == f"<вопрос>{QUESTION}</вопрос>"


@pytest.mark.parametrize("ask", [lambda one: one.passage(QUESTION), lambda one: one.rewrites(QUESTION, 2)])
def test_a_server_that_fails_is_explained(fake_openai: ModuleType, ask: Callable[[LanguageModelWriter], Any]) -> None:
    with (
        fake_openai.serve(fake_openai.FakeOpenAI(status=401)) as fake,
        pytest.raises(ModelUnavailableError, match="refused the key"),
    ):
        ask(served(fake))


async def test_a_server_that_is_gone_is_explained_in_async_too(fake_openai: ModuleType) -> None:
    with fake_openai.serve(fake_openai.FakeOpenAI()) as fake:
        writer = served(fake)
    with pytest.raises(ModelUnavailableError, match="nothing answers at"):
        await writer.apassage(QUESTION)
