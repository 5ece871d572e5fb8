from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.anchoring import anchor_answers

PASSAGE = "Пётр\u00a0I основал город в 1703 году. В 1712 году Пётр I перенёс столицу, и Ёлкин уехал."


@pytest.mark.parametrize(
    ("answers", "start", "expected"),
    [
        (["1712"], None, (("1712",), 36)),
        (["1703 году"], 23, (("1703 году",), 23)),
        (["1703 году"], 3, (("1703 году",), 23)),  # a wrong place is mended
        (["Пётр I"], 60, (("Пётр I",), 46)),  # the nearest
        (["Пётр I"], None, (("Пётр\u00a0I", "Пётр I"), 0)),  # the passage's own wording
        (["петр i"], 50, (("Пётр I", "петр i"), 46)),
        (["елкин", "Ёлкин"], None, (("Ёлкин", "елкин"), 72)),
        (["1713", "1712"], None, (("1712", "1713"), 36)),
        (["70"], None, (("70",), None)),  # no part of a number
        (["Москва", " "], 4, (("Москва",), None)),
        (["да"], None, (("да",), None)),
        ([""], 0, ((), None)),
    ],
)
def test_answers_are_put_in_their_place(answers, start, expected) -> None:
    found, at = anchor_answers(PASSAGE, answers, start=start)
    assert (found, at) == expected
    assert at is None or PASSAGE.startswith(found[0], at)


def test_yes_is_a_span_only_where_the_set_says_so() -> None:
    assert anchor_answers("Ну да, конечно", ["да"]) == (("да",), None)
    assert anchor_answers("Ну да, конечно", ["да"], start=3) == (("да",), 3)


TEXT = st.text(alphabet=st.sampled_from("Ёёеий\u0306\u0301 ,.«»-1A\u00adı"), max_size=30)


@settings(deadline=None, max_examples=50)
@given(TEXT, st.lists(TEXT, max_size=3), st.one_of(st.none(), st.integers(0, 40)))
def test_the_first_answer_always_stands_where_it_is_said_to(passage, answers, start) -> None:
    found, at = anchor_answers(passage, answers, start=start)
    assert at is None or (found[0] and passage.startswith(found[0], at))
    assert set(found) >= {answer.strip() for answer in answers if answer.strip()}
    assert len(set(found)) == len(found)


@settings(deadline=None, max_examples=50)
@given(TEXT, st.data())
def test_a_word_of_the_passage_is_found(passage, data) -> None:
    words = passage.split()
    if words:
        word = data.draw(st.sampled_from(words))
        assert anchor_answers(passage, [word])[1] is not None
