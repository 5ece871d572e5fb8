"""HyDE and query2doc: what a made-up passage does to the dense and to the lexical leg."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Retriever
from retrievers.dense import DenseRetriever
from retrievers.documents import search_text
from retrievers.encoders.static import StaticEmbeddings
from retrievers.errors import InputError
from retrievers.expansion import HydeRetriever, Query2DocRetriever
from retrievers.expansion.hyde import mean_direction
from retrievers.expansion.query2doc import query2doc
from retrievers.hybrid import HybridRetriever

QUESTION = "Кто был первым президентом за океаном?"
PASSAGE = "Первым президентом Соединённых Штатов Америки был Джордж Вашингтон."


class Letters(Embeddings):
    """Counts of а, б and в; tells questions from passages, as models of the E5 family do."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(text.count(letter)) for letter in "абв"] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text.replace("вопрос", "")])[0]


def letters(*texts: str) -> DenseRetriever:
    store = InMemoryVectorStore(Letters())
    store.add_documents([Document(id=text, page_content=text, metadata={"doc_id": text}) for text in texts])
    return DenseRetriever(store=store)


class Passages:
    def passage(self, question: str, config: Any = None) -> str:
        return "пассаж о море"

    async def apassage(self, question: str, config: Any = None) -> str:
        return "пассаж о море"


class TestHydeStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return HydeRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"dense": letters("а", "аб", "абв", "вва"), "writer": Passages()}

    @property
    def retriever_query_example(self) -> str:
        return "абв"


class TestQuery2DocStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return Query2DocRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        pages = [Document(page_content=f"Роман номер {number} о море") for number in range(5)]
        return {"retriever": BM25Retriever.from_documents(pages), "writer": Passages()}

    @property
    def retriever_query_example(self) -> str:
        return "роман"


@pytest.fixture
def dense(passages: list[Document]) -> DenseRetriever:
    store = InMemoryVectorStore(StaticEmbeddings.fit(map(search_text, passages)))
    store.add_documents(passages)
    return DenseRetriever(store=store)


def test_mean_direction_takes_lengths_out() -> None:
    assert mean_direction([[10.0, 0.0], [0.0, 1.0]]) == pytest.approx(np.array([0.5, 0.5]) ** 0.5)
    assert mean_direction([[3.0, 4.0], [0.0, 0.0]]) == pytest.approx([0.6, 0.8])  # no word of a text is known
    assert mean_direction([[1.0, 0.0], [-1.0, 0.0]]) == pytest.approx([0.0, 0.0])


def test_the_dense_search_goes_by_the_passage(writer) -> None:
    dense = letters("аааб", "бббв", "ввва")
    writer.passages = ["вв вв"]
    alone = HydeRetriever(dense=dense, writer=writer, include_question=False)
    (best, *_) = found = alone.invoke("аа?")
    assert best.id == "ввва"
    assert best.metadata["scores"]["hyde"] == pytest.approx(3 / 10**0.5, abs=1e-6)  # the cosine, on its own scale
    assert [hit.metadata["ranks"]["hyde"] for hit in found] == [1, 2, 3]
    both = HydeRetriever(dense=dense, writer=writer)  # halfway between а and в
    assert both.invoke("аа?", k=1)[0].metadata["scores"]["hyde"] == pytest.approx(4 / 20**0.5, abs=1e-6)


def test_several_passages_are_averaged(writer) -> None:
    dense = letters("абв", "аа", "вв")
    writer.passages = ["а-а", "б-б", "в-в"]
    retriever = HydeRetriever(dense=dense, writer=writer, passages=3, include_question=False)
    assert retriever.invoke("?", k=1)[0].id == "абв"
    assert len(writer.asked) == 3


def test_without_a_passage_the_question_is_searched_with(dense, writer, names) -> None:
    writer.passages = ["The first president was Washington."]
    retriever = HydeRetriever(dense=dense, writer=writer)
    assert names(retriever.invoke("Кто снял «Сталкера»?")) == names(dense.invoke("Кто снял «Сталкера»?"))
    assert retriever.expand("Кто снял «Сталкера»?").counts() == {"not Russian": 1}


