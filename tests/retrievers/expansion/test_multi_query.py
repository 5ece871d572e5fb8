from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.bm25 import BM25Retriever
from retrievers.expansion import MultiQueryRetriever, ScreeningOptions, SynonymTable

QUESTION = "Кто снял фильм «Солярис»?"
ANY = ScreeningOptions(min_similarity=-1.0, max_similarity=0.98)


class Foreign(BaseRetriever):
    """A retriever that knows neither k nor filters nor scores."""

    found: dict[str, list[Document]]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return self.found[query]


class TestStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return MultiQueryRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        pages = [Document(page_content=f"Роман номер {number} о море") for number in range(5)]
        table = SynonymTable([["роман", "книга"]])
        return {"retriever": BM25Retriever.from_documents(pages), "writer": table}

    @property
    def retriever_query_example(self) -> str:
        return "роман"


def test_a_rewrite_brings_what_the_question_does_not_find(bm25, writer, names) -> None:
    writer.lines = ["Какой режиссёр снял картину по Лему?"]
    retriever = MultiQueryRetriever(retriever=bm25, writer=writer, screening=ANY)
    assert "лем" not in names(bm25.invoke("Кто снял фильм?"))
    assert "лем" in names(retriever.invoke("Кто снял фильм?"))
    assert writer.asked == [("Кто снял фильм?", 3)]


def test_fusion_by_weighted_ranks(writer) -> None:
    first, second = Document(id="а", page_content="а"), Document(id="б", page_content="б")
    found = {QUESTION: [first, second], "Чей это фильм?": [second]}
    writer.lines = ["Чей это фильм?"]
    fuse = {"retriever": Foreign(found=found), "writer": writer, "screening": ANY}
    even = MultiQueryRetriever(**fuse, question_weight=1.0).invoke(QUESTION)
    assert [hit.id for hit in even] == ["б", "а"]
    assert even[0].metadata["scores"] == {"multi-query": pytest.approx(1 / 62 + 1 / 61)}
    assert even[0].metadata["ranks"] == {"multi-query": 1}
    assert first.metadata == {}  # the child's documents stay as they were
    heavy = MultiQueryRetriever(**fuse, question_weight=100.0).invoke(QUESTION)
    assert [hit.id for hit in heavy] == ["а", "б"]
    assert [hit.id for hit in MultiQueryRetriever(**fuse).invoke(QUESTION, k=1)] == ["б"]


def test_without_a_rewrite_the_ranking_is_the_childs(bm25, writer, names) -> None:
    writer.lines = ["Who directed it?", "", QUESTION]
    retriever = MultiQueryRetriever(retriever=bm25, writer=writer)
    assert names(retriever.invoke(QUESTION)) == names(bm25.invoke(QUESTION))
    assert retriever.expand(QUESTION).counts() == {
        "empty": 1,
        "not Russian": 1,
        "says what the question says in its own words": 1,
    }


def test_no_more_rewrites_than_asked_for(bm25, writer) -> None:
    writer.lines = [f"Кто снял «Солярис» номер {number}?" for number in range(50)]
    assert len(MultiQueryRetriever(retriever=bm25, writer=writer, rewrites=2).expand(QUESTION).added) == 2


def test_the_callbacks_hear_what_was_kept_and_what_was_not(bm25, writer, events) -> None:
    writer.lines = ["Кто режиссёр фильма «Солярис»?", "Какая погода в Самаре?"]
    MultiQueryRetriever(retriever=bm25, writer=writer).invoke(QUESTION, {"callbacks": [events]})
    (told,) = events.expansions
    assert told["question"] == QUESTION
    assert told["question_weight"] == 2.0
    assert told["added"] == [{"text": "Кто режиссёр фильма «Солярис»?", "weight": 1.0}]
    assert [(each["text"], each["reason"]) for each in told["dropped"]] == [
        ("Какая погода в Самаре?", "too far from the question")
    ]
    assert events.parents[0] == ("MultiQueryRetriever", None)
    assert events.parents[1:] == [("BM25Retriever", "MultiQueryRetriever")] * 2


async def test_async_finds_and_tells_the_same(bm25, writer, events, names) -> None:
    writer.lines = ["Кто режиссёр фильма «Солярис»?"]
    retriever = MultiQueryRetriever(retriever=bm25, writer=writer)
    assert await retriever.ainvoke(QUESTION, k=2) == retriever.invoke(QUESTION, k=2)
    assert await retriever.aexpand(QUESTION) == retriever.expand(QUESTION)
    await retriever.ainvoke(QUESTION, {"callbacks": [events]})
    assert len(events.expansions) == 1
    seen = [event async for event in retriever.astream_events(QUESTION) if event["event"] == "on_custom_event"]
    assert [event["data"]["method"] for event in seen] == ["multi-query"]


async def test_queries_are_searched_with_at_once_in_async(writer) -> None:
    together = asyncio.Barrier(2)

    class Waiting(Foreign):
        async def _aget_relevant_documents(self, query: str, **options: Any) -> list[Document]:
            async with asyncio.timeout(5):
                await together.wait()
            return [Document(id=query, page_content=query)]

    writer.lines = ["Чей это фильм?"]
    retriever = MultiQueryRetriever(retriever=Waiting(found={}), writer=writer, screening=ANY)
    assert [hit.id for hit in await retriever.ainvoke(QUESTION)] == [QUESTION, "Чей это фильм?"]


def test_filter_and_k_hold_for_children_that_know_neither(bm25, writer, names) -> None:
    writer.lines = ["Какой режиссёр снял «Солярис»?"]
    retriever = MultiQueryRetriever(retriever=bm25, writer=writer)
    assert names(retriever.invoke(QUESTION, filter={"doc_id": "сталкер"})) == ["сталкер"]
    found = [Document(id=name, page_content=name, metadata={"doc_id": name}) for name in "абв"]
    foreign = Foreign(found={QUESTION: found})
    quiet = MultiQueryRetriever(retriever=foreign, writer=SynonymTable([]), k=2)
    assert names(quiet.invoke(QUESTION)) == ["а", "б"]


def test_misspelt_options_are_refused(bm25, writer) -> None:
    with pytest.raises(ValidationError, match="rewritess"):
        MultiQueryRetriever(retriever=bm25, writer=writer, rewritess=2)
    with pytest.raises(ValidationError, match="writer"):
        MultiQueryRetriever(retriever=bm25, writer=object())
    with pytest.raises(TypeError, match="kk"):
        MultiQueryRetriever(retriever=bm25, writer=writer).invoke(QUESTION, kk=2)
