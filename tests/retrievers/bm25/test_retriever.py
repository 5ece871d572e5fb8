from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Any, overload

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.analysis import Analyzer, TermForm
from retrievers.bm25 import BM25Index, BM25Retriever, BM25Segment
from retrievers.documents import search_text
from retrievers.errors import InputError
from retrievers.segment_order import SegmentOrder, SegmentRows


def chunk(doc_id: str, text: str, **metadata: Any) -> Document:
    return Document(
        id=f"{doc_id}_0", page_content=text, metadata={"doc_id": doc_id, "chunk_id": f"{doc_id}_0", **metadata}
    )


CHUNKS = [
    chunk("baikal", "Наибольшая глубина озера — 1642 метра.", title="Байкал", topic="озёра"),
    chunk("ladoga", "Озеро на северо-западе России, глубина 230 метров.", title="Ладожское озеро", topic="озёра"),
    chunk("volga", "Река впадает в Каспийское море.", title="Волга", topic="реки"),
    chunk("ob", "Река впадает в Карское море.", title="Обь", topic="реки"),
    chunk("moscow", "Столица России.", title="Москва", topic="города"),
]
LAKES = {"topic": "озёра"}


class TestBM25Standard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return BM25Retriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        built = BM25Retriever.from_documents(CHUNKS)
        return {"index": built.index, "chunks": CHUNKS}

    @property
    def retriever_query_example(self) -> str:
        return "Глубина озера, река и море"


class CountingChunks(Sequence[Document]):
    """A chunk store that remembers which rows were read."""

    def __init__(self, documents: Sequence[Document]) -> None:
        self.documents = documents
        self.read: list[int] = []

    def __len__(self) -> int:
        return len(self.documents)

    @overload
    def __getitem__(self, row: int) -> Document: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Document]: ...
    def __getitem__(self, row: int | slice) -> Document | Sequence[Document]:
        assert isinstance(row, int)
        self.read.append(row)
        return self.documents[row]


@pytest.fixture
def retriever() -> BM25Retriever:
    return BM25Retriever.from_documents(CHUNKS)


def doc_ids(documents: Sequence[Document]) -> list[str]:
    return [document.metadata["doc_id"] for document in documents]


def test_finds_by_title_and_other_word_forms(retriever: BM25Retriever) -> None:
    assert doc_ids(retriever.invoke("Как глубок Байкал, какова его глубина?")) == ["baikal", "ladoga"]
    assert doc_ids(retriever.invoke("в какое море впадает Обь"))[:2] == ["ob", "volga"]


def test_hits_carry_scores_and_ranks_on_copies(retriever: BM25Retriever) -> None:
    first, second = retriever.invoke("глубина озера", k=2)
    assert first.metadata["ranks"] == {"bm25": 1}
    assert second.metadata["ranks"] == {"bm25": 2}
    assert first.metadata["scores"]["bm25"] > second.metadata["scores"]["bm25"] > 0
    assert all("scores" not in document.metadata for document in CHUNKS)
    assert first.id == "ladoga_0"
    assert first.page_content == CHUNKS[1].page_content


def test_component_names_the_score() -> None:
    built = BM25Retriever.from_documents(CHUNKS)
    named = BM25Retriever(index=built.index, chunks=CHUNKS, component="titles")
    assert named.invoke("Волга")[0].metadata["ranks"] == {"titles": 1}


@pytest.mark.parametrize("question", ["", "   ", "🦊", "xyz", "?!"])
def test_questions_without_known_words_find_nothing(retriever: BM25Retriever, question: str) -> None:
    assert retriever.invoke(question) == []


def test_a_huge_question_is_answered(retriever: BM25Retriever) -> None:
    assert doc_ids(retriever.invoke("глубина Байкала " * 6000, k=1)) == ["baikal"]


def test_an_empty_store_finds_nothing() -> None:
    assert BM25Retriever.from_documents([]).invoke("река") == []


def test_only_returned_chunks_are_read() -> None:
    store = CountingChunks(CHUNKS)
    built = BM25Retriever.from_documents(CHUNKS)
    found = BM25Retriever(index=built.index, chunks=store, k=2).invoke("река впадает в море, глубина озера")
    assert len(found) == len(store.read) == 2


def test_a_filter_reads_no_more_than_it_must() -> None:
    chunks = [chunk(f"d{row}", "река", topic="озёра" if row % 10 == 9 else "реки") for row in range(1000)]
    store = CountingChunks(chunks)
    found = BM25Retriever(index=BM25Retriever.from_documents(chunks).index, chunks=store, k=2).invoke(
        "река", filter=LAKES
    )
    assert doc_ids(found) == ["d9", "d19"]
    assert [document.metadata["ranks"]["bm25"] for document in found] == [1, 2]
    assert max(store.read) == 19


