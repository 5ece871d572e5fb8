from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.reading.wording import nominative, surface


def worded(text: str, words: str) -> str:
    start = text.index(words)
    return nominative(text, start, start + len(words))


@pytest.mark.parametrize(
    ("text", "words", "answer"),
    [
        ("Роман написан Львом Толстым.", "Львом Толстым", "Лев Толстой"),
        ("Он родился в Санкт-Петербурге.", "Санкт-Петербурге", "Санкт-Петербург"),
        ("Он родился в Санкт-Петербурге.", "в Санкт-Петербурге", "Санкт-Петербург"),
        ("Комедию «Ревизор» поставили в театре.", "«Ревизор»", "«Ревизор»"),
        ("Глубину измерили в 1642 метра.", "1642", "1642"),
        ("Маяк открыли 12 июня 1842 года.", "12 июня 1842 года", "12 июня 1842 года"),
        ("Состав пополнили новой вагонной секцией.", "новой вагонной секцией", "новая вагонная секция"),
    ],
)
def test_names_and_phrases_become_nominative(text, words, answer) -> None:
    assert worded(text, words) == answer


def test_a_span_across_sentences_stays_as_it_is() -> None:
    assert worded("Построен в Туле. Открыт весной.", "Туле. Открыт") == "Туле. Открыт"


def test_a_span_through_a_word_stays_as_it_is() -> None:
    assert worded("Построен в Костроме.", "Костром") == "Костром"


def test_the_surface_loses_stress_marks_and_line_breaks() -> None:
    text = "Кале\u0301вала\nи  Эдда"
    assert surface(text, 0, len(text)) == "Калевала и Эдда"


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="Абвио\u0301 .,«»()—0129A%\n", max_size=50), st.data())
def test_any_span_has_a_wording(text, data) -> None:
    start = data.draw(st.integers(0, len(text)))
    stop = data.draw(st.integers(start, len(text)))
    assert isinstance(nominative(text, start, stop), str)
    if not text[start:stop].strip():
        assert not nominative(text, start, stop).strip()
