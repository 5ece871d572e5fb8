"""Words of a passage that a question has, whatever form they stand in."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.serve.answers.matching import matched_words


@pytest.mark.parametrize(
    ("question", "text", "words"),
    [
        ("Какова глубина Байкала?", "Глубина озера Байкал достигает 1642 м.", ["Глубина", "Байкал"]),
        ("Кто написал роман «Обломов»?", "Он напишет «Обломова»: романом доволен.", ["напишет", "Обломова", "романом"]),
        ("Когда умер Лев Толстой?", "Толсто́й у́мер в 1910 году.", ["Толсто́й", "у́мер"]),
        ("Что такое ёлка?", "Елки и ёлочки", ["Елки"]),
        ("Что было в 21 700 000 году?", "Население: 21 700 000 и 21,7 млн", ["21 700 000"]),
        ("Где это и что это?", "Вода прозрачна.", []),
        ("Где он?", "Где был, там и он.", ["Где", "он"]),
        ("Кто такой Пушкин?", "", []),
    ],
)  # fmt: skip
def test_words_that_match_by_lemma(question, text, words):
    assert [text[start:end] for start, end in matched_words(question, text)] == words


@given(st.text(alphabet="абвё́ АБ1 2,.«»-\u00ad\n", max_size=80), st.text(alphabet="абвё́ 12", max_size=30))
def test_spans_are_words_of_the_text_in_order(text, question):
    spans = matched_words(question, text)
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(end <= following for (_, end), (following, _) in itertools.pairwise(spans))
