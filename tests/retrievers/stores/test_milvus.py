"""What Milvus has that the other stores have not, on Milvus Lite: the same client and schema as a server's."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import ValidationError

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Options, BM25Retriever
from retrievers.engine import EngineBM25Retriever, EngineHybridRetriever
from retrievers.errors import InputError, MissingExtraError, StoreUnavailableError
from retrievers.filters import matches
from retrievers.hybrid import FusionMethod, HybridRetriever
from retrievers.stores import Batch, ChunkStore, SegmentedVectors, StoreURL, check_store, open_chunk_store
from retrievers.stores.milvus.ranking import EngineRanker
from retrievers.stores.milvus.terms import ESCAPE, encode_terms
from tests.chroma_server import free_port
from tests.retrievers.stores.samples import DIMENSION, ENCODER, Shelf, batch, chunk, opened

pytest.importorskip("pymilvus", reason="pymilvus of the extra scale is not installed")
pytest.importorskip("milvus_lite", reason="milvus-lite of the extra scale is not installed")

OLD, NEW = "000001-aaaaaaaa", "000002-bbbbbbbb"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, demo_chunks: list[Document]) -> Iterator[SegmentedVectors]:
    """The demo corpus in two segments; one document of the first is deleted."""
    with opened("milvus-lite", tmp_path_factory.mktemp("milvus"), None) as store:
        shelf, half = Shelf(), len(demo_chunks) // 2
        store.write(OLD, [batch(shelf.put(demo_chunks[:half]))])
        store.write(NEW, [batch(shelf.put(demo_chunks[half:]))])
        yield store.reader({OLD: [deleted(demo_chunks)], NEW: []}, ENCODER, shelf)


def deleted(chunks: list[Document]) -> str:
    return str(chunks[0].metadata["doc_id"])


def questions(rows: list[dict[str, Any]]) -> list[str]:
    return [str(row["question"]) for row in rows[:6]]


def test_bm25_in_the_engine_finds_what_ours_finds(
    demo: SegmentedVectors, demo_chunks: list[Document], demo_questions: list[dict[str, Any]]
) -> None:
    """Differential: over one segment the engine counts as we do, so its best are ours."""
    ours = BM25Retriever.from_documents(demo_chunks)
    engine = EngineBM25Retriever(store=demo, analyzer=Analyzer())
    same, asked = 0, questions(demo_questions)
    for question in asked:
        found = engine.invoke(question, k=5)
        scores = [hit.metadata["scores"]["bm25"] for hit in found]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) > 0
        assert [hit.metadata["ranks"]["bm25"] for hit in found] == [1, 2, 3, 4, 5]
        assert deleted(demo_chunks) not in {hit.metadata["doc_id"] for hit in found}
        kept = [hit for hit in ours.invoke(question, k=50) if hit.metadata["doc_id"] != deleted(demo_chunks)]
        same += len({hit.id for hit in found} & {hit.id for hit in kept[:5]})
    assert same >= 0.8 * 5 * len(asked)  # two segments' counts are not those of the whole
    assert engine.invoke("— абракадабра") == []


@pytest.mark.parametrize("method", list(FusionMethod), ids=str)
async def test_hybrid_in_the_engine(
    demo: SegmentedVectors, demo_chunks: list[Document], demo_questions: list[dict[str, Any]], method: FusionMethod
) -> None:
    engine = EngineHybridRetriever(store=demo, analyzer=Analyzer(), ranker=EngineRanker(method=method), k=5)
    for question in questions(demo_questions):
        found = engine.invoke(question)
        assert len({hit.id for hit in found}) == 5
        scores = [hit.metadata["scores"]["hybrid"] for hit in found]
        assert scores == sorted(scores, reverse=True)
        assert min(scores) > 0
        assert deleted(demo_chunks) not in {hit.metadata["doc_id"] for hit in found}
    assert await engine.ainvoke(question) == found
    assert engine.invoke("— !") == []
    assert engine.invoke("— !", filter={"topic": "нет"}) == []


def test_rank_fusion_in_the_engine_is_that_of_its_own_legs(demo: SegmentedVectors) -> None:
    question = "Какова наибольшая глубина озера?"
    bm25 = EngineBM25Retriever(store=demo, analyzer=Analyzer())
    vectors = demo.as_retriever(search_kwargs={"k": 100})
    fused = HybridRetriever(retrievers=[bm25, vectors], k=20).invoke(question)
    found = EngineHybridRetriever(store=demo, analyzer=Analyzer()).invoke(question, k=20)
    scores = {hit.id: hit.metadata["scores"]["hybrid"] for hit in fused}
    ours = sorted(scores.values(), reverse=True)
    assert [hit.metadata["scores"]["hybrid"] for hit in found] == pytest.approx(ours, rel=0.05)  # ties differ
    assert len({hit.id for hit in found} & scores.keys()) >= 15


@pytest.mark.parametrize("kind", ["bm25", "hybrid"])
def test_filters_and_the_deleted(tmp_path: Path, kind: str) -> None:
    chunks = [
        *(chunk("старый", number, "Глубина озера.", topic="спорт") for number in range(30)),
        chunk("a", 0, "Глубина озера велика.", topic="наука", year=1996),
        chunk("b", 0, "Глубина озера мала, а глубина реки нет.", topic="спорт"),
    ]
    with opened("milvus-lite", tmp_path, None) as store:
        shelf = Shelf()
        store.write(OLD, [batch(shelf.put(chunks))])
        reader = store.reader({OLD: ["старый"]}, ENCODER, shelf)
        made = EngineBM25Retriever if kind == "bm25" else EngineHybridRetriever
        retriever = made(store=reader, analyzer=Analyzer())
        for where in ({"topic": "наука"}, {"topic": {"$ne": "наука"}}, {"year": {"$gt": 1995.5}}, {"year": {"$ne": 3}}):
            expected = {found.id for found in chunks[30:] if matches(found.metadata, where)}
            assert {hit.id for hit in retriever.invoke("глубина озера", k=2, filter=where)} == expected
        assert len(retriever.invoke("глубина озера", k=1, filter={"topic": {"$ne": "наука"}})) == 1
        with pytest.raises(InputError, match="one field"):
            retriever.invoke("глубина", filter={})


def test_many_deleted_documents_are_left_out_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrievers.stores.milvus.vectors._FEW_DELETED", 3)
    chunks = [chunk(f"d{number}", 0, "Глубина озера.") for number in range(20)]
    with opened("milvus-lite", tmp_path, None) as store:
        shelf = Shelf()
        store.write(OLD, [batch(shelf.put(chunks))])
        reader = store.reader({OLD: [f"d{number}" for number in range(19)]}, ENCODER, shelf)
        assert [found.id for found in reader.similarity_search("глубина", k=1)] == ["d19_0"]
        assert [hit.id for hit in EngineBM25Retriever(store=reader, analyzer=Analyzer()).invoke("глубина", k=2)] == [
            "d19_0"
        ]


class TestStandardSuite(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _store(self, demo: SegmentedVectors) -> None:
        self.store = demo

    @property
    def retriever_constructor(self) -> type[EngineHybridRetriever]:
        return EngineHybridRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"store": self.store, "analyzer": Analyzer()}

    @property
    def retriever_query_example(self) -> str:
        return "Какова глубина Байкала?"


class TestStandardSuiteOfBM25(TestStandardSuite):
    @property
    def retriever_constructor(self) -> type[EngineBM25Retriever]:  # type: ignore[override]
        return EngineBM25Retriever


def test_other_stores_do_not_rank_by_terms(tmp_path: Path) -> None:
    with opened("chroma", tmp_path, None) as store:
        reader = store.reader({}, ENCODER, Shelf())
        with pytest.raises(ValidationError, match="ranks by terms"):
            EngineBM25Retriever(store=reader, analyzer=Analyzer())


def test_hybrid_needs_an_encoder(tmp_path: Path) -> None:
    with opened("milvus-lite", tmp_path, None) as store:
        store.write(OLD, [batch([chunk("a", 0, "текст")])])
        reader = store.reader({OLD: []}, None, Shelf())
        with pytest.raises(InputError, match="encoder"):
            EngineHybridRetriever(store=reader, analyzer=Analyzer()).invoke("текст")


@given(st.lists(st.one_of(st.text(min_size=1), st.from_regex("[0-9a-zа-яё]+", fullmatch=True)), max_size=8))
def test_terms_come_back_from_the_tokenizer_one_by_one(terms: list[str]) -> None:
    from milvus_lite.analyzer import create_analyzer

    pieces = create_analyzer({"tokenizer": "standard"}).tokenize(encode_terms(terms))
    assert pieces == [encode_terms([term]) for term in terms] or (not terms and pieces == [ESCAPE])
    assert len(set(pieces)) == len(set(terms) or {ESCAPE})
    assert all(piece.isalnum() for piece in pieces)  # a server cuts at whatever is not


def test_what_a_field_cannot_hold_is_refused(tmp_path: Path) -> None:
    with opened("milvus-lite", tmp_path, None) as store:
        vectors = np.ones((1, DIMENSION), np.float32)
        for found, terms, what in (
            (chunk("a", 0, "текст"), ["слово"] * 7_000, "index terms"),
            (chunk("a" * 66_000, 0, "текст"), [], "its id"),
            (chunk("a", 0, "текст", note="я" * 33_000), [], "metadata"),
        ):
            with pytest.raises(InputError, match=f"65535 bytes of .*{what}"):
                store.write(OLD, [Batch([found], vectors, [terms])])


def test_a_wrong_dimension_is_refused(tmp_path: Path) -> None:
    wrong = Batch([chunk("a", 0, "текст")], np.ones((1, 3), np.float32), [[]])
    with (
        opened("milvus-lite", tmp_path, None) as store,
        pytest.raises(StoreUnavailableError, match=r"milvus:.*refuses"),
    ):
        store.write(OLD, [wrong])


def test_large_segments_go_in_several_insertions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("retrievers.stores.milvus.rows.ROWS", 7)
    chunks = [chunk("d", number, f"текст {number}") for number in range(30)]
    with opened("milvus-lite", tmp_path, None) as store:
        store.write(OLD, [batch(chunks[:12]), batch(chunks[12:])])
        assert sorted(store.ids(OLD)) == sorted(str(found.id) for found in chunks)
        assert len(store.vectors(OLD, store.ids(OLD))) == 30


def test_the_scoring_of_bm25_is_that_of_the_index(tmp_path: Path) -> None:
    chunks = [chunk("long", 0, "озеро " + "и ещё много других слов о воде " * 5), chunk("short", 0, "озеро")]
    scores = []
    for number, b in enumerate((0.0, 1.0)):
        store = _store(tmp_path / f"{number}.db", bm25=BM25Options(b=b))
        shelf = Shelf()
        store.write(OLD, [batch(shelf.put(chunks))])
        hits = EngineBM25Retriever(store=store.reader({OLD: []}, None, shelf), analyzer=Analyzer()).invoke("озеро")
        scores.append({str(hit.id): hit.metadata["scores"]["bm25"] for hit in hits})
        store.close()
    assert scores[0]["long_0"] == pytest.approx(scores[0]["short_0"])
    assert scores[1]["long_0"] < scores[1]["short_0"]


def test_a_servers_index_parameters_are_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Milvus Lite knows the graph that servers search too."""
    from retrievers.stores.milvus.schema import dense_index

    server = dense_index(StoreURL.parse("milvus+http://host"))
    assert server["index_type"] == "HNSW"
    monkeypatch.setattr("retrievers.stores.milvus.store.dense_index", lambda url: server)
    with opened("milvus-lite", tmp_path, None) as store:
        shelf = Shelf()
        store.write(OLD, [batch(shelf.put([chunk("d", number, f"текст {number}") for number in range(20)]))])
        reader = store.reader({OLD: []}, ENCODER, shelf)
        assert [found.id for found in reader.similarity_search("текст 7", k=1)] == ["d_7"]


