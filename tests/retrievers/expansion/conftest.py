"""A writer that follows a script, and a handful of passages to search."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document

from retrievers.bm25 import BM25Retriever
from retrievers.expansion.report import EVENT

PASSAGES = {
    "лем": ("Станислав Лем", "Польский фантаст Станислав Лем написал роман «Солярис» в 1961 году."),
    "солярис": ("Солярис", "Фильм «Солярис» снял режиссёр Андрей Тарковский; в главной роли Донатас Банионис."),
    "стругацкие": ("Пикник на обочине", "Повесть братьев Стругацких о Зоне и сталкерах вышла в 1972 году."),
    "сталкер": ("Сталкер", "Режиссёр Андрей Тарковский снял картину «Сталкер» по сценарию Стругацких."),
    "сша": ("Вашингтон, Джордж", "Первый президент Соединённых Штатов Америки принёс присягу в Нью-Йорке."),
    "франция": ("Тьер, Адольф", "Первый президент Третьей республики во Франции был избран в 1871 году."),
}


@dataclass
class ScriptedWriter:
    """Writes what it is told to, and keeps what it was asked."""

    lines: list[str] = field(default_factory=list)
    passages: list[str] = field(default_factory=list)
    asked: list[Any] = field(default_factory=list)

    def rewrites(self, question: str, n: int, config: Any = None) -> list[str]:
        self.asked.append((question, n))
        return self.lines

    async def arewrites(self, question: str, n: int, config: Any = None) -> list[str]:
        return self.rewrites(question, n, config)

    def passage(self, question: str, config: Any = None) -> str:
        self.asked.append(question)
        return self.passages[(len(self.asked) - 1) % len(self.passages)] if self.passages else ""

    async def apassage(self, question: str, config: Any = None) -> str:
        return self.passage(question, config)


class Events(BaseCallbackHandler):
    """Keeps what retrievers tell about their expansions, and which run each run stands under."""

    def __init__(self) -> None:
        self.expansions: list[dict[str, Any]] = []
        self.parents: list[tuple[str, str | None]] = []
        self._names: dict[Any, str] = {}

    def on_custom_event(self, name: str, data: Any, **_: Any) -> None:
        assert name == EVENT
        self.expansions.append(data)

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: Any, parent_run_id: Any, **kwargs: Any) -> Any:
        self._names[run_id] = kwargs["name"]
        self.parents.append((kwargs["name"], self._names.get(parent_run_id)))


@pytest.fixture
def writer() -> ScriptedWriter:
    return ScriptedWriter()


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def passages() -> list[Document]:
    return [
        Document(id=f"{name}_0", page_content=text, metadata={"chunk_id": f"{name}_0", "doc_id": name, "title": title})
        for name, (title, text) in PASSAGES.items()
    ]


@pytest.fixture
def bm25(passages: list[Document]) -> BM25Retriever:
    return BM25Retriever.from_documents(passages)


def names(found: list[Document]) -> list[str]:
    return [document.metadata["doc_id"] for document in found]


@pytest.fixture(name="names")
def _names() -> Any:
    return names
