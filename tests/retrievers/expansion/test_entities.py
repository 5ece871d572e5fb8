from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrievers.bm25 import BM25Retriever
from retrievers.entities import Entity, EntityType
from retrievers.expansion import EntityBiasedRetriever, NamesOnlyRetriever, entity_query, names_in
from retrievers.expansion.entities import biased_order, name_share


class TestStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return EntityBiasedRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        pages = [Document(page_content=f"Роман номер {number} о Волге") for number in range(5)]
        return {"retriever": BM25Retriever.from_documents(pages)}

    @property
    def retriever_query_example(self) -> str:
        return "роман"


class TestNamesOnlyStandard(TestStandard):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return NamesOnlyRetriever

    @property
    def retriever_query_example(self) -> str:
        return "Что такое «Роман»?"


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("Где родился Витус Беринг?", ["Витус Беринг"]),
        ("Кто руководил экспедицией Витуса Беринга на Камчатку?", ["Витус Беринг", "Камчатка"]),
        ("Кто снял фильм «Сталкер»?", ["Сталкер"]),
        ('Кто написал роман "На маяк"?', ["На маяк"]),
        ("Кто из героев „Анны Карениной“ жил в Москве?", ["Анны Карениной", "Москва"]),  # quoted names stay as written
        ("Почему небо голубое?", []),
        ("", []),
    ],
)
def test_names_of_a_question(question: str, names: list[str]) -> None:
    assert names_in(question) == names
    assert entity_query(question) == " ".join(names)


def test_a_name_inside_a_quoted_one_is_no_name_of_its_own() -> None:
    question = "Кто играл в фильме «Волга, Волга» про реку Волгу?"

    def every_volga(text: str) -> list[Entity]:
        spans = [(at, at + 5) for at in range(len(text)) if text[at : at + 4] == "Волг"]
        return [Entity(text[start:stop], start, stop, EntityType.LOC, "Волга") for start, stop in spans]

    assert names_in(question, every_volga) == ["Волга, Волга", "Волга"]
    assert names_in("Волга или Волга?", every_volga) == ["Волга"]


def test_share_of_names_by_hand() -> None:
    bering, kamchatka = {"витус", "беринг"}, {"камчатка"}
    assert name_share([bering], {"витус", "беринг"}, set()) == 1.0
    assert name_share([bering], {"беринг"}, set()) == 0.5  # a part of the name
    assert name_share([bering], set(), {"витус", "беринг", "море"}) == 0.5  # not in the title
    assert name_share([bering, kamchatka], {"витус", "беринг"}, {"камчатка"}) == 0.75
    assert name_share([kamchatka], {"волга"}, {"волга"}) == 0.0
    assert name_share([], {"волга"}, {"волга"}) == 0.0


def test_order_by_score_and_names() -> None:
    assert biased_order([2.0, 1.0, 0.0], [0.0, 1.0, 0.0], 0.6) == [(1, 1.1), (0, 1.0), (2, 0.0)]
    assert biased_order([-1.0, -2.0], [0.0, 0.5], 0.4) == [(1, 0.2), (0, 0.0)]
    assert biased_order([], [], 1.0) == []


@given(st.lists(st.floats(0, 1e6), max_size=8))
def test_without_names_the_order_stays(scores: list[float]) -> None:
    scores = sorted(scores, reverse=True)
    assert [at for at, _ in biased_order(scores, [0.0] * len(scores), 0.5)] == list(range(len(scores)))


def test_a_passage_about_the_name_comes_first(bm25, names) -> None:
    question = "Какой роман написал польский фантаст, если не считать «Сталкера»?"
    retriever = EntityBiasedRetriever(retriever=bm25, boost=1.0)
    assert names(bm25.invoke(question))[0] == "лем"
    found = retriever.invoke(question)
    assert names(found)[0] == "сталкер"
    assert set(names(found)) == set(names(bm25.invoke(question)))
    assert found[0].metadata["ranks"]["entities"] == 1
    assert found[0].metadata["scores"].keys() == {"bm25", "entities"}
    expansion = retriever.expand(question)
    assert [(addition.text, addition.weight) for addition in expansion.added] == [("Сталкера", 1.0)]


def test_without_names_the_ranking_is_the_childs(bm25, names) -> None:
    question = "кто снял картину о зоне"
    retriever = EntityBiasedRetriever(retriever=bm25)
    assert retriever.expand(question).added == ()
    assert names(retriever.invoke(question)) == names(bm25.invoke(question))


def test_hits_without_scores_count_by_their_rank(names) -> None:
    class Foreign(BaseRetriever):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
            return [
                Document(id=name, page_content="текст", metadata={"doc_id": name, "title": name})
                for name in ("Волга", "Дон", "Нева")
            ]

    question = "Где впадает в море «Нева»?"
    assert names(EntityBiasedRetriever(retriever=Foreign(), boost=0.5).invoke(question)) == ["Волга", "Нева", "Дон"]
    assert names(EntityBiasedRetriever(retriever=Foreign(), boost=0.9).invoke(question, k=1)) == ["Нева"]
    assert names(EntityBiasedRetriever(retriever=Foreign(), filter={"doc_id": "Дон"}).invoke(question)) == ["Дон"]


async def test_async_finds_and_tells_the_same(bm25, events) -> None:
    retriever = EntityBiasedRetriever(retriever=bm25)
    question = "Что снял Андрей Тарковский?"
    assert await retriever.ainvoke(question, {"callbacks": [events]}, k=3) == retriever.invoke(question, k=3)
    (told,) = events.expansions
    assert [each["text"] for each in told["added"]] == ["Андрей Тарковский"]
    assert events.parents == [("EntityBiasedRetriever", None), ("BM25Retriever", "EntityBiasedRetriever")]


async def test_the_names_alone_are_searched_for() -> None:
    pages = [Document("Река Обь длинна."), Document("Станислав Лем жил в Кракове."), Document("Кто родился в Сибири?")]
    retriever = NamesOnlyRetriever(retriever=BM25Retriever.from_documents(pages))
    question = "Кто такой Станислав Лем?"
    [found] = retriever.invoke(question)
    assert found.page_content.startswith("Станислав Лем")
    assert [one.page_content for one in await retriever.ainvoke(question)] == [found.page_content]
    assert list(retriever.expand(question).texts) == ["Станислав Лем"]


@pytest.mark.parametrize("question", ["Кто родился в Сибири зимой?", "Кто записал альбом «÷»?"])
def test_a_question_without_words_in_its_names_finds_nothing_or_keeps_its_order(question) -> None:
    pages = [Document("Река длинна."), Document("Альбом записал ансамбль.")]
    child = BM25Retriever.from_documents(pages)
    nobody = NamesOnlyRetriever(retriever=child, extract_entities=lambda _: [])
    assert nobody.invoke(question) == []
    biased = EntityBiasedRetriever(retriever=child, extract_entities=lambda _: [])
    assert [one.page_content for one in biased.invoke(question)] == [one.page_content for one in child.invoke(question)]
