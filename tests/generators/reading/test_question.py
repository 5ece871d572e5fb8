from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.reading.question import understand


@pytest.mark.parametrize(
    ("question", "kind", "expected", "focus"),
    [
        ("Кто построил маяк?", "who", "person", ""),
        ("Кем был основан завод?", "who", "person", ""),
        ("Чей проект победил?", "who", "person", ""),
        ("Кем был отец мастера по профессии?", "role", "notion", ""),
        ("Где хранится договор?", "where", "place", ""),
        ("Куда впадает Ангара?", "where", "place", ""),
        ("Откуда родом скульптор?", "where", "place", ""),
        ("Когда открылась первая линия?", "when", "time", ""),
        ("В каком году пустили первый трамвай?", "which", "time", "год"),
        ("В каком месяце сдают отчёт?", "which", "time", "месяц"),
        ("Сколько этажей в башне?", "count", "number", "этаж"),
        ("Количество сотрудников в отделе?", "count", "number", "количество"),
        ("Какова глубина озера?", "which", "measure", "глубина"),
        ("Какой город стал столицей края?", "which", "place", "город"),
        ("Какой композитор написал этот марш?", "which", "person", "композитор"),
        ("Какую оперу поставили первой?", "which", "work", "опера"),
        ("Как называется отдел закупок?", "name", "organization", "отдел"),
        ("Как звали сестру мореплавателя?", "name", "person", "сестра"),
        ("Почему закрыли рудник?", "why", "text", ""),
        ("Что такое изотоп?", "definition", "text", ""),
        ("Как работает турбина?", "how", "text", ""),
        ("Столица Камчатского края", "other", "place", "столица"),
    ],
)
def test_type_expected_answer_and_focus(question: str, kind: str, expected: str, focus: str) -> None:
    found = understand(question)
    assert (found.type.value, found.expected.value, found.focus) == (kind, expected, focus)


def test_terms_leave_out_function_and_asking_words() -> None:
    found = understand("В каком году Иван Гончаров написал роман «Обломов»?")
    assert found.terms.keys() >= {"иван", "гончаров", "написать", "роман", "обломов"}
    assert not found.terms.keys() & {"в", "какой"}
    assert found.asks_year
    assert not found.asks_month
    assert found.names >= {"иван", "гончаров", "обломов"}


def test_relations_of_the_question() -> None:
    assert "born" in understand("Где родился Шостакович?").relations
    assert "flow" in understand("Куда впадает Енисей?").relations


def test_preposition_case_and_number() -> None:
    found = understand("В каких городах есть метро?")
    assert (found.preposition, found.case, found.asks_several) == ("в", "Loc", True)


@pytest.mark.parametrize("question", ["", "?", "🙂", "who wrote it", "а" * 100_000, "\n"])
def test_any_text_is_understood_somehow(question: str) -> None:
    assert understand(question).type.value


@settings(deadline=None, max_examples=40)
@given(st.text(alphabet="ктогдеак? «»ABц1\n", max_size=40))
def test_understanding_never_fails(question: str) -> None:
    assert understand(question).terms is not None
