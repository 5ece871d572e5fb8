from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rag.components import build_retriever
from rag.engine_ranking import engine_ranker
from rag.index import Index, build_index, open_index
from rag.profile import HybridOptions, Ranking, RetrievalOptions, RetrieverKind, load_profile
from retrievers.engine import EngineBM25Retriever, EngineHybridRetriever
from retrievers.errors import InputError
from retrievers.hybrid import FusionMethod
from tests.rag.index.samples import SOURCES, HashEmbeddings, found_ids


@pytest.fixture(scope="module", params=["milvus", "chroma"])
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp(request.param)
    store = None
    if request.param == "milvus":
        pytest.importorskip("pymilvus", reason="pymilvus of the extra scale is not installed")
        pytest.importorskip("milvus_lite", reason="milvus-lite of the extra scale is not installed")
        store = f"milvus:{folder / 'vectors.db'}"
    build_index(SOURCES, folder / "index", store=store, embeddings=HashEmbeddings())
    with open_index(folder / "index", embeddings=HashEmbeddings()) as opened:
        yield opened


def options(**values: Any) -> RetrievalOptions:
    return RetrievalOptions(ranking=Ranking.ENGINE, k=2, **values)


@pytest.mark.parametrize("index", ["milvus"], indirect=True)
def test_every_retriever_that_an_engine_has(index: Index) -> None:
    question = "Какова глубина озера?"
    bm25 = build_retriever(index, options(retriever=RetrieverKind.BM25))
    assert isinstance(bm25, EngineBM25Retriever)
    hybrid = build_retriever(index, options())
    assert isinstance(hybrid, EngineHybridRetriever)
    assert hybrid.depth == 100
    for retriever in (
        bm25,
        hybrid,
        build_retriever(index, options(retriever=RetrieverKind.DENSE)),
        build_retriever(index, options(retriever=RetrieverKind.COVERAGE)),
        build_retriever(index, options(expansion={"kind": "entities"})),
    ):
        assert found_ids(retriever.invoke(question))[0] == "baikal_0"
        assert found_ids(retriever.invoke("Москва 1799", filter={"topic": "литература"})) == ["пушкин_0"]
    with pytest.raises(InputError, match="works on one leg"):
        build_retriever(index, options(expansion={"kind": "feedback"}))
    with pytest.raises(InputError, match="no engine ranks by tfidf"):
        build_retriever(index, options(retriever=RetrieverKind.TFIDF))


@pytest.mark.parametrize("index", ["chroma"], indirect=True)
def test_a_store_that_ranks_by_vectors_alone(index: Index) -> None:
    with pytest.raises(InputError, match=r"store of this index \(chroma\).*copy FROM TO"):
        build_retriever(index, options())


def test_the_fusion_of_a_profile_in_the_engine() -> None:
    assert engine_ranker(HybridOptions()).model_dump() == {
        "method": FusionMethod.WEIGHTED,
        "bm25": 1.0,
        "dense": 0.3,
        "rank_constant": 60,
    }
    ranker = engine_ranker(HybridOptions(weights={"bm25": 1.0, "dense": 4.0}, rank_constant=0))
    assert (ranker.bm25, ranker.dense, ranker.rank_constant) == (0.25, 1.0, 1)
    with pytest.raises(InputError, match="leg tfidf"):
        engine_ranker(HybridOptions(weights={"tfidf": 1.0, "dense": 1.0}))


def test_it_is_an_option_of_profiles(tmp_path: Path) -> None:
    assert load_profile().retrieval.ranking is Ranking.INDEX
    assert load_profile(overrides={"retrieval": {"ranking": "engine"}}).retrieval.ranking is Ranking.ENGINE
