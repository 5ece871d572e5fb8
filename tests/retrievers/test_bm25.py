from __future__ import annotations

import asyncio
import json
import math
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, overload

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.analysis import Analyzer, TermForm
from retrievers.bm25 import BM25Index, BM25Method, BM25Options, BM25Retriever
from retrievers.errors import InputError
from retrievers.lexical import best_rows, ranked_rows


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


# The index


def test_scores_by_hand() -> None:
    # Two documents hold «река», of 2 and 4 terms where the mean is 3; k1 = 1, b = .5.
    index = BM25Index.build([["река", "волга"], ["река", "река", "обь", "ямал"], ["озеро", "лёд", "лёд"]], _options())
    idf = math.log(1 + (3 - 2 + 0.5) / (2 + 0.5))
    first = 1 / (1 + 1 * (0.5 + 0.5 * 2 / 3))
    second = 2 / (2 + 1 * (0.5 + 0.5 * 4 / 3))
    np.testing.assert_allclose(index.scores(["река"]), [idf * first, idf * second, 0], rtol=1e-6)


def _options(method: BM25Method = BM25Method.LUCENE) -> BM25Options:
    return BM25Options(method=method, k1=1.0, b=0.5)


@pytest.mark.parametrize("method", list(BM25Method))
def test_every_method_ranks_by_frequency_and_leaves_out_the_rest(method: BM25Method) -> None:
    terms = [["мост"], ["озеро", "лёд"], ["озеро", "озеро"], ["лес"], ["поле"]]
    rows, scores = BM25Index.build(terms, _options(method)).top(["озеро"], 10)
    assert rows.tolist() == [2, 1]
    assert scores[0] > scores[1] > 0


def test_a_repeated_question_term_counts_twice() -> None:
    index = BM25Index.build([["река", "волга"], ["озеро"]])
    np.testing.assert_allclose(index.scores(["река", "река"]), 2 * index.scores(["река"]))


def test_unknown_and_no_terms_find_nothing() -> None:
    index = BM25Index.build([["река"], ["озеро"]])
    assert index.top(["море"], 5)[0].tolist() == []
    assert index.top([], 5)[0].tolist() == []


def test_more_than_there_is_may_be_asked_for() -> None:
    assert BM25Index.build([["река"], ["река"], ["озеро"]]).top(["река"], 100)[0].tolist() == [0, 1]


def test_equal_scores_keep_the_order_of_rows() -> None:
    index = BM25Index.build([["озеро"], *[["река"]] * 50])
    for k in (1, 7, 49, 50):
        assert index.top(["река"], k)[0].tolist() == list(range(1, k + 1))


@pytest.mark.parametrize("terms", [[], [[]], [[], []]])
@pytest.mark.parametrize("method", list(BM25Method))
def test_a_corpus_without_terms(terms: list[list[str]], method: BM25Method, tmp_path: Path) -> None:
    index = BM25Index.build(terms, _options(method))
    index.save(tmp_path)
    for opened in (index, BM25Index.load(tmp_path)):
        assert len(opened) == len(terms)
        assert opened.top(["река"], 3)[0].tolist() == []


def test_rows_without_terms_are_counted() -> None:
    assert BM25Index.build([[], ["река"], []]).top(["река"], 3)[0].tolist() == [1]


def test_any_iterable_is_indexed() -> None:
    index = BM25Index.build(iter(term for term in row) for row in (("река", "волга"), ("озеро",)))
    assert len(index) == 2
    assert index.document_frequency("волга") == 1


def test_idf_falls_with_frequency_and_is_positive() -> None:
    index = BM25Index.build([["река", "волга"], ["река"], ["река"]], _options(BM25Method.ROBERTSON))
    assert index.idf("море") > index.idf("волга") > index.idf("река") > 0
    assert index.idf("волга") == pytest.approx(math.log(1 + 2.5 / 1.5))
    assert index.document_frequency("море") == 0


@given(
    st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0, 2.0]), max_size=30),
    st.integers(1, 40),
)
def test_best_rows_is_the_stable_order_of_positive_scores(values: list[float], k: int) -> None:
    scores = np.array(values, dtype=np.float32)
    expected = [row for row in sorted(range(len(values)), key=lambda row: -values[row]) if values[row] > 0]
    assert best_rows(scores, k).tolist() == expected[:k]
    assert list(ranked_rows(scores, first=1 + k // 8)) == expected


# Saving


@pytest.mark.parametrize("method", list(BM25Method))
@pytest.mark.parametrize("mmap", [True, False])
def test_a_saved_index_scores_the_same(method: BM25Method, mmap: bool, tmp_path: Path) -> None:
    index = BM25Index.build([["ёж", "река"], ["река", "река"], ["поле"]], _options(method))
    index.save(tmp_path / "new" / "folder")
    opened = BM25Index.load(tmp_path / "new" / "folder", mmap=mmap)
    assert opened.options == index.options
    assert opened.vocabulary == index.vocabulary
    np.testing.assert_array_equal(opened.scores(["река", "ёж"]), index.scores(["река", "ёж"]))
    opened.save(tmp_path / "again")
    np.testing.assert_array_equal(BM25Index.load(tmp_path / "again").scores(["ёж"]), index.scores(["ёж"]))


def test_a_saved_index_opens_without_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    BM25Index.build([["река"], ["озеро"]]).save(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "bm25s", None)  # importing it now fails
    assert BM25Index.load(tmp_path).top(["озеро"], 1)[0].tolist() == [1]


@pytest.mark.parametrize(
    "name", ["data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy", "vocab.index.json"]
)
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_damaged_index_is_refused(name: str, damage: str, tmp_path: Path) -> None:
    BM25Index.build([["река"], ["озеро", "лёд"]]).save(tmp_path)
    path = tmp_path / name
    match damage:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[:20])
        case _ if name.endswith("json"):
            path.write_text('{"другое": 0}')
        case _:
            np.save(path, np.zeros(1))
    with pytest.raises(InputError):
        BM25Index.load(tmp_path)


def test_foreign_parameters_are_refused(tmp_path: Path) -> None:
    BM25Index.build([["река"]]).save(tmp_path)
    path = tmp_path / "params.index.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "b": 7}))
    with pytest.raises(InputError, match="params"):
        BM25Index.load(tmp_path)


@pytest.mark.parametrize("options", [{"k1": -1}, {"b": 1.1}, {"method": "okapi"}, {"K1": 1}])
def test_options_out_of_range_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BM25Options(**options)


# The retriever


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
