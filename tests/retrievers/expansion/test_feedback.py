from __future__ import annotations

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrievers.bm25 import BM25Method, BM25Options, BM25Retriever
from retrievers.documents import search_text
from retrievers.expansion import Addition, FeedbackOptions, FeedbackRetriever
from retrievers.expansion.feedback import relevance_terms
from retrievers.expansion.terms import term_weights

QUESTION = "Кто снял «Сталкера»?"


class TestStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return FeedbackRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        pages = [Document(page_content=f"Роман номер {number} о море") for number in range(5)]
        return {"retriever": BM25Retriever.from_documents(pages)}

    @property
    def retriever_query_example(self) -> str:
        return "роман"


def test_relevance_by_hand() -> None:
    # P(w|d) is 1/2 in the first passage, 1/4 in the second; the scores weigh 3 : 1.
    passages = [(["кит", "море"], 3.0), (["кит", "лес", "лес", "дуб"], 1.0)]
    relevance = {"кит": 1.5 + 0.25, "море": 1.5, "лес": 0.5, "дуб": 0.25}
    found = relevance_terms(passages, 3)
    total = relevance["кит"] + relevance["море"] + relevance["лес"]
    assert found == pytest.approx({term: relevance[term] / total for term in ("кит", "море", "лес")})
    assert list(found) == ["кит", "море", "лес"]
    assert relevance_terms(passages, 1, usable=lambda term: term != "кит") == {"море": 1.0}


@pytest.mark.parametrize("passages", [[], [([], 1.0)], [(["кит"], 0.0)]])
def test_nothing_found_adds_nothing(passages: list[Any]) -> None:
    assert relevance_terms(passages, 10) == {}


def test_weights_of_question_and_additions_add_up() -> None:
    assert term_weights(["кит", "кит", "море"], 0.5, [Addition("кит", 0.25), Addition("лес", 0.2)]) == {
        "кит": 1.25,
        "море": 0.5,
        "лес": 0.2,
    }


def test_words_of_the_first_hit_find_its_neighbours(bm25, names) -> None:
    options = FeedbackOptions(documents=1, terms=8, question_weight=0.5, max_share=0.4)
    retriever = FeedbackRetriever(retriever=bm25, options=options)
    question = "О чём «Пикник на обочине»?"
    assert names(bm25.invoke(question)) == ["стругацкие"]
    assert names(retriever.invoke(question)) == ["стругацкие", "сталкер"]
    expansion = retriever.expand(question)
    assert {"сталкер", "стругацкий"} <= set(expansion.texts)
    own = bm25.analyzer(question)
    assert sum(term_weights(own, expansion.question_weight, expansion.added).values()) == pytest.approx(len(own))


def test_common_words_are_not_taken(bm25) -> None:
    common = FeedbackRetriever(retriever=bm25, options=FeedbackOptions(max_share=1.0)).expand(QUESTION).texts
    rare = FeedbackRetriever(retriever=bm25, options=FeedbackOptions(max_share=0.2)).expand(QUESTION).texts
    assert "режиссер" in common
    assert "режиссер" not in rare  # in two of six passages
    assert "картина" in rare


def test_the_question_alone_where_that_is_asked_for_or_nothing_is_found(bm25, names) -> None:
    alone = FeedbackRetriever(retriever=bm25, options=FeedbackOptions(question_weight=1.0))
    assert alone.expand(QUESTION).added == ()
    assert [hit.metadata["scores"]["feedback"] for hit in alone.invoke(QUESTION)] == pytest.approx(
        [hit.metadata["scores"]["bm25"] for hit in bm25.invoke(QUESTION)]
    )
    assert FeedbackRetriever(retriever=bm25).invoke("Ктулху фхтагн?") == []
    assert FeedbackRetriever(retriever=bm25).invoke("?!") == []


def test_passages_that_a_filter_excludes_say_nothing(bm25, names) -> None:
    retriever = FeedbackRetriever(retriever=bm25)
    where = {"doc_id": {"$ne": "сталкер"}}
    assert "стругацкий" not in retriever.expand("Режиссёр Тарковский", filter=where).texts
    assert "сталкер" not in names(retriever.invoke(QUESTION, filter=where))
    stored = FeedbackRetriever(retriever=bm25.model_copy(update={"filter": where}))
    assert "сталкер" not in names(stored.invoke(QUESTION))  # the child's own filter holds too


async def test_async_finds_and_tells_the_same(bm25, events) -> None:
    retriever = FeedbackRetriever(retriever=bm25)
    found = await retriever.ainvoke(QUESTION, {"callbacks": [events]}, k=2)
    assert found == retriever.invoke(QUESTION, k=2)
    assert [told["method"] for told in events.expansions] == ["feedback"]
    assert events.parents == [("FeedbackRetriever", None), ("BM25Retriever", "FeedbackRetriever")]


@pytest.mark.parametrize("method", list(BM25Method))
def test_whole_weights_are_repetitions(method: BM25Method, passages) -> None:
    index = BM25Retriever.from_documents(passages, options=BM25Options(method=method)).index
    terms = ["тарковский", "тарковский", "роман", "неведомый"]
    weighted = index.weighted_scores({"тарковский": 2.0, "роман": 1.0, "неведомый": 5.0})
    assert weighted == pytest.approx(index.scores(terms))
    half = index.weighted_scores({"тарковский": 1.0, "роман": 0.5})
    assert half == pytest.approx(index.scores(terms) / 2)


def test_a_chunk_is_read_as_it_was_indexed(bm25, passages) -> None:
    retriever = FeedbackRetriever(retriever=bm25, options=FeedbackOptions(documents=1, max_share=1.0, terms=100))
    assert set(retriever.expand("Пикник на обочине").texts) == set(bm25.analyzer(search_text(passages[2])))
