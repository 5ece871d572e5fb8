from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.language import is_russian

RUSSIAN = [
    "Кто написал роман «Солярис»?",
    "кто основал компанию Apple Computer?",
    "Автор iPhone",
    "Кто солист «The Rolling Stones»?",
    "Что такое machine learning",
    "Пушкин",
    "«Солярис»",
    "Где нахо\u00adдится Байка\u0301л?",
    "Какой период полураспада у α-частицы?",
    "Сколько будет 2 + 2?",
]
FOREIGN = [
    "Who wrote the novel «Солярис»?",
    "Who is Пушкин Александр Сергеевич",
    "Solaris",
    "Кто 写了 этот роман?",
    "Де народився Гоголь і хто він?",
    "Қазақстанның астанасы",
    "Кто написал роман ﺪﻨﺗ?",
    "2 + 2",
    "",
    "…?!",
]


@pytest.mark.parametrize("text", RUSSIAN)
def test_russian(text: str) -> None:
    assert is_russian(text)


@pytest.mark.parametrize("text", FOREIGN)
def test_something_else(text: str) -> None:
    assert not is_russian(text)


@given(st.text(max_size=80))
def test_any_text_has_an_answer(text: str) -> None:
    if is_russian(text):
        assert any("а" <= letter <= "я" or letter == "ё" for letter in text.lower())
