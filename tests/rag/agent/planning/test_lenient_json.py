"""JSON as models write it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.agent.planning.lenient_json import NotJsonError, read_json

PLAN = {"steps": [{"question": "Кто написал «Обломова»?", "n": 1, "last": True}]}


@pytest.mark.parametrize(
    "text",
    [
        '{"steps": [{"question": "Кто написал «Обломова»?", "n": 1, "last": true}]}',
        '```json\n{"steps": [{"question": "Кто написал «Обломова»?", "n": 1, "last": true}]}\n```',
        "Вот план [1]: {'steps': [{'question': 'Кто написал «Обломова»?', 'n': 1, 'last': True,},],} Удачи!",
        '{steps: [{question: "Кто написал «Обломова»?", n: 1, last: true}]',
        '{"steps": [{"question": "Кто написал «Обломова»?" "n": 1, "last": true',
        "{“steps”: [{“question”: “Кто написал «Обломова»?”, “n”: 1, “last”: true}]}",
        '{"steps": [ // шаги\n {"question": "Кто написал «Обломова»?", /* номер */ "n": 1, "last": true}]}',
        '{"steps": [{"question": "Кто написал «Обломова»?", "n": 1, "last": true]}}',
        '{"steps"= [{"question"= "Кто написал «Обломова»?", "n"= 1, "last"= true}]}',
        '{"steps": [{"question": "\\u041a\\u0442\\u043e написал «Обломова»?", "n": 1, "last": true}]}',
        '{} {"steps": [{"question": "Кто написал «Обломова»?", "n": 1, "last": true}]}',
    ],
)
def test_what_models_write_is_read(text) -> None:
    assert read_json(text) == PLAN


def test_a_quote_before_a_word_belongs_to_the_text() -> None:
    text = '{"question": "Кто автор романа "Обломов" и фильма "Сталкер"?", "id": "q1"}'
    assert read_json(text) == {"question": 'Кто автор романа "Обломов" и фильма "Сталкер"?', "id": "q1"}


@pytest.mark.parametrize("text", ["", "не знаю", "}", "{}", "[1]", "[[]]", "[", "()", "null"])
def test_no_json_is_an_error(text) -> None:
    with pytest.raises(NotJsonError):
        read_json(text)


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-1000, 1000) | st.text(st.characters(codec="utf-8"), max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("абвabc_", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("абвabc_", min_size=1, max_size=6), _VALUES, min_size=1, max_size=3), st.booleans())
def test_json_proper_is_read_as_it_is(value, indented) -> None:
    text = json.dumps(value, ensure_ascii=indented, indent=2 if indented else None)
    assert read_json(text) == value
    assert read_json(f"Ответ: {text}.") == value


@given(st.text(alphabet="{}[]\"',:\\/* \n1aя«»“”`=u", max_size=60))
def test_anything_is_read_or_refused(text) -> None:
    try:
        value = read_json(text)
    except NotJsonError:
        return
    assert isinstance(value, dict | list)


@pytest.mark.parametrize("text", ["[" * 30_000, "{" * 30_000, '{"a":' * 5_000, "{'" * 10_000, "/*" * 10_000 + "{"])
def test_deep_and_long_texts_end_soon(text) -> None:
    try:
        read_json(text)
    except NotJsonError:
        return
