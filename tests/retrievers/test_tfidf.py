from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import RetrieversIntegrationTests

from retrievers.analysis import Analyzer
from retrievers.documents import search_text
from retrievers.errors import InputError
from retrievers.tfidf import TfidfIndex, TfidfOptions, TfidfRetriever

TEXTS = [
    "Байкал — самое глубокое озеро, глубина 1642 метра, глубина измерена.",
    "Ладожское озеро: глубина 230 метров.",
    "Волга впадает в Каспийское море.",
    "Обь впадает в Карское море.",
]
CHUNKS = [
    Document(id=f"d_{row}", page_content=text, metadata={"chunk_id": f"d_{row}", "doc_id": "d", "row": row})
    for row, text in enumerate(TEXTS)
]


class TestTfidfStandard(RetrieversIntegrationTests):
    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return TfidfRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"index": TfidfRetriever.from_documents(CHUNKS).index, "chunks": CHUNKS}

    @property
    def retriever_query_example(self) -> str:
        return "Глубина озера и море"


@pytest.mark.parametrize("sublinear_tf", [True, False])
def test_scores_are_the_cosines_of_scikit_learn(sublinear_tf: bool, demo_chunks: list[Document]) -> None:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.metrics.pairwise import cosine_similarity

    texts = [search_text(chunk) for chunk in demo_chunks]
    analyzer = Analyzer()
    index = TfidfIndex.build(map(analyzer, texts), TfidfOptions(sublinear_tf=sublinear_tf))
    vectorizer = TfidfVectorizer(analyzer=analyzer, sublinear_tf=sublinear_tf)
    matrix = vectorizer.fit_transform(texts)
    for question in ("Какова глубина Байкала?", "Кто написал «Бурлаков на Волге», Репин или Репин?", "xyz глубина"):
        expected = cosine_similarity(vectorizer.transform([question]), matrix)[0]
        assert expected.any()
        np.testing.assert_allclose(index.scores(analyzer(question)), expected, atol=1e-6)


def test_a_text_asked_for_itself_has_cosine_one() -> None:
    retriever = TfidfRetriever.from_documents(CHUNKS)
    hit = retriever.invoke(TEXTS[0], k=1)[0]
    assert hit.id == "d_0"
    assert hit.metadata["scores"]["tfidf"] == pytest.approx(1.0, abs=1e-6)
    assert hit.metadata["ranks"] == {"tfidf": 1}


@pytest.mark.parametrize("question", ["", "🦊", "xyz"])
def test_unknown_words_find_nothing(question: str) -> None:
    assert TfidfRetriever.from_documents(CHUNKS).invoke(question) == []


@pytest.mark.parametrize("terms", [[], [[]], [[], []]])
def test_a_corpus_without_terms(terms: list[list[str]], tmp_path: Path) -> None:
    TfidfIndex.build(terms).save(tmp_path)
    index = TfidfIndex.load(tmp_path)
    assert len(index) == len(terms)
    assert index.top(["река"], 3)[0].tolist() == []


def test_a_saved_index_scores_the_same(tmp_path: Path) -> None:
    analyzer = Analyzer()
    index = TfidfIndex.build(map(analyzer, TEXTS), TfidfOptions(sublinear_tf=False))
    index.save(tmp_path / "new")
    opened = TfidfIndex.load(tmp_path / "new")
    assert opened.options == index.options
    terms = analyzer("глубина моря, глубина озера")
    np.testing.assert_array_equal(opened.scores(terms), index.scores(terms))


@pytest.mark.parametrize("name", ["tfidf.npz", "tfidf.json"])
@pytest.mark.parametrize("damage", ["missing", "truncated", "foreign"])
def test_a_damaged_index_is_refused(name: str, damage: str, tmp_path: Path) -> None:
    TfidfIndex.build([["река"], ["озеро"]]).save(tmp_path)
    path = tmp_path / name
    match damage:
        case "missing":
            path.unlink()
        case "truncated":
            path.write_bytes(path.read_bytes()[:30])
        case _ if name.endswith("json"):
            path.write_text('{"options": {}, "n_rows": 2, "vocabulary": {}}')
        case _:
            np.savez(path, weights=np.zeros(3))
    with pytest.raises(InputError):
        TfidfIndex.load(tmp_path)


async def test_ainvoke_takes_k_and_filter() -> None:
    retriever = TfidfRetriever.from_documents(CHUNKS)
    assert len(await retriever.ainvoke("глубина озера и море", k=2)) == 2
    found = await retriever.ainvoke("глубина", filter={"row": {"$gt": 0}})
    assert [document.id for document in found] == ["d_1"]
