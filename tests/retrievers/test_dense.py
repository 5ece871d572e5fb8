from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest
from chromadb.config import Settings
from langchain_chroma import Chroma
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.vectorstores import InMemoryVectorStore, VectorStore
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.dense import DenseRetriever, StoreFilter, StoreScore, store_filter_of, store_score_of, to_cosine
from retrievers.errors import InputError


class Letters(Embeddings):
    """A vector of how often «а», «б» and «в» stand in a text."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[float(text.count(letter)) for letter in "абв"] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]


CHUNKS = [
    Document(id="x_0", page_content="ааа", metadata={"chunk_id": "x_0", "doc_id": "x", "topic": "первая"}),
    Document(id="x_1", page_content="аб", metadata={"chunk_id": "x_1", "doc_id": "x", "topic": "вторая"}),
    Document(id="y_0", page_content="вв", metadata={"chunk_id": "y_0", "doc_id": "y", "topic": "вторая"}),
]


class UnitLetters(Letters):
    """The same, of length 1."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        rows = super().embed_documents(texts)
        return [[x / (sum(y * y for y in row) ** 0.5 or 1) for x in row] for row in rows]


def chroma(folder: Path, embeddings: Embeddings, space: str = "cosine") -> Chroma:
    """A Chroma store of LangChain's."""
    return Chroma(
        "letters",
        embeddings,
        persist_directory=str(folder),
        collection_configuration={"hnsw": {"space": space}},
        client_settings=Settings(anonymized_telemetry=False),
    )


