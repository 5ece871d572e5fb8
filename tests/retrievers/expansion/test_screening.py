from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.embeddings import Embeddings
from pydantic import ValidationError

from retrievers.encoders.static import StaticEmbeddings
from retrievers.expansion import (
    DropReason,
    ScreeningOptions,
    embedding_similarity,
    screen_passages,
    screen_rewrites,
    term_overlap,
)

QUESTION = "Кто написал роман «Хижина дяди Тома»?"


def reasons(rewrites: list[str], question: str = QUESTION) -> dict[str, DropReason]:
    _, dropped = screen_rewrites(question, rewrites, term_overlap())
    return {each.text: each.reason for each in dropped}


def test_a_rewrite_worth_searching_with_is_kept() -> None:
    rewrites = ["Чьему перу принадлежит роман «Хижина дяди Тома»?", "Кто автор «Хижины дяди Тома»?"]
    assert screen_rewrites(QUESTION, rewrites, term_overlap()) == (rewrites, [])


@pytest.mark.parametrize(
    ("rewrite", "reason"),
    [
        ("", DropReason.EMPTY),
        (" \n", DropReason.EMPTY),
        ("Who wrote «Хижина дяди Тома»?", DropReason.NOT_RUSSIAN),
        ("Кем написан роман «Хижина дяди Тома»?", DropReason.IDENTICAL),  # the same words in other forms
        ("Кто написал музыку к балету «Щелкунчик»?", DropReason.DRIFTED),
        ("Какая погода в Самаре?", DropReason.DRIFTED),
    ],
)
def test_every_drop_has_its_reason(rewrite: str, reason: DropReason) -> None:
    assert reasons([rewrite]) == {rewrite: reason}


def test_of_two_alike_the_first_stays() -> None:
    first, second = "Кто автор романа «Хижина дяди Тома»?", "Роман «Хижина дяди Тома», автор — кто?"
    kept, dropped = screen_rewrites(QUESTION, [first, second], term_overlap())
    assert kept == [first]
    assert [(each.text, each.reason, each.similarity) for each in dropped] == [(second, DropReason.DUPLICATE, 1.0)]


def test_bounds_are_options() -> None:
    rewrite = ["Кто написал музыку к балету «Щелкунчик»?"]
    loose = ScreeningOptions(min_similarity=0.1, max_similarity=0.99)
    assert screen_rewrites(QUESTION, rewrite, term_overlap(), loose)[0] == rewrite
    with pytest.raises(ValidationError, match="min_similarity must be below"):
        ScreeningOptions(min_similarity=0.9, max_similarity=0.8)


def test_rare_terms_decide_where_their_weight_is_known() -> None:
    idf = {"тургенев": 8.0, "родиться": 1.0, "умереть": 1.0, "толстой": 8.0}.get
    plain, weighted = term_overlap(), term_overlap(idf=lambda term: idf(term, 1.0))
    others = ["Когда умер Тургенев?", "Когда родился Толстой?"]
    assert plain("Когда родился Тургенев?", others) == [0.5, 0.5]
    same_person, same_verb = weighted("Когда родился Тургенев?", others)
    assert same_person == pytest.approx(16 / 18)
    assert same_verb == pytest.approx(2 / 18)


def test_terms_without_weight_are_the_same_or_not() -> None:
    nothing = term_overlap(idf=lambda _: 0.0)
    assert nothing("Ктулху", ["Ктулху", "Азатот"]) == [1.0, 0.0]


def test_the_static_encoder_tells_a_paraphrase_from_another_question() -> None:
    encoder = StaticEmbeddings.fit(["Роман написал писатель.", "Город стоит на реке.", "Певец исполнил песню."])
    similarity = embedding_similarity(encoder)
    near, same, far = similarity(
        "Кто сочинил роман?", ["Какой писатель создал роман?", "Кто сочинил роман?", "На какой реке стоит город?"]
    )
    assert same == pytest.approx(1.0)
    assert same > near > far


def test_a_vector_of_zeros_is_like_nothing() -> None:
    class Zeros(Embeddings):
        def embed_query(self, text: str) -> list[float]:
            return [0.0, 0.0]

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [[0.0, 0.0] for _ in texts]

    assert embedding_similarity(Zeros())("а", ["а", "б"]) == [0.0, 0.0]


def test_passages_are_not_judged_by_what_they_say() -> None:
    passage = "Роман написал Иван Астафьев."
    kept, dropped = screen_passages([passage, "", "The novel was written by Ivan.", passage])
    assert kept == [passage]
    assert [each.reason for each in dropped] == [DropReason.EMPTY, DropReason.NOT_RUSSIAN, DropReason.DUPLICATE]


@given(st.lists(st.text(max_size=40) | st.sampled_from([QUESTION, "Кто автор «Хижины»?", "кто"]), max_size=6))
def test_nothing_is_lost(rewrites: list[str]) -> None:
    kept, dropped = screen_rewrites(QUESTION, rewrites, term_overlap())
    assert sorted([*kept, *(each.text for each in dropped)]) == sorted(rewrites)
