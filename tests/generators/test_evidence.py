from __future__ import annotations

import pytest

from generators.evidence import closest_sentence, find_phrase, supports

OBLOMOV = "Гончаров родился в Симбирске. Роман «Обломов» был написан Иваном Гончаровым в 1859 году."
TOLSTOY = "Над «Войной и миром» Лев Николаевич Толстой работал шесть лет. Сын Алексея Толстого был учёным."


@pytest.mark.parametrize(
    ("phrase", "text", "surface"),
    [
        ("Иван Гончаров", OBLOMOV, "Иваном Гончаровым"),
        ("роман Обломов", OBLOMOV, "Роман «Обломов"),
        ("1859 год", OBLOMOV, "1859 году"),
        ("Симбирск", OBLOMOV, "Симбирске"),
        ("Алексей Толстой", TOLSTOY, "Алексея Толстого"),
        ("«Война и мир»", TOLSTOY, "Войной и миром"),
        ("1 642 м", "глубина 1642 м.", "1642 м"),
        ("Тургенев", OBLOMOV, None),
        ("Гончаров Иван", OBLOMOV, None),
        ("", OBLOMOV, None),
        ("…", OBLOMOV, None),
        ("Гончаров", "", None),
    ],
)
def test_a_phrase_is_found_in_any_form(phrase, text, surface) -> None:
    span = find_phrase(phrase, text)
    assert (None if span is None else text[span[0] : span[1]]) == surface


def test_the_closest_sentence_and_its_share() -> None:
    (start, end), share = closest_sentence("Гончаров закончил «Обломова» в 1859 году", OBLOMOV)
    assert OBLOMOV[start:end] == "Роман «Обломов» был написан Иваном Гончаровым в 1859 году."
    assert share == pytest.approx(4 / 5)
    assert closest_sentence("Гончаров", "  ") is None


def surfaces(answer: str, passages: list[str], cited: list[int]) -> list[tuple[int, str]]:
    return [(index, passages[index][start:end]) for index, (start, end) in supports(answer, passages, cited)]


def test_a_cited_passage_gives_the_place_of_the_answer() -> None:
    assert surfaces("Иван Гончаров", [TOLSTOY, OBLOMOV, OBLOMOV], [1]) == [(1, "Иваном Гончаровым")]
    assert surfaces("Иван Гончаров", [OBLOMOV, OBLOMOV], [1, 0, 1]) == [
        (1, "Иваном Гончаровым"),
        (0, "Иваном Гончаровым"),
    ]


def test_a_cited_passage_that_words_it_differently_gives_its_sentence() -> None:
    assert surfaces("Гончаров, роман 1859 года", [TOLSTOY, OBLOMOV], [1]) == [
        (1, "Роман «Обломов» был написан Иваном Гончаровым в 1859 году.")
    ]


def test_a_wrong_number_is_set_right_by_the_text() -> None:
    assert surfaces("Иван Гончаров", [TOLSTOY, OBLOMOV], [0]) == [(1, "Иваном Гончаровым")]


def test_a_cited_passage_is_believed_when_no_text_holds_the_answer() -> None:
    assert [index for index, _ in surfaces("Тургенев", [TOLSTOY, OBLOMOV], [1, 0])] == [1, 0]


def test_without_a_marker_the_passages_that_hold_the_answer_are_taken() -> None:
    assert [index for index, _ in supports("Гончаров", [TOLSTOY, OBLOMOV, OBLOMOV], [])] == [1, 2]
    assert supports("Тургенев", [TOLSTOY, OBLOMOV], []) == []


def test_without_a_marker_a_reworded_answer_takes_the_sentence_that_holds_most_of_it() -> None:
    [(index, (start, end))] = supports("написан в 1859 году Гончаровым, роман «Обломов»", [TOLSTOY, OBLOMOV], [])
    assert index == 1
    assert OBLOMOV[start:end].startswith("Роман")
    assert supports("написан Тургеневым в имении Спасское", [TOLSTOY, OBLOMOV], []) == []


def test_nothing_to_look_in() -> None:
    assert supports("Гончаров", [], []) == []
    assert supports("Гончаров", ["", "  "], [0]) == []