def test_a_model_that_repeats_itself_is_counted(dense, writer) -> None:
    writer.passages = [PASSAGE]
    expansion = HydeRetriever(dense=dense, writer=writer, passages=3).expand(QUESTION)
    assert expansion.texts == [PASSAGE]
    assert expansion.counts() == {"repeats another one": 2}


def test_in_a_hybrid_the_lexical_leg_keeps_the_question(bm25, dense, writer) -> None:
    writer.passages = [PASSAGE]
    hybrid = HybridRetriever(retrievers=[bm25, HydeRetriever(dense=dense, writer=writer, component="dense")])
    (found,) = hybrid.invoke(QUESTION, filter={"doc_id": "сша"})
    (lexical,) = bm25.invoke(QUESTION, filter={"doc_id": "сша"})
    (semantic,) = dense.invoke(QUESTION, filter={"doc_id": "сша"})
    assert found.metadata["scores"]["bm25"] == lexical.metadata["scores"]["bm25"]
    assert found.metadata["scores"]["dense"] > semantic.metadata["scores"]["dense"] + 0.1


def test_filter_reaches_the_store(dense, writer, names) -> None:
    writer.passages = [PASSAGE]
    retriever = HydeRetriever(dense=dense, writer=writer)
    assert names(retriever.invoke(QUESTION, filter={"doc_id": {"$in": ["лем", "франция"]}})) == ["франция", "лем"]
    assert names(HydeRetriever(dense=dense, writer=writer, filter={"doc_id": "лем"}).invoke(QUESTION)) == ["лем"]


def test_a_store_that_tells_no_scores_by_vector_is_refused(writer) -> None:
    class Silent(VectorStore):
        @classmethod
        def from_texts(cls, texts: Any, embedding: Any, metadatas: Any = None, **kwargs: Any) -> Any: ...

        def similarity_search(self, query: str, k: int = 4, **kwargs: Any) -> list[Document]:
            return []

    writer.passages = [PASSAGE]
    with pytest.raises(ValidationError, match="no embeddings of its own"):
        HydeRetriever(dense=DenseRetriever(store=Silent()), writer=writer)
    retriever = HydeRetriever(dense=DenseRetriever(store=Silent()), writer=writer, embeddings=Letters())
    with pytest.raises(InputError, match="Silent does not tell the scores"):
        retriever.invoke(QUESTION)


def test_query2doc_counts_the_question_several_times(bm25, writer) -> None:
    writer.passages = [PASSAGE]
    query = query2doc(QUESTION, PASSAGE, 5)
    assert query.count(QUESTION) == 5
    assert query.endswith(PASSAGE)
    retriever = Query2DocRetriever(retriever=bm25, writer=writer)
    best = retriever.invoke(QUESTION, k=1)[0]
    assert best.metadata["doc_id"] == "сша"
    terms = Analyzer()(query)
    assert best.metadata["scores"]["query2doc"] == pytest.approx(float(max(bm25.index.scores(terms))))


def test_query2doc_without_a_passage_is_the_question(bm25, writer) -> None:
    retriever = Query2DocRetriever(retriever=bm25, writer=writer)
    found = retriever.invoke(QUESTION)
    assert [hit.metadata["scores"]["query2doc"] for hit in found] == [
        hit.metadata["scores"]["bm25"] for hit in bm25.invoke(QUESTION)
    ]
    assert retriever.expand(QUESTION).counts() == {"empty": 1}


async def test_async_finds_the_same(bm25, dense, writer, events) -> None:
    writer.passages = [PASSAGE]
    for retriever in (
        HydeRetriever(dense=dense, writer=writer),
        Query2DocRetriever(retriever=bm25, writer=writer),
    ):
        assert await retriever.ainvoke(QUESTION, {"callbacks": [events]}, k=2) == retriever.invoke(QUESTION, k=2)
        assert await retriever.aexpand(QUESTION) == retriever.expand(QUESTION)
    assert [told["method"] for told in events.expansions] == ["hyde", "query2doc"]
