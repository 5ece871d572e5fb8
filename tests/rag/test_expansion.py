"""Query expansion by profile: what stands around which part of the retriever."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from generators.options import GeneratorOptions
from rag.chain import build_chain
from rag.components import build_query_writer, build_retriever
from rag.index import Index, build_index, open_index
from rag.profile import RetrievalOptions, load_profile
from retrievers.errors import InputError
from retrievers.expansion import (
    EntityBiasedRetriever,
    FeedbackRetriever,
    HydeRetriever,
    MultiQueryRetriever,
    Query2DocRetriever,
    SynonymRetriever,
)
from retrievers.expansion.options import ExpansionKind, ExpansionOptions

TEXTS = {
    "сша": "Первый президент Соединённых Штатов Америки принёс присягу в Нью-Йорке.",
    "франция": "Первый президент Третьей республики во Франции был избран в 1871 году.",
    "солярис": "Фильм «Солярис» снял режиссёр Андрей Тарковский.",
}


class Writer:
    """Writes the same for every question."""

    def rewrites(self, question: str, n: int, config: Any = None) -> list[str]:
        return ["Кто режиссёр картины «Солярис»?"]

    async def arewrites(self, question: str, n: int, config: Any = None) -> list[str]:
        return self.rewrites(question, n)

    def passage(self, question: str, config: Any = None) -> str:
        return "Картину поставил Андрей Тарковский."

    async def apassage(self, question: str, config: Any = None) -> str:
        return self.passage(question)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Index]:
    folder = tmp_path_factory.mktemp("expansion")
    pages = folder / "pages.jsonl"
    rows = [json.dumps({"doc_id": name, "title": name, "text": text}) for name, text in TEXTS.items()]
    pages.write_text("\n".join(rows), encoding="utf-8")
    build_index([pages], folder / "index", load_profile("offline").index)
    with open_index(folder / "index") as opened:
        yield opened


def options(kind: str, retriever: str = "hybrid", **expansion: Any) -> RetrievalOptions:
    return RetrievalOptions.model_validate({"retriever": retriever, "expansion": {"kind": kind, **expansion}})


def test_nothing_is_expanded_unless_asked_for(index: Index) -> None:
    assert load_profile("offline").retrieval.expansion.kind is ExpansionKind.NONE
    plain = build_retriever(index, RetrievalOptions())
    assert [type(leg).__name__ for leg in plain.retrievers] == ["BM25Retriever", "DenseRetriever"]


@pytest.mark.parametrize(
    ("kind", "leg", "expected"),
    [
        ("feedback", 0, FeedbackRetriever),
        ("synonyms", 0, SynonymRetriever),
        ("query2doc", 0, Query2DocRetriever),
        ("hyde", 1, HydeRetriever),
    ],
)
def test_methods_that_stand_around_a_leg(kind: str, leg: int, expected: type, index: Index) -> None:
    hybrid = build_retriever(index, options(kind), Writer())
    assert isinstance(hybrid.retrievers[leg], expected)
    assert type(hybrid.retrievers[1 - leg]).__name__ == ("DenseRetriever" if leg == 0 else "BM25Retriever")
    found = hybrid.invoke("Кто снял фильм «Солярис»?", k=1)[0]
    assert found.metadata["doc_id"] == "солярис"
    assert found.metadata["scores"].keys() == {"bm25", "dense", "hybrid"}  # as without expansion


@pytest.mark.parametrize(
    ("kind", "expected"), [("entities", EntityBiasedRetriever), ("multi-query", MultiQueryRetriever)]
)
@pytest.mark.parametrize("retriever", ["bm25", "tfidf", "dense", "hybrid", "coverage"])
def test_methods_that_stand_around_the_whole(kind: str, expected: type, retriever: str, index: Index) -> None:
    built = build_retriever(index, options(kind, retriever), Writer())
    whole = built.retriever if retriever == "coverage" else built
    assert isinstance(whole, expected)
    assert built.invoke("Кто снял фильм «Солярис»?", k=1)[0].metadata["doc_id"] == "солярис"


def test_options_reach_the_retrievers(index: Index, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[group]]\nnames = ["глава", "президент"]\n', encoding="utf-8")
    leg = build_retriever(index, options("synonyms", "bm25", synonyms=str(own), synonym_weight=0.25))
    assert [(one.text, one.weight) for one in leg.expand("Кто был главой?").added] == [("президент", 0.25)]
    wide = build_retriever(index, options("feedback", "bm25", feedback={"terms": 2, "documents": 3, "max_share": 1.0}))
    assert len(wide.expand("Кто был президентом?").added) == 2
    many = build_retriever(index, options("multi-query", rewrites=5, question_weight=4.0), Writer())
    assert (many.rewrites, many.question_weight) == (5, 4.0)
    assert build_retriever(index, options("query2doc", "bm25", repetitions=2), Writer()).repetitions == 2


@pytest.mark.parametrize("kind", ["multi-query", "hyde", "query2doc"])
def test_without_a_language_model_it_says_so(kind: str, index: Index) -> None:
    profile = load_profile("offline", {"retrieval": {"expansion": {"kind": kind}}})
    with pytest.raises(InputError, match=rf"'{kind}' needs a language model: set generator\.kind"):
        build_chain(index, profile)


@pytest.mark.parametrize(
    ("kind", "retriever", "leg"),
    [("hyde", "bm25", "dense"), ("feedback", "dense", "bm25"), ("synonyms", "tfidf", "bm25")],
)
def test_a_leg_that_is_not_there_is_named(kind: str, retriever: str, leg: str, index: Index) -> None:
    with pytest.raises(InputError, match=rf"'{kind}' works on the leg '{leg}', which the retriever '{retriever}'"):
        build_retriever(index, options(kind, retriever), Writer())
    without = RetrievalOptions.model_validate({"hybrid": {"weights": {"bm25": 1.0}}, "expansion": {"kind": "hyde"}})
    with pytest.raises(InputError, match=r"\(it has bm25\)"):
        build_retriever(index, without, Writer())


def test_misspelt_options_are_refused() -> None:
    with pytest.raises(InputError, match=r"retrieval\.expansion\.kind"):
        load_profile("offline", {"retrieval": {"expansion": {"kind": "rm3"}}})
    with pytest.raises(InputError, match=r"retrieval\.expansion\.repetition"):
        load_profile("offline", {"retrieval": {"expansion": {"repetition": 2}}})


def test_the_environment_sets_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAG_RETRIEVAL__EXPANSION__KIND", "feedback")
    assert load_profile("offline").retrieval.expansion == ExpansionOptions(kind=ExpansionKind.FEEDBACK)


def test_a_whole_chain_with_synonyms(index: Index) -> None:
    profile = load_profile("offline", {"retrieval": {"expansion": {"kind": "synonyms"}}})
    found = build_chain(index, profile).search("Как звали первого президента США?").documents
    assert found[0].metadata["doc_id"] == "сша"


def test_a_reader_writes_no_queries() -> None:
    assert build_query_writer(GeneratorOptions()) is None


def test_a_chat_model_answers_and_writes(index: Index, fake_openai: ModuleType) -> None:
    pytest.importorskip("langchain_openai", reason="langchain_openai of the extra chat is not installed")

    def reply(request: dict[str, Any]) -> str:
        rewriting = "Вариантов нужно" in request["messages"][0]["content"]
        return "1. Кто режиссёр картины «Солярис»?" if rewriting else "Андрей Тарковский [1]"

    with fake_openai.serve(fake_openai.FakeOpenAI(reply=reply)) as fake:
        generator = {"kind": "chat", "model": "m", "base_url": fake.url}
        retrieval, abstention = {"expansion": {"kind": "multi-query"}}, {"min_confidence": 0}
        options = {"retrieval": retrieval, "generator": generator, "abstention": abstention}
        profile = load_profile("offline", options)
        answer = build_chain(index, profile).invoke("Кто снял фильм «Солярис»?")
    assert answer.answer == "Андрей Тарковский"
    assert len(fake.requests) == 2
