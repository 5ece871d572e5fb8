from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    BaseCallbackHandler,
    CallbackManagerForRetrieverRun,
)
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests
from pydantic import Field, ValidationError

from retrievers.documents import with_score
from retrievers.errors import InputError
from retrievers.fusion import Normalization
from retrievers.hybrid import FusionMethod, HybridRetriever


def chunk(name: str, **metadata: Any) -> Document:
    return Document(id=name, page_content="одинаковый текст", metadata={"chunk_id": name, **metadata})


class Ranking(BaseRetriever):
    """Returns a fixed ranking with scores, as the retrievers of the package do."""

    ranking: list[tuple[str, float]]
    component: str
    k: int = 10
    asked: list[dict[str, Any]] = Field(default_factory=list)

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: dict[str, Any] | None = None,
    ) -> list[Document]:
        self.asked.append({"query": query, "k": k, "filter": filter})
        return [
            with_score(chunk(name, found_by=self.component, parity=len(name) % 2), self.component, score, rank)
            for rank, (name, score) in enumerate(self.ranking[: k or self.k], start=1)
        ]

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: dict[str, Any] | None = None,
    ) -> list[Document]:
        return self._get_relevant_documents(query, run_manager=run_manager.get_sync(), k=k, filter=filter)


class Foreign(BaseRetriever):
    """A LangChain retriever that knows neither scores, k nor filters."""

    names: list[str]

    def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
        return [chunk(name, parity=len(name) % 2) for name in self.names]


@pytest.fixture
def lexical() -> Ranking:
    return Ranking(ranking=[("а", 9.0), ("б", 6.0), ("в", 3.0)], component="bm25", asked=[])


@pytest.fixture
def dense() -> Ranking:
    return Ranking(ranking=[("б", 0.8), ("г", 0.7), ("а", 0.2)], component="dense", asked=[])


class TestHybridStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return HybridRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {
            "retrievers": [
                Ranking(ranking=[("а", 9.0), ("б", 6.0), ("в", 3.0)], component="bm25"),
                Ranking(ranking=[("б", 0.8), ("г", 0.7)], component="dense"),
            ]
        }

    @property
    def retriever_query_example(self) -> str:
        return "вопрос"


def names(documents: list[Document]) -> list[str]:
    return [str(document.id) for document in documents]


def test_fuses_by_chunk_id_and_keeps_every_score_and_rank(lexical: Ranking, dense: Ranking) -> None:
    found = HybridRetriever(retrievers=[lexical, dense]).invoke("вопрос")
    assert names(found) == ["б", "а", "г", "в"]  # chunks of one text stay apart
    best = found[0].metadata
    assert best["scores"] == {"bm25": 6.0, "dense": 0.8, "hybrid": pytest.approx(1 / 62 + 1 / 61)}
    assert best["ranks"] == {"bm25": 2, "dense": 1, "hybrid": 1}
    assert found[3].metadata["ranks"] == {"bm25": 3, "hybrid": 4}
    assert best["found_by"] == "bm25"  # the first child's copy of the metadata


def test_fusion_by_score(lexical: Ranking, dense: Ranking) -> None:
    found = HybridRetriever(retrievers=[lexical, dense], weights=[1.0, 0.5], method=FusionMethod.WEIGHTED).invoke("?")
    scores = {str(document.id): document.metadata["scores"]["hybrid"] for document in found}
    assert scores == pytest.approx({"а": 1.0, "б": 0.5 + 0.5, "г": 0.5 * 0.5 / 0.6, "в": 0.0})
    stretched = HybridRetriever(retrievers=[lexical], method="weighted", normalization=Normalization.MAX).invoke("?")
    assert stretched[2].metadata["scores"]["hybrid"] == pytest.approx(1 / 3)


def test_weights_decide(lexical: Ranking, dense: Ranking) -> None:
    assert names(HybridRetriever(retrievers=[lexical, dense], weights=[10, 1]).invoke("?", k=1)) == ["а"]
    assert names(HybridRetriever(retrievers=[lexical, dense], weights=[1, 10]).invoke("?", k=1)) == ["б"]


def test_a_child_of_weight_zero_is_not_asked(lexical: Ranking, dense: Ranking) -> None:
    assert names(HybridRetriever(retrievers=[lexical, dense], weights=[0, 1]).invoke("?")) == ["б", "г", "а"]
    assert lexical.asked == []


def test_depths_and_filter_reach_the_children(lexical: Ranking, dense: Ranking) -> None:
    hybrid = HybridRetriever(retrievers=[lexical, dense], depths=[1, 2], filter={"parity": 1})
    assert names(hybrid.invoke("?", k=1)) == ["а"]
    assert lexical.asked == [{"query": "?", "k": 1, "filter": {"parity": 1}}]
    assert dense.asked == [{"query": "?", "k": 2, "filter": {"parity": 1}}]
    hybrid.invoke("?", k=3, filter={"parity": 0})
    assert lexical.asked[1] == {"query": "?", "k": 3, "filter": {"parity": 0}}  # never less than asked for


