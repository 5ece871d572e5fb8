from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document

from retrievers.analysis import Analyzer
from retrievers.errors import InputError
from retrievers.scorers.features import FEATURES, passage_features
from retrievers.scorers.light import LightScorer, LightWeights, load_light_weights, model_inputs
from retrievers.word_vectors import word_vectors

QUESTION = "Когда построили Шуховскую башню на Шаболовке?"


def chunk(doc_id: str, index: int, text: str, title: str = "", headings: str = "") -> Document:
    metadata = {
        "chunk_id": f"{doc_id}_{index}",
        "doc_id": doc_id,
        "chunk_index": index,
        "title": title,
        "headings": headings,
    }
    return Document(page_content=text, metadata=metadata)


TOWER = chunk("tower", 0, "Шуховская башня на Шаболовке построена в 1922 году.", "Шаболовская башня")
STYLE = chunk("tower", 3, "Гиперболоидные конструкции полюбились архитекторам.", "Шаболовская башня", "Наследие")
LAKE = chunk("lake", 1, "Озеро замерзает в январе и вскрывается в мае.", "Байкал")


def idf(term: str) -> float:
    return {"башня": 4.0, "шуховский": 7.0, "шаболовка": 8.0, "построить": 3.0, "год": 1.0}.get(term, 5.0)


def features(question: str, *documents: Document) -> np.ndarray:
    return passage_features(question, documents, analyzer=Analyzer(), idf=idf, vectors=word_vectors())


def by_name(row: np.ndarray) -> dict[str, float]:
    return dict(zip(FEATURES, map(float, row), strict=True))


def scorer() -> LightScorer:
    return LightScorer(load_light_weights(), idf)


def test_features_say_what_they_are_named_for() -> None:
    tower, style, lake = map(by_name, features(QUESTION, TOWER, STYLE, LAKE))
    assert tower["coverage"] > style["coverage"] > lake["coverage"] == 0.0
    assert tower["bm25"] > style["bm25"] > lake["bm25"] == 0.0
    assert tower["document_best"] == style["document_best"] == 1.0
    assert lake["document_best"] == 0.0
    assert (tower["document_rank"], lake["document_rank"]) == (0.0, pytest.approx(math.log(2)))
    assert (tower["lead"], style["lead"]) == (1.0, 0.0)
    assert tower["dates"] == 1.0
    assert style["dates"] == tower["numbers"] == tower["persons"] == 0.0
    assert tower["title_precision"] == 0.5  # «башня» of «Шаболовская башня»
    assert tower["definition"] == 0.5
    assert tower["soft"] > lake["soft"] > 0.0 or lake["soft"] == 0.0


def test_a_window_is_narrower_than_the_passage() -> None:
    near = chunk("a", 1, "Башню на Шаболовке построили быстро. " + "Лес шумит вдали. " * 40)
    far = chunk("b", 1, "Башня. " + "Лес шумит вдали. " * 20 + "Шаболовка. " + "Лес шумит вдали. " * 20)
    first, second = map(by_name, features("Башня на Шаболовке", near, far))
    assert first["coverage_body"] == second["coverage_body"] == 1.0
    assert first["window"] == 1.0 > second["window"]


def test_the_order_of_passages_changes_nothing() -> None:
    documents = [TOWER, STYLE, LAKE]
    scores = scorer().score_documents(QUESTION, documents)
    assert scorer().score_documents(QUESTION, documents[::-1]) == pytest.approx(scores[::-1])


def test_the_answering_passage_wins() -> None:
    scores = scorer().score_documents(QUESTION, [LAKE, STYLE, TOWER])
    assert np.argmax(scores) == 2


def test_bare_pairs_are_grouped_by_question() -> None:
    other = "Когда замерзает Байкал?"
    pairs = [
        (QUESTION, TOWER.page_content),
        (other, LAKE.page_content),
        (QUESTION, LAKE.page_content),
        (other, TOWER.page_content),
    ]
    scores = scorer().score(pairs)
    assert scores[0] > scores[2]
    assert scores[1] > scores[3]
    assert scorer().score([]) == []
    assert scorer().score_documents(QUESTION, []) == []


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=200), min_size=1, max_size=4))
def test_any_text_gets_finite_scores(question: str, texts: list[str]) -> None:
    documents = [chunk("d", n, text, title=text[:10]) for n, text in enumerate(texts)]
    assert np.isfinite(features(question, *documents)).all()
    assert np.isfinite(scorer().score_documents(question, documents)).all()


def test_inputs_are_standardised_twice() -> None:
    inputs = model_inputs(np.array([[1.0, 5.0], [3.0, 5.0]]), mean=np.array([1.0, 4.0]), scale=np.array([2.0, 1.0]))
    assert inputs == pytest.approx(np.array([[0.0, 1.0, -1.0, 0.0], [1.0, 1.0, 1.0, 0.0]]))


def shipped() -> dict:
    return load_light_weights().model_dump()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["bm25"]}, "fit it anew"),
        ({"mean": [1.0]}, "expected 25 numbers"),
        ({"scale": [0.0] * len(FEATURES)}, "must be positive"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_weights_of_another_kind_are_refused(tmp_path, change, message) -> None:
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({**shipped(), **change}))
    with pytest.raises(InputError, match=message):
        load_light_weights(file)


def test_missing_and_broken_weights_say_what_to_do(tmp_path) -> None:
    with pytest.raises(InputError, match=r"python -m training\.light_scorer"):
        load_light_weights(tmp_path / "missing.json")
    file = tmp_path / "weights.json"
    file.write_text("{")
    with pytest.raises(InputError, match="not the weights"):
        load_light_weights(file)
    assert LightWeights.model_validate(shipped()) == load_light_weights()
