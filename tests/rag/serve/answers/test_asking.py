"""What is asked, checked before anybody works on it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.question import MAX_QUESTION
from rag.serve.answers.asking import Asked, usable
from rag.serve.problems import Code, Problem


def test_white_space_does_not_count():
    assert usable("  Какова\n\nглубина \t Байкала? ") == "Какова глубина Байкала?"


@pytest.mark.parametrize("question", ["", " ", "?!", "я", "7", "а" * (MAX_QUESTION + 1)])
def test_a_question_without_a_word_or_end_is_refused(question):
    with pytest.raises(Problem) as refused:
        usable(question, "messages")
    assert (refused.value.code, refused.value.param) == (Code.UNUSABLE_QUESTION, "messages")


@given(st.text(max_size=60))
def test_whatever_is_asked_is_refused_or_usable_once_and_for_all(question):
    try:
        first = usable(question)
    except Problem:
        return
    assert usable(first) == first
    assert first.split() == question.split()


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["$and", "$in", "topic"]), inner),
        max_leaves=10,
    )
)
def test_any_filter_is_taken_or_refused_as_a_mistake(where):
    mistakes: list[object] = []
    try:
        taken = Asked(question="Какова глубина Байкала?", filter=where).filter
    except ValidationError as refused:
        mistakes = [error["loc"][0] for error in refused.errors()]
    assert set(mistakes) == {"filter"} if mistakes else taken == where