def test_a_filter_over_segments_with_deleted_rows() -> None:
    analyzer = Analyzer()
    deleted = chunk("old", "Озеро на северо-западе России.", topic="озёра")
    parts = [[deleted, CHUNKS[2], CHUNKS[3]], [CHUNKS[4], CHUNKS[0], CHUNKS[1]]]
    segments = [BM25Segment.build(analyzer(search_text(document)) for document in part) for part in parts]
    one = np.ones(3, np.int64)
    order = SegmentOrder(
        [
            SegmentRows(np.array([1, 2, 3]), one, np.array([True, False, False])),
            SegmentRows(np.array([4, 0, 1]), one),
        ]
    )
    cut = BM25Retriever(index=BM25Index(segments, order=order), chunks=CHUNKS)
    whole = BM25Retriever.from_documents(CHUNKS)
    for question in ("Россия", "глубина озера", "река впадает в море", "Москва, столица"):
        for where in (None, LAKES, {"topic": {"$ne": "озёра"}}):
            assert cut.invoke(question, filter=where) == whole.invoke(question, filter=where)
    assert doc_ids(cut.invoke("Россия", filter=LAKES)) == ["ladoga"]


def test_weighted_terms_with_and_without_a_filter(retriever: BM25Retriever) -> None:
    weights = {"река": 1.0, "озеро": 2.0, "карский": 0.5}
    everything = retriever.search_weighted(weights, 10)
    assert doc_ids(everything) == ["ladoga", "baikal", "ob", "volga"]
    lakes = retriever.search_weighted(weights, 1, LAKES)
    assert [hit.metadata["scores"] for hit in lakes] == [hit.metadata["scores"] for hit in everything[:1]]
    assert doc_ids(retriever.search_weighted(weights, 10, {"topic": "реки"})) == ["ob", "volga"]


def test_filters_of_call_and_retriever() -> None:
    built = BM25Retriever.from_documents(CHUNKS)
    filtered = BM25Retriever(index=built.index, chunks=CHUNKS, filter=LAKES)
    assert doc_ids(filtered.invoke("Россия")) == ["ladoga"]
    assert doc_ids(filtered.invoke("Россия", filter={"topic": "города"})) == ["moscow"]
    assert filtered.invoke("море") == []


def test_malformed_filters_and_counts_are_refused(retriever: BM25Retriever) -> None:
    with pytest.raises(InputError, match="unknown filter operator"):
        retriever.invoke("река", filter={"topic": {"$near": "реки"}})
    with pytest.raises(InputError, match="k of at least 1"):
        retriever.invoke("река", k=0)
    with pytest.raises(ValidationError):
        BM25Retriever(index=retriever.index, chunks=CHUNKS, filter={})
    with pytest.raises(ValidationError):
        BM25Retriever(index=retriever.index, chunks=CHUNKS, k=0)


def test_misspelt_options_are_refused(retriever: BM25Retriever) -> None:
    with pytest.raises(TypeError):
        retriever.invoke("река", top_k=3)
    with pytest.raises(ValidationError):
        BM25Retriever(index=retriever.index, chunks=CHUNKS, top_k=3)


def test_an_index_of_other_chunks_is_refused(retriever: BM25Retriever) -> None:
    with pytest.raises(ValidationError, match="4 chunks, got one of 5 rows"):
        BM25Retriever(index=retriever.index, chunks=CHUNKS[:4])


def test_another_analyzer() -> None:
    words = BM25Retriever.from_documents(CHUNKS, analyzer=Analyzer(form=TermForm.WORD))
    assert words.invoke("глубине") == []
    assert len(words.invoke("глубина")) == 2


async def test_ainvoke_takes_k_and_filter(retriever: BM25Retriever) -> None:
    assert len(await retriever.ainvoke("река, море, озеро", k=2)) == 2
    assert doc_ids(await retriever.ainvoke("Россия", filter=LAKES)) == ["ladoga"]


async def test_ainvoke_does_not_block_the_loop() -> None:
    threads: list[threading.Thread] = []

    def analyzer(text: str) -> list[str]:
        threads.append(threading.current_thread())
        return text.split()

    retriever = BM25Retriever.from_documents(CHUNKS, analyzer=analyzer)
    threads.clear()
    await asyncio.gather(*(retriever.ainvoke("река") for _ in range(3)))
    assert len(threads) == 3
    assert threading.current_thread() not in threads