@pytest.fixture(params=["chroma", "memory", "chroma-l2"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[VectorStore]:
    if request.param == "memory":
        memory = InMemoryVectorStore(Letters())
        memory.add_documents(CHUNKS)
        yield memory
        return
    embeddings, space = (Letters(), "cosine") if request.param == "chroma" else (UnitLetters(), "l2")
    foreign = chroma(tmp_path, embeddings, space)
    foreign.add_documents(CHUNKS, ids=[chunk.id for chunk in CHUNKS])
    yield foreign
    foreign._client.close()


class TestStandardSuite(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _store(self) -> None:
        self.store = InMemoryVectorStore(DeterministicFakeEmbedding(size=16))
        self.store.add_documents([Document(page_content=f"текст {number}") for number in range(20)])

    @property
    def retriever_constructor(self) -> type[DenseRetriever]:
        return DenseRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"store": self.store}

    @property
    def retriever_query_example(self) -> str:
        return "текст 7"


def test_scores_are_cosines_in_every_store(store: VectorStore) -> None:
    found = DenseRetriever(store=store).invoke("а")
    assert [hit.id for hit in found] == ["x_0", "x_1", "y_0"]
    assert [hit.metadata["scores"]["dense"] for hit in found] == pytest.approx([1.0, 0.5**0.5, 0.0], abs=1e-5)
    assert [hit.metadata["ranks"]["dense"] for hit in found] == [1, 2, 3]


def test_filter_of_the_call_and_of_the_retriever(store: VectorStore) -> None:
    retriever = DenseRetriever(store=store, filter={"topic": "вторая"})
    assert [hit.id for hit in retriever.invoke("а")] == ["x_1", "y_0"]
    assert [hit.id for hit in retriever.invoke("а", filter={"topic": "первая"})] == ["x_0"]


def test_malformed_filters_are_refused_before_the_store_is_asked(store: VectorStore) -> None:
    with pytest.raises(InputError, match="one field"):
        DenseRetriever(store=store).invoke("а", filter={"topic": "первая", "doc_id": "x"})
    with pytest.raises(ValidationError, match="one field"):
        DenseRetriever(store=store, filter={})


async def test_async_takes_k_and_filter(store: VectorStore) -> None:
    retriever = DenseRetriever(store=store)
    assert await retriever.ainvoke("аб", k=1) == retriever.invoke("аб", k=1)
    assert [hit.id for hit in await retriever.ainvoke("а", filter={"topic": "первая"})] == ["x_0"]


@pytest.mark.parametrize("store", ["chroma"], indirect=True)  # others refuse zero vectors or cannot tell them
def test_a_question_without_a_known_word_finds_nothing(store: VectorStore) -> None:
    assert DenseRetriever(store=store).invoke("эээ") == []


def test_stored_documents_are_not_marked() -> None:
    memory = InMemoryVectorStore(Letters())
    memory.add_documents(CHUNKS)
    retriever = DenseRetriever(store=memory, component="vectors")
    assert retriever.invoke("а")[0].metadata["scores"].keys() == {"vectors"}
    assert "scores" not in memory.similarity_search("а", k=1)[0].metadata


def test_a_hit_without_an_id_takes_its_chunk_id() -> None:
    memory = InMemoryVectorStore(Letters())
    memory.add_documents([Document(page_content="а", metadata={"chunk_id": "z_3"})], ids=["нечто иное"])
    assert DenseRetriever(store=memory).invoke("а")[0].id == "z_3"


def test_options_are_checked(store: VectorStore) -> None:
    with pytest.raises(ValidationError, match="kk"):
        DenseRetriever(store=store, kk=3)
    with pytest.raises(InputError, match="at least 1"):
        DenseRetriever(store=store).invoke("а", k=0)
    with pytest.raises(TypeError, match="kk"):
        DenseRetriever(store=store).invoke("а", kk=2)


@pytest.mark.parametrize(
    ("value", "kind", "cosine"),
    [
        (0.25, StoreScore.COSINE, 0.25),
        (0.25, StoreScore.COSINE_DISTANCE, 0.75),
        (2.0, StoreScore.COSINE_DISTANCE, -1.0),
        (2.0, StoreScore.SQUARED_L2, 0.0),
        (1.0000002, StoreScore.COSINE, 1.0),
        (float("nan"), StoreScore.COSINE_DISTANCE, 0.0),
    ],
)
def test_to_cosine(value: float, kind: StoreScore, cosine: float) -> None:
    assert to_cosine(value, kind) == pytest.approx(cosine)


def test_what_a_store_returns_can_be_stated() -> None:
    memory = InMemoryVectorStore(Letters())
    memory.add_documents(CHUNKS)
    assert store_score_of(memory) is StoreScore.COSINE
    stated = DenseRetriever(store=memory, store_score=StoreScore.COSINE_DISTANCE)
    assert [hit.metadata["scores"]["dense"] for hit in stated.invoke("а")] == pytest.approx([0.0, 1 - 0.5**0.5, 1.0])


class Foreign(InMemoryVectorStore):
    """A store whose filters are of a form of its own, and which gives few hits at once unless asked for more."""

    asked: ClassVar[list[int]] = []

    def similarity_search_with_score(self, query: str, k: int = 4, **kwargs: Any) -> list[tuple[Document, float]]:
        assert not kwargs
        self.asked.append(k)
        return super().similarity_search_with_score(query, k=k)


def test_a_store_of_unknown_filters_is_asked_for_more() -> None:
    foreign = Foreign(Letters())
    texts = [Document(id=f"a_{number}", page_content="а" * 9 + "б" * number) for number in range(9)]
    texts.append(Document(id="b_0", page_content="аббб", metadata={"topic": "спорт"}))
    foreign.add_documents(texts)
    assert store_filter_of(foreign) is StoreFilter.DOCUMENT  # by its base
    retriever = DenseRetriever(store=foreign, store_filter=StoreFilter.NOTHING)
    foreign.asked.clear()
    assert [hit.id for hit in retriever.invoke("а", k=1, filter={"topic": "спорт"})] == ["b_0"]
    assert foreign.asked == [1, 4, 16]
    assert retriever.invoke("а", filter={"topic": "нет такой"}) == []


def test_fractions_against_integers_in_chroma(tmp_path: Path) -> None:
    foreign = chroma(tmp_path, Letters())
    years = [1, 2, 1.0, 1.5]
    foreign.add_documents([Document(id=str(row), page_content="а", metadata={"n": n}) for row, n in enumerate(years)])
    retriever = DenseRetriever(store=foreign)
    assert sorted(str(hit.id) for hit in retriever.invoke("а", filter={"n": {"$lt": 1.5}})) == ["0", "2"]
    assert [hit.id for hit in retriever.invoke("а", filter={"n": 1.5})] == ["3"]
    foreign._client.close()
