from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.answers import exact_match, token_f1


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [
        ("«Война и мир»", "Война и мир"),
        ("„Война и мир“.", "ВОЙНА И МИР"),
        ("Королёв", "Королев"),
        ("Пу\u0301шкин", "Пушкин"),
        ("Нью\u2011Йорк", "Нью-Йорк"),
        ("21\u00a0700 км", "21700 км"),
        ("4,5 млн", "4.5 млн"),
        ("1941—1945", "1941-1945"),
        ("the Beatles", "Beatles"),
    ],
)
def test_the_same_answer_in_another_dress(prediction: str, gold: str) -> None:
    assert exact_match(prediction, [gold]) == 1.0
    assert token_f1(prediction, [gold]) == 1.0


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [("йод", "иод"), ("Пушкин", "Пущин"), ("1941", "1942"), ("в Москве", "Москва"), ("мир и война", "война и мир")],
)
def test_different_answers_do_not_match(prediction: str, gold: str) -> None:
    assert exact_match(prediction, [gold]) == 0.0


def test_inflection_matters_to_the_surface_form_alone() -> None:
    assert token_f1("Александра Пушкина", ["Александр Пушкин"]) == 0.0
    assert exact_match("в Санкт-Петербурге", ["в Санкт-Петербург"], lemmatize=True) == 1.0
    assert token_f1("Москве", ["Москва"], lemmatize=True) == 1.0


def test_the_best_gold_answer_counts() -> None:
    assert token_f1("Лев Толстой", ["Пушкин", "Лев Николаевич Толстой"]) == pytest.approx(0.8)
    assert exact_match("Лев Толстой", ["Пушкин", "лев толстой"]) == 1.0


def test_words_are_a_multiset() -> None:
    assert token_f1("да да", ["да"]) == pytest.approx(2 / 3)


def test_an_empty_prediction_earns_nothing() -> None:
    assert token_f1("", ["Москва"]) == 0.0
    assert token_f1("…", ["Москва"]) == 0.0


def test_missing_gold_is_an_error_and_a_bare_string_too() -> None:
    with pytest.raises(ValueError, match="without gold answers"):
        exact_match("Москва", [])
    with pytest.raises(TypeError, match="list of gold answers"):
        token_f1("Москва", "Москва")


@given(st.text(), st.lists(st.text(), min_size=1, max_size=3))
def test_exact_match_implies_full_f1(prediction: str, answers: list[str]) -> None:
    for lemmatize in (False, True):
        f1 = token_f1(prediction, answers, lemmatize=lemmatize)
        assert 0.0 <= f1 <= 1.0
        if exact_match(prediction, answers, lemmatize=lemmatize):
            assert f1 == 1.0
