from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.answers import AnswerScores, answer_metrics, answer_words, exact_match, score_answer, token_f1


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
        ("в 1961 году", "1961"),
        ("XIX в.", "19 век"),
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


def test_a_date_in_part_is_right_in_part() -> None:
    assert token_f1("1961", ["12 апреля 1961 года"]) == pytest.approx(1 / 2)
    assert token_f1("в 1962 году", ["в 1961 году"]) == 0.0  # «в» and «году» earn nothing


def test_words_are_a_multiset() -> None:
    assert token_f1("да да", ["да"]) == pytest.approx(2 / 3)


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [
        ("Толстой, Достоевский и Чехов", "Чехов; Толстой; Достоевский"),
        ("Пол Аллен и Билл Гейтс", "Билл Гейтс,  Пол Аллен"),
        ("ислам\nправославие", "православие, ислам"),
        ("«Нос», «Война и мир»", "«Война и мир», «Нос»"),
        ("30 августа 2005, 14 апреля 2009 года", "14.04.2009; 30.08.2005"),
    ],
)
def test_a_list_in_another_order(prediction: str, gold: str) -> None:
    assert exact_match(prediction, [gold]) == token_f1(prediction, [gold]) == 1.0


@pytest.mark.parametrize(
    ("prediction", "gold"),
    [
        ("мир и война", "война и мир"),  # «и» alone makes no list
        ("«мир и война», роман", "«война и мир», роман"),
        ("Толстой, Чехов", "Толстой, Чехов, Чехов"),
        ("Толстой, Чехов", "Толстой, Достоевский"),
        ("Толстой Лев, Чехов", "Лев Толстой, Чехов"),
        ("Париж", "Париж, Франция"),
        ("2, 1", "2,1"),
    ],
)
def test_what_is_no_equal_list(prediction: str, gold: str) -> None:
    assert exact_match(prediction, [gold]) == 0.0


def test_a_comma_costs_an_answer_nothing() -> None:
    assert exact_match("Париж, Франция", ["Париж (Франция)"]) == 1.0
    assert exact_match("наказанием,", ["наказанием"]) == 1.0


def test_lists_in_dictionary_form() -> None:
    assert exact_match("вторникам, пятницам", ["пятница и вторник"]) == 0.0
    assert exact_match("вторникам, пятницам", ["пятница и вторник"], lemmatize=True) == 1.0


def test_english_answers_keep_their_order() -> None:
    assert exact_match("Paris, London", ["London, Paris"]) == 0.0


def test_an_empty_prediction_earns_nothing() -> None:
    assert token_f1("", ["Москва"]) == 0.0
    assert token_f1("…", ["Москва"]) == 0.0
    assert score_answer("", ["Москва"]) == AnswerScores(0.0, 0.0, 0.0, 0.0)


def test_missing_gold_is_an_error_and_a_bare_string_too() -> None:
    with pytest.raises(ValueError, match="without gold answers"):
        exact_match("Москва", [])
    with pytest.raises(TypeError, match="list of gold answers"):
        token_f1("Москва", "Москва")
    with pytest.raises(ValueError, match="without gold answers"):
        score_answer("Москва", [])


def test_both_strengths_side_by_side() -> None:
    assert score_answer("Москве", ["Пекин", "Москва"]) == AnswerScores(em=0.0, f1=0.0, em_lemma=1.0, f1_lemma=1.0)
    assert answer_metrics("Лев Толстой", ["Лев Николаевич Толстой"]) == pytest.approx(
        {"em": 0.0, "f1": 0.8, "em_lemma": 0.0, "f1_lemma": 0.8}
    )


def test_the_language_can_be_named() -> None:
    assert exact_match("MPEG 4", ["MPEG-4"]) == 0.0  # told from the texts: English, as the SQuAD script has it
    assert exact_match("MPEG 4", ["MPEG-4"], language="ru") == 1.0
    assert exact_match("1,642", ["1642"]) == 0.0  # told from the texts: a decimal comma
    assert exact_match("1,642", ["1642"], language="en") == 1.0
    assert answer_words("The MPEG-4", language="en") == ["mpeg4"]
    assert answer_words("The MPEG-4", language="ru") == ["mpeg", "4"]
    assert answer_metrics("MPEG 4", ["MPEG-4"], language="ru")["em"] == 1.0


ANSWERS = st.lists(st.text(), min_size=1, max_size=3) | st.lists(
    st.text(alphabet="аябХXIV1290., ;и«»-гв%"), min_size=1, max_size=3
)


@given(ANSWERS, ANSWERS)
def test_exact_match_implies_full_f1(predictions: list[str], answers: list[str]) -> None:
    for prediction in predictions:
        scores = score_answer(prediction, answers)
        assert all(0.0 <= value <= 1.0 for value in dataclasses.astuple(scores))
        assert scores.f1 == 1.0 or not scores.em
        assert scores.f1_lemma == 1.0 or not scores.em_lemma
        assert scores.em <= scores.em_lemma  # what is written the same has the same dictionary forms


@given(ANSWERS)
def test_every_answer_matches_itself_and_f1_is_symmetric(answers: list[str]) -> None:
    first, last = answers[0], answers[-1]
    assert exact_match(first, answers) == 1.0
    for lemmatize in (False, True):
        assert token_f1(first, [last], lemmatize=lemmatize) == pytest.approx(
            token_f1(last, [first], lemmatize=lemmatize)
        )


@given(ANSWERS, ANSWERS)
def test_one_call_equals_four(predictions: list[str], answers: list[str]) -> None:
    scores = score_answer(predictions[0], answers)
    assert dataclasses.astuple(scores) == (
        exact_match(predictions[0], answers),
        token_f1(predictions[0], answers),
        exact_match(predictions[0], answers, lemmatize=True),
        token_f1(predictions[0], answers, lemmatize=True),
    )