def test_a_duplicate_of_one_child_counts_once(dense: Ranking) -> None:
    doubled = Ranking(ranking=[("а", 9.0), ("а", 8.0), ("в", 3.0)], component="bm25")
    found = {str(hit.id): hit.metadata for hit in HybridRetriever(retrievers=[doubled, dense]).invoke("?")}
    assert found["а"]["ranks"]["bm25"] == 1
    assert found["а"]["scores"]["bm25"] == 9.0
    assert found["в"]["ranks"]["bm25"] == 2
    assert found["в"]["scores"]["hybrid"] == pytest.approx(1 / 62)


def test_foreign_retrievers_are_cut_and_filtered_here(lexical: Ranking) -> None:
    foreign = Foreign(names=["дд", "е", "жжж", "и"])
    hybrid = HybridRetriever(retrievers=[lexical, foreign], depths=[10, 2])
    found = hybrid.invoke("?", k=2, filter={"parity": 1})
    assert names(found) == ["а", "е"]
    assert found[1].metadata["ranks"] == {"Foreign": 1, "hybrid": 2}
    with pytest.raises(InputError, match="'Foreign' gave none"):
        HybridRetriever(retrievers=[lexical, foreign], method="weighted").invoke("?")


def test_hybrids_nest(lexical: Ranking, dense: Ranking) -> None:
    inner = HybridRetriever(retrievers=[lexical], component="inner")
    found = HybridRetriever(retrievers=[inner, dense]).invoke("?", k=1)[0]
    assert set(found.metadata["scores"]) == {"bm25", "inner", "dense", "hybrid"}


def test_no_hits_at_all() -> None:
    assert HybridRetriever(retrievers=[Ranking(ranking=[], component="bm25")], method="weighted").invoke("?") == []


@pytest.mark.parametrize(
    "options",
    [
        {"weights": [1.0]},
        {"weights": [0.0, 0.0]},
        {"depths": [1]},
        {"depths": [0, 1]},
        {"component": "bm25"},
        {"k": 0},
        {"method": "borda"},
        {"filter": {"a": {"$near": 1}}},
        {"top_k": 3},
    ],
)
def test_options_that_do_not_fit_are_refused(lexical: Ranking, dense: Ranking, options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        HybridRetriever(retrievers=[lexical, dense], **options)


def test_children_of_one_name_are_refused(lexical: Ranking) -> None:
    with pytest.raises(ValidationError, match="different components"):
        HybridRetriever(retrievers=[lexical, lexical.model_copy()])


class Runs(BaseCallbackHandler):
    """Remembers which retriever ran below which."""

    def __init__(self) -> None:
        self.parents: dict[str, str | None] = {}
        self.names: dict[Any, str] = {}

    def on_retriever_start(self, serialized: Any, query: str, *, run_id: Any, parent_run_id: Any, **kwargs: Any) -> Any:
        self.names[run_id] = f"{kwargs['name']} {' '.join(kwargs.get('tags') or [])}".strip()
        self.parents[self.names[run_id]] = self.names.get(parent_run_id)


async def test_children_report_to_the_callbacks(lexical: Ranking, dense: Ranking) -> None:
    hybrid = HybridRetriever(retrievers=[lexical, dense])
    expected = {"HybridRetriever": None, "Ranking bm25": "HybridRetriever", "Ranking dense": "HybridRetriever"}
    runs = Runs()
    hybrid.invoke("?", {"callbacks": [runs]})
    assert runs.parents == expected
    runs = Runs()
    await hybrid.ainvoke("?", {"callbacks": [runs]})
    assert runs.parents == expected


async def test_children_run_at_once_in_async() -> None:
    together = asyncio.Barrier(2)  # opened only when both children are inside

    class Waiting(Ranking):
        async def _aget_relevant_documents(self, query: str, **options: Any) -> list[Document]:
            async with asyncio.timeout(5):
                await together.wait()
            return [with_score(chunk(self.component), self.component, 1.0, 1)]

    children = [Waiting(ranking=[], component=name) for name in ("bm25", "dense")]
    assert names(await HybridRetriever(retrievers=children).ainvoke("?", k=2)) == ["bm25", "dense"]


async def test_async_finds_the_same(lexical: Ranking, dense: Ranking) -> None:
    hybrid = HybridRetriever(retrievers=[lexical, dense], method="weighted")
    assert await hybrid.ainvoke("?", k=2) == hybrid.invoke("?", k=2)
    assert len(await hybrid.ainvoke("?", k=2)) == 2
    assert names(await hybrid.ainvoke("?", filter={"parity": 1})) == names(hybrid.invoke("?"))


def test_errors_of_children_are_not_swallowed(lexical: Ranking) -> None:
    class Broken(Foreign):
        def _get_relevant_documents(self, query: str, *, run_manager: CallbackManagerForRetrieverRun) -> list[Document]:
            raise InputError("нет связи")

    with pytest.raises(InputError, match="нет связи"):
        HybridRetriever(retrievers=[lexical, Broken(names=[])]).invoke("?")
