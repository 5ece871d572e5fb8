"""A LangChain store that is none of ours, FAISS, under the retrievers and under incremental indexing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.indexing import index
from langchain_core.vectorstores import VectorStore

from retrievers.bm25 import BM25Retriever
from retrievers.dense import DenseRetriever, StoreFilter, StoreScore, store_filter_of, store_score_of
from retrievers.documents import chunk_id_of
from retrievers.filters import matches
from retrievers.hybrid import HybridRetriever
from retrievers.stores import SQLiteRecordManager
from tests.retrievers.stores.samples import DIMENSION, ENCODER, chunk

CHUNKS = [
    *(chunk("озеро", number, f"Озеро номер {number}.", topic="география", count=number) for number in range(60)),
    chunk("пушкин", 0, "Пушкин жил у озера.", topic="литература"),
    chunk("шеннон", 0, "Река Шеннон.", topic="география", open=True),
]


@pytest.fixture(params=["l2", "inner-product"])
def store(request: pytest.FixtureRequest) -> VectorStore:
    faiss = pytest.importorskip("faiss", reason="faiss-cpu of the extra test is not installed")
    community = pytest.importorskip(
        "langchain_community.vectorstores", reason="langchain-community of the extra test is not installed"
    )
    from langchain_community.docstore.in_memory import InMemoryDocstore
    from langchain_community.vectorstores.utils import DistanceStrategy

    inner = request.param == "inner-product"
    made: VectorStore = community.FAISS(
        embedding_function=ENCODER,
        index=(faiss.IndexFlatIP if inner else faiss.IndexFlatL2)(DIMENSION),
        docstore=InMemoryDocstore(),
        index_to_docstore_id={},
        distance_strategy=DistanceStrategy.MAX_INNER_PRODUCT if inner else DistanceStrategy.EUCLIDEAN_DISTANCE,
    )
    return made


@pytest.fixture
def filled(store: VectorStore) -> VectorStore:
    store.add_documents(CHUNKS, ids=[str(found.id) for found in CHUNKS])
    return store


def test_scores_are_cosines(filled: VectorStore) -> None:
    assert store_score_of(filled) in {StoreScore.SQUARED_L2, StoreScore.COSINE}
    question = "Где жил Пушкин?"
    hits = DenseRetriever(store=filled, k=3).invoke(question)
    assert hits[0].id == "пушкин_0"
    asked = ENCODER.encode([question])[0]
    for hit in hits:
        assert hit.metadata["scores"]["dense"] == pytest.approx(
            float(ENCODER.encode([hit.page_content])[0] @ asked), abs=1e-5
        )


@pytest.mark.parametrize(
    "where",
    [
        {"topic": "литература"},
        {"topic": {"$ne": "география"}},
        {"open": {"$ne": True}},
        {"$or": [{"count": {"$gt": 57.5}}, {"open": True}]},
        {"topic": "нет такой"},
    ],
)
def test_filters_reach_beyond_the_nearest(filled: VectorStore, where: dict[str, object]) -> None:
    assert store_filter_of(filled) is StoreFilter.METADATA
    expected = {found.id for found in CHUNKS if matches(found.metadata, where)}
    found = DenseRetriever(store=filled).invoke("озеро номер", k=len(CHUNKS), filter=where)
    assert {hit.id for hit in found} == expected
    first = DenseRetriever(store=filled).invoke("озеро номер", k=1, filter=where)
    assert [hit.id for hit in first] == [hit.id for hit in found[:1]]


async def test_it_is_a_leg_of_the_hybrid_retriever(filled: VectorStore) -> None:
    hybrid = HybridRetriever(
        retrievers=[BM25Retriever.from_documents(CHUNKS), DenseRetriever(store=filled)], filter={"topic": "география"}
    )
    for hits in (hybrid.invoke("река Шеннон", k=3), await hybrid.ainvoke("река Шеннон", k=3)):
        assert chunk_id_of(hits[0]) == "шеннон_0"
        assert hits[0].metadata["ranks"] == {"bm25": 1, "dense": 1, "hybrid": 1}
        assert all(hit.metadata["topic"] == "география" for hit in hits)


@pytest.fixture
def records(tmp_path: Path) -> Iterator[SQLiteRecordManager]:
    manager = SQLiteRecordManager(tmp_path / "records.sqlite")
    manager.create_schema()
    yield manager
    manager.close()


def test_it_is_kept_up_to_date_by_its_documents(store: VectorStore, records: SQLiteRecordManager) -> None:
    def update(chunks: list[Document]) -> tuple[int, int, int]:
        done = index(chunks, records, store, cleanup="incremental", source_id_key="doc_id", key_encoder="sha256")
        return done["num_added"], done["num_skipped"], done["num_deleted"]

    assert update(CHUNKS) == (62, 0, 0)
    assert update(CHUNKS) == (0, 62, 0)
    changed = [chunk("пушкин", 0, "Пушкин родился в Москве."), CHUNKS[-1]]
    assert update(changed) == (1, 1, 1)
    found = DenseRetriever(store=store, k=1).invoke("Пушкин родился в Москве")
    assert [hit.page_content for hit in found] == ["Пушкин родился в Москве."]
    assert "жил" not in " ".join(hit.page_content for hit in DenseRetriever(store=store, k=99).invoke("Пушкин жил"))
