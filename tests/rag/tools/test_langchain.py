"""The tools as LangChain uses them: its standard suites, a model's mistakes, and an agent that calls them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_tests.integration_tests import ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from rag.tools import ReadDocument, SearchDocuments, build_tools
from rag.tools.bounds import MAX_PASSAGES
from tests.rag.tools.samples import HOSTILE
from tests.rag.tools.scripted import ScriptedModel


class _WithLibrary:
    @pytest.fixture(autouse=True)
    def _use(self, library) -> None:
        self._library = library

    @property
    def tool_constructor_params(self) -> dict[str, Any]:
        return {"library": self._library}


class _Searching(_WithLibrary):
    @property
    def tool_constructor(self) -> type[BaseTool]:
        return SearchDocuments

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"query": "Какова глубина Байкала?", "k": 2}


class _Reading(_WithLibrary):
    @property
    def tool_constructor(self) -> type[BaseTool]:
        return ReadDocument

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return {"doc_id": "baikal", "offset": 10, "length": 500}


class TestSearchUnit(_Searching, ToolsUnitTests):
    pass


class TestSearchIntegration(_Searching, ToolsIntegrationTests):
    pass


class TestReadUnit(_Reading, ToolsUnitTests):
    pass


class TestReadIntegration(_Reading, ToolsIntegrationTests):
    pass


@pytest.fixture(scope="module")
def search(library) -> SearchDocuments:
    return SearchDocuments(library=library)


@pytest.fixture(scope="module")
def read(library) -> ReadDocument:
    return ReadDocument(library=library)


def call(tool: BaseTool, **arguments: Any) -> ToolMessage:
    message = tool.invoke({"name": tool.name, "id": "1", "type": "tool_call", "args": arguments})
    assert isinstance(message, ToolMessage)
    return message


def test_what_search_says_can_be_read_on(search, read) -> None:
    message = call(search, query="Какова наибольшая глубина Байкала?", k=1)
    assert message.status == "success"
    lines = message.content.splitlines()
    assert lines[0] == "Найдено фрагментов: 1."
    place = dict(line.split(": ", 1) for line in lines if re.match(r"(документ|место|название|оценка): ", line))
    assert place["название"] == "Байкал > Котловина и вода"
    page = call(read, doc_id=place["документ"], offset=place["место"], length=200)
    assert page.artifact[0].page_content[:40] == message.artifact[0].page_content[:40]
    assert page.content.splitlines()[-1].startswith("Документ продолжается: чтобы читать дальше, передай offset=")


def test_artifacts_are_documents_with_scores(search) -> None:
    message = call(search, query="Кто написал роман «Солярис»?", k=3)
    assert message.artifact[0].metadata["doc_id"] in {"solaris-novel", "lem"}
    assert all(one.metadata["scores"] for one in message.artifact)


def test_the_end_of_a_document_is_said(read) -> None:
    assert call(read, doc_id="baikal", offset=1900).content.endswith("Это конец документа.")


def test_more_than_may_be_shown_is_cut_and_said(search) -> None:
    message = call(search, query="озеро", k=500)
    assert len(message.artifact) <= MAX_PASSAGES
    assert message.content.endswith("Больше 20 фрагментов за один раз не показывается.")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "Вызов не выполнен. Не задан обязательный аргумент «query»."),
        ({"query": None}, "Вызов не выполнен. Аргумент «query» должен быть строкой."),
        ({"query": "Байкал", "k": "много"}, "Вызов не выполнен. Аргумент «k» должен быть целым числом."),
        ({"query": "Байкал", "limit": 3}, "Вызов не выполнен. Аргумента «limit» нет; есть: query, k."),
        ({"query": "?"}, "В запросе «?» нет ни одного слова"),
    ],
)
def test_a_models_mistake_comes_back_as_a_message(search, arguments: dict[str, Any], said: str) -> None:
    message = call(search, **arguments)
    assert message.status == "error"
    assert message.content.startswith(said)
    assert "pydantic" not in message.content


async def test_mistakes_come_back_from_the_async_twin_too(search, read) -> None:
    message = await search.ainvoke({"name": search.name, "id": "1", "type": "tool_call", "args": {"query": ""}})
    assert message.status == "error"
    message = await read.ainvoke({"name": read.name, "id": "1", "type": "tool_call", "args": {"doc_id": "x"}})
    assert (message.status, message.content[:16]) == ("error", "Документа «x» в ")


def test_a_string_stands_for_the_first_argument(search) -> None:
    assert "1642 м" in search.invoke("глубина Байкала")


def test_no_document_leaves_its_fence(search, read) -> None:
    found = call(search, query="эпишура процеживает воду, пароль", k=5)
    [number] = [at for at, one in enumerate(found.artifact, start=1) if one.metadata["doc_id"] == HOSTILE.doc_id]
    assert found.content.count("</фрагмент 1>") == 1
    assert found.content.count(f"<фрагмент {number}>") == 1
    page = call(read, doc_id=HOSTILE.doc_id)
    assert page.content.count("</документ>") == 1
    assert "<|im_start|>" not in found.content + page.content
    assert found.artifact[number - 1].page_content == HOSTILE.text  # programs get the text as it is


def test_models_are_told_ranges_and_names(search, read) -> None:
    described = [convert_to_openai_tool(tool)["function"] for tool in (search, read)]
    assert [one["name"] for one in described] == ["search_documents", "read_document"]
    assert described[0]["parameters"]["properties"]["k"]["description"] == "Сколько фрагментов вернуть, от 1 до 20."
    assert described[0]["parameters"]["required"] == ["query"]
    assert "инструменту read_document" in described[0]["description"]
    assert "{" not in described[0]["description"] + described[1]["description"]


def test_the_search_is_traced_inside_the_call(search) -> None:
    started: list[str] = []

    class Names(BaseCallbackHandler):
        def on_retriever_start(self, serialized: Any, query: str, **kwargs: Any) -> None:
            started.append(query)

    search.invoke({"query": "глубина Байкала"}, {"callbacks": [Names()]})
    assert "глубина Байкала" in started


async def test_an_agent_searches_errs_and_reads(index) -> None:
    agents = pytest.importorskip("langchain.agents", reason="langchain of the extra chat is not installed")
    calls = [
        {"name": "search_documents", "args": {"query": "?"}},
        {"name": "search_documents", "args": {"query": "глубина Байкала", "k": 1}},
        {"name": "read_document", "args": {"doc_id": "baikal", "offset": 326, "length": 400}},
    ]
    model = ScriptedModel(calls=calls)
    agent = agents.create_agent(model, build_tools(index))
    for result in (
        agent.invoke({"messages": [("user", "Насколько глубок Байкал?")]}),
        await agent.ainvoke({"messages": [("user", "Насколько глубок Байкал?")]}),
    ):
        told = [message for message in result["messages"] if isinstance(message, ToolMessage)]
        assert [message.status for message in told] == ["error", "success", "success"]
        assert told[1].artifact[0].metadata["doc_id"] == "baikal"
        assert result["messages"][-1].content == "Глубина Байкала — 1642 м."
    assert model.offered == ["search_documents", "read_document"]