def test_a_collection_whose_making_was_cut_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pymilvus import MilvusClient

    def crash(*args: object, **options: object) -> None:
        raise KeyboardInterrupt

    with opened("milvus-lite", tmp_path, None) as store:
        with monkeypatch.context() as patch:
            patch.setattr(MilvusClient, "create_index", crash)
            with pytest.raises(KeyboardInterrupt):
                store.write(OLD, [batch([chunk("a", 0, "текст")])])
        store.write(OLD, [batch([chunk("a", 0, "текст")])])
        assert store.ids(OLD) == ["a_0"]


def test_a_file_that_another_process_has_open(tmp_path: Path) -> None:
    file = tmp_path / "x.db"
    script = (
        "import sys; from pymilvus import MilvusClient; c = MilvusClient(sys.argv[1]); print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline().strip() == "1"
        with pytest.raises(StoreUnavailableError, match="another process has it open"):
            check_store(f"milvus:{file}")
        other.communicate("\n")
    check_store(f"milvus:{file}")


def test_stores_that_do_not_open(tmp_path: Path) -> None:
    url = f"milvus+http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailableError, match=url.replace("+", r"\+")):
        check_store(url)
    (tmp_path / "file.db").write_text("нечто иное")
    with pytest.raises(StoreUnavailableError, match=r"file\.db does not open"):
        check_store(f"milvus:{tmp_path / 'file.db'}")


def test_without_the_packages_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for package in ("pymilvus", "milvus_lite"):
        with monkeypatch.context() as patch:
            patch.setitem(sys.modules, package, None)
            with pytest.raises(MissingExtraError, match=r"\.\[scale\]"):
                check_store(f"milvus:{tmp_path / 'x.db'}")


def _store(file: Path, bm25: BM25Options) -> ChunkStore:
    return open_chunk_store(f"milvus:{file}", index_id="abc", folder_of=Path, dimension=DIMENSION, bm25=bm25)
