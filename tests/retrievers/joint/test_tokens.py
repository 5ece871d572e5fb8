from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.joint.tokens import COLUMNS, SIZES, Shape, tokenize, word


def test_tokens_know_where_they_stand() -> None:
    text = "Глубина Байка\u0301ла — 1642 м."
    tokens = tokenize(text)
    surfaces = [text[start:stop] for start, stop in zip(tokens.starts, tokens.stops, strict=True)]
    assert surfaces == ["Глубина", "Байка\u0301ла", "—", "1642", "м", "."]
    assert [one.lemma for one in tokens.words[:2]] == ["глубина", "байкал"]


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=80))
def test_any_text_gives_offsets_that_ascend_and_categories_within_their_sizes(text: str) -> None:
    tokens = tokenize(text)
    assert tokens.categories.shape == (len(tokens), len(COLUMNS))
    if not len(tokens):
        return
    assert ((tokens.categories >= 0) & (tokens.categories < list(SIZES))).all()
    assert (tokens.starts < tokens.stops).all()
    assert (tokens.starts[1:] >= tokens.stops[:-1]).all()
    assert tokens.stops[-1] <= len(text)


@pytest.mark.parametrize(
    ("surface", "shape"),
    [
        ("Байкал", Shape.CAPITALISED),
        ("СССР", Shape.UPPER),
        ("озеро", Shape.LOWER),
        ("1861", Shape.YEAR),
        ("42", Shape.SHORT_NUMBER),
        ("250000", Shape.LONG_NUMBER),
        ("1,5", Shape.DECIMAL),
        ("XIX", Shape.ROMAN),
        ("Nazareth", Shape.LATIN_CAPITALISED),
        ("«", Shape.OPENING_QUOTE),
    ],
)
def test_a_word_s_shape(surface: str, shape: Shape) -> None:
    assert word(surface).categories[0] == shape


def test_sentences_end_at_full_stops_but_not_after_abbreviations() -> None:
    tokens = tokenize("Он родился в 1799 г. в Москве. Умер в Петербурге.")
    sentences = {one.folded: int(number) for one, number in zip(tokens.words, tokens.sentence, strict=True)}
    assert sentences["москве"] == 0
    assert sentences["петербурге"] == 1


def test_a_limit_cuts() -> None:
    assert len(tokenize("раз два три четыре", limit=2)) == 2
