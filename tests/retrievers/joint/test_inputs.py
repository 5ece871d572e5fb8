from __future__ import annotations

import numpy as np

from retrievers.joint.inputs import MATCHES, PASSAGE, QUESTION, TITLE, PairInputs, pair_inputs, side, stack
from retrievers.joint.tokens import tokenize
from retrievers.word_vectors import word_vectors


def laid(question: str, title: str, passage: str) -> PairInputs:
    vectors = word_vectors()
    return pair_inputs(*(side(tokenize(text), vectors) for text in (question, title, passage)))


def column(inputs: PairInputs, name: str) -> dict[str, float]:
    """One match column by the passage's lemmas."""
    values = inputs.matches[inputs.offset :, MATCHES.index(name)]
    return dict(zip(inputs.lemmas[inputs.offset :], values.tolist(), strict=True))


def test_question_title_and_passage_stand_one_after_the_other() -> None:
    inputs = laid("Какова глубина Байкала?", "Байкал", "Озеро в Сибири.")
    assert inputs.segments.tolist() == [QUESTION] * 4 + [TITLE] + [PASSAGE] * 4
    assert inputs.offset == 5
    assert inputs.matches.shape == (9, len(MATCHES))


def test_words_of_the_passage_know_how_they_meet_the_question() -> None:
    inputs = laid("Кто открыл Антарктиду?", "Антарктида", "Антарктиду открыли Беллинсгаузен и Лазарев. Было холодно.")
    assert column(inputs, "same_lemma") == {
        "антарктида": 1.0, "открыть": 1.0, "беллинсгаузен": 0.0, "и": 0.0, "лазарев": 0.0, ".": 0.0, "быть": 0.0,
        "холодно": 0.0,
    }  # fmt: skip
    assert column(inputs, "same_word")["антарктида"] == 1.0
    assert column(inputs, "same_word")["открыть"] == 0.0  # another form
    assert column(inputs, "in_title")["антарктида"] == 1.0
    assert column(inputs, "near_before")["беллинсгаузен"] == 1.0
    assert column(inputs, "sentence")["лазарев"] == 1.0
    assert column(inputs, "sentence")["холодно"] == 0.0
    assert column(inputs, "cosine")["антарктида"] == 1.0


def test_an_unknown_name_is_met_in_another_form() -> None:
    inputs = laid("Кто такой Зюзьгопупс?", "", "Зюзьгопупса видели вчера.")
    assert (
        inputs.matches[inputs.offset, MATCHES.index("same_lemma")]
        or inputs.matches[inputs.offset, MATCHES.index("fuzzy")]
    )


def test_texts_without_words_do_not_break() -> None:
    for question, title, passage in (("", "", ""), ("?", "", "…"), ("Кто?", "", "Он."), ("Пётр I", "I", "")):
        assert np.isfinite(laid(question, title, passage).matches).all()


def test_a_batch_is_padded_and_masked() -> None:
    short, long = laid("Кто?", "", "Он."), laid("Кто открыл Антарктиду?", "", "Беллинсгаузен и Лазарев.")
    batch = stack([short, long], word_vectors())
    width = len(long.lemmas)
    assert batch["vectors"].shape == (2, width, 300)
    assert batch["mask"].sum(axis=1).tolist() == [len(short.lemmas), width]
    assert not batch["vectors"][0, len(short.lemmas) :].any()
