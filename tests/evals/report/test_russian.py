from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.report import russian
from evals.report.russian import QUESTIONS


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (0, "0 вопросов"), (1, "1 вопрос"), (2, "2 вопроса"), (4, "4 вопроса"), (5, "5 вопросов"),
        (11, "11 вопросов"), (12, "12 вопросов"), (14, "14 вопросов"), (21, "21 вопрос"), (22, "22 вопроса"),
        (111, "111 вопросов"), (323, "323 вопроса"), (1000, "1000 вопросов"), (43642, "43 642 вопроса"),
    ],
)  # fmt: skip
def test_a_number_with_its_noun(count, expected) -> None:
    assert russian.counted(count, QUESTIONS).replace("\u00a0", " ") == expected


def test_a_number_does_not_part_from_its_noun() -> None:
    assert " " not in russian.counted(43642, QUESTIONS)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.9123, "0,912"), (1.0, "1,000"), (-0.01249, "−0,012"), (-0.0001, "0,000"), (None, "—"), (math.nan, "—")],
)
def test_decimal_comma_and_minus(value, expected) -> None:
    assert russian.decimal(value) == expected


def test_signs_and_intervals() -> None:
    assert [russian.signed(value) for value in (0.0316, -0.2, 0.0, 0.0001)] == ["+0,032", "−0,200", "0,000", "0,000"]
    assert russian.interval(-0.01, 0.032) == "[−0,010;\u00a00,032]"
    assert russian.p_value(0.0004) == "<\u00a00,001"
    assert russian.p_value(0.04) == "0,040"


def test_milliseconds_and_scores() -> None:
    assert [russian.milliseconds(value) for value in (0.00382, 0.0127, 12.3456)] == ["3,8", "13", "12\u00a0346"]
    assert [russian.score(value) for value in (123.44, 12.345, 0.01639, -2.3, -math.inf)] == [
        "123,4", "12,35", "0,016", "−2,30", "—",
    ]  # fmt: skip


def test_a_long_text_is_cut_after_a_word() -> None:
    assert russian.shortened("Озеро  Байкал —\nсамое глубокое. Оно", 33) == "Озеро Байкал — самое глубокое…"
    assert russian.shortened("Озеро", 5) == "Озеро"


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cut_text_is_one_line_no_longer_than_asked(text, length) -> None:
    cut = russian.shortened(text, length)
    assert len(cut) <= length + 1
    assert "\n" not in cut
