from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests

from retrievers.encoders.static import StaticEmbeddings, StaticOptions
from retrievers.errors import InputError

TEXTS = [
    "Байкал — самое глубокое озеро планеты, его глубина 1642 метра.",
    "Ладожское озеро лежит в Карелии и Ленинградской области.",
    "Роман «Война и мир» написал Лев Толстой.",
    "Повесть «Капитанская дочка» написал Александр Пушкин.",
    "Шухов построил башню на Шаболовке в Москве.",
    "Отпуск оформляют за две недели через портал сотрудника.",
]


@pytest.fixture(scope="module")
def encoder() -> StaticEmbeddings:
    return StaticEmbeddings.fit(TEXTS)


class FittedStaticEmbeddings(StaticEmbeddings):
    """For the standard suite, which builds its own."""

    def __new__(cls) -> Embeddings:
        return StaticEmbeddings.fit(TEXTS)

    def __init__(self) -> None: ...


class TestStandard(EmbeddingsIntegrationTests):
    @property
    def embeddings_class(self) -> type[Embeddings]:
        return FittedStaticEmbeddings


def cosine(encoder: StaticEmbeddings, left: str, right: str) -> float:
    return float(np.dot(encoder.embed_query(left), encoder.embed_query(right)))


def test_vectors_have_length_one_and_the_options_dimension(encoder) -> None:
    vectors = encoder.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), encoder.dimension)
    assert encoder.dimension == StaticOptions().dimension
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_a_question_is_nearest_to_the_text_that_answers_it(encoder) -> None:
    documents = encoder.encode(TEXTS)
    for question, answer in [
        ("Какова глубина Байкала?", 0),
        ("Кто автор романа «Война и мир»?", 2),
        ("Как оформить отпуск сотруднику?", 5),
        ("Где стоит башня Шухова?", 4),
    ]:
        assert int(np.argmax(documents @ encoder.embed_query(question))) == answer


def test_inflection_and_typography_make_no_difference(encoder) -> None:
    assert cosine(encoder, "глубокие озёра", "Глубокого О\u0301зера") == pytest.approx(1.0, abs=1e-5)


def test_an_unknown_word_meets_itself_alone(encoder) -> None:
    assert cosine(encoder, "эпишурель", "эпишурели") > 0.99
    assert cosine(encoder, "эпишурель", "грымбозавр") < 0.5


def test_texts_without_words_are_zero_and_nothing_is_nan(encoder) -> None:
    for text in ("", "…", "🦄", "\u0301"):
        assert encoder.embed_query(text) == [0.0] * encoder.dimension


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_texts_have_finite_vectors_of_length_one_or_zero(texts) -> None:
    encoder = StaticEmbeddings.fit(TEXTS, StaticOptions(dimension=16))
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), 16)
    norms = np.linalg.norm(vectors, axis=1)
    assert (np.isclose(norms, 1.0, atol=1e-4) | (norms == 0.0)).all()


def test_batches_and_single_texts_agree(encoder) -> None:
    together = encoder.encode(TEXTS)
    for row, text in enumerate(TEXTS):
        assert encoder.embed_query(text) == pytest.approx(together[row].tolist(), abs=1e-5)


def test_a_corpus_of_one_text_is_a_corpus() -> None:
    encoder = StaticEmbeddings.fit(["Байкал"])
    assert np.isfinite(encoder.encode(["Байкал", "озеро"])).all()


def test_save_and_load(encoder, tmp_path) -> None:
    encoder.save(tmp_path)
    again = StaticEmbeddings.load(tmp_path)
    assert again.fingerprint == encoder.fingerprint
    assert again.embed_query(TEXTS[0]) == encoder.embed_query(TEXTS[0])
    other = StaticEmbeddings.fit(TEXTS[:4])
    assert other.fingerprint != encoder.fingerprint


def test_damaged_states_are_named(encoder, tmp_path) -> None:
    with pytest.raises(InputError, match="does not open"):
        StaticEmbeddings.load(tmp_path)
    encoder.save(tmp_path)
    state = json.loads((tmp_path / "terms.json").read_text())
    (tmp_path / "terms.json").write_text(json.dumps({**state, "options": {**state["options"], "dimension": 8}}))
    with pytest.raises(InputError, match="does not open"):
        StaticEmbeddings.load(tmp_path)
    encoder.save(tmp_path)
    array = tmp_path / "static.npz"
    array.write_bytes(array.read_bytes()[:500])
    with pytest.raises(InputError, match="does not open"):
        StaticEmbeddings.load(tmp_path)


def test_a_corpus_without_words_is_refused() -> None:
    with pytest.raises(InputError, match="at least one text"):
        StaticEmbeddings.fit(["", "…"])
