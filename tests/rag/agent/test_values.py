"""Dates and quantities in Russian answers, and what follows from comparing them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.agent.comparing import agree, winner
from rag.agent.plan import Comparison
from rag.agent.values import Moment, Quantity, read_moment, read_quantity


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("12 июня 1842 года", Moment(1842, 6, 12)),
        ("в 1842 году", Moment(1842)),
        ("июнь 1812", Moment(1812, 6)),
        ("01.02.1999", Moment(1999, 2, 1)),
        ("14 мая 1955", Moment(1955, 5, 14)),
        ("в 988 году", Moment(988)),
        ("1147", Moment(1147)),
        ("44 год до н. э.", Moment(-44)),
        ("XIX век", Moment(1801)),
        ("в конце IV века", Moment(301)),
        ("IV век до нашей эры", Moment(-400)),
        ("6 (18) января 1801 года", Moment(1801, 1, 18)),
        ("1853—1856 годы", Moment(1853)),
        ("20 лет", None),
        ("Станислав Лем", None),
        ("", None),
    ],
)
def test_a_date_is_read(text, moment) -> None:
    assert read_moment(text) == moment


@pytest.mark.parametrize(
    ("text", "quantity"),
    [
        ("17 870 км²", Quantity(17_870e6, "area")),
        ("31 722 км2", Quantity(31_722e6, "area")),
        ("2 млн кв. км", Quantity(2e12, "area")),
        ("12 тысяч квадратных километров", Quantity(12e9, "area")),
        ("3,5 млн человек", Quantity(3.5e6, "count")),
        ("4 тыс. км", Quantity(4e6, "length")),
        ("1642 метра", Quantity(1642.0, "length")),
        ("3487", Quantity(3487.0)),
        ("−89,2 °C", Quantity(-89.2, "temperature")),
        ("двадцать семь", Quantity(27.0)),
        ("четыре золотые медали", Quantity(4.0)),
        ("пять тысяч метров", Quantity(5000.0, "length")),
        ("около 300 тонн", Quantity(300_000.0, "mass")),
        ("в 2 раза больше, чем 5 км", Quantity(2.0, "count")),
        ("Байкал - 1642 м", Quantity(1642.0, "length")),
        ("60–70 кг", Quantity(60.0, "mass")),
        ("много", None),
        ("", None),
    ],
)
def test_a_quantity_is_read_in_the_base_unit(text, quantity) -> None:
    assert read_quantity(text) == quantity


@given(st.text())
def test_any_text_is_read_or_refused_quietly(text) -> None:
    moment, quantity = read_moment(text), read_quantity(text)
    assert moment is None or (0 <= moment.month <= 12 and 0 <= moment.day <= 31)
    assert quantity is None or isinstance(quantity.value, float)


@pytest.mark.parametrize(
    ("answers", "comparison", "best"),
    [
        (["26 мая 1799 года", "в 1814 году"], Comparison.EARLIEST, 0),
        (["26 мая 1799 года", "в 1814 году"], Comparison.LATEST, 1),
        (["3487 км", "4400 км", "2,2 тыс. км"], Comparison.MOST, 1),
        (["3487 км", "4400 км", "2,2 тыс. км"], Comparison.LEAST, 2),
        (["900 м", "2 км"], Comparison.MOST, 1),
        (["3487", "4400 км"], Comparison.MOST, 1),  # a unit left away
        (["5 кг", "4 км"], Comparison.MOST, None),
        (["1799", "7 июня 1799 года"], Comparison.EARLIEST, None),  # which of them nobody knows
        (["1799", "Пушкин"], Comparison.EARLIEST, None),
        (["10", "10"], Comparison.MOST, None),
        (["44 год до н. э.", "14 год"], Comparison.EARLIEST, 0),
    ],
)
def test_the_winner_of_a_comparison(answers, comparison, best) -> None:
    assert winner(answers, comparison) == best


@pytest.mark.parametrize(
    ("answers", "same"),
    [
        (["в Москве", "Москва"], True),
        (["Лев Толстой", "Толстой"], True),
        (["Москва", "Тула"], False),
        (["1799", "26 мая 1799 года"], True),
        (["2 км", "2000 метров"], True),
        (["150 километров", "150 метров"], False),
        (["Школа № 57", "Завод № 57"], False),
        (["Берлин, 1945 год", "Москва, 1945 год"], False),
        (["", ""], False),
    ],
)
def test_whether_answers_agree(answers, same) -> None:
    assert agree(answers) is same


def test_agreement_has_no_winner() -> None:
    with pytest.raises(ValueError, match="winner"):
        winner(["1", "2"], Comparison.SAME)
