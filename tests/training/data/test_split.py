from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.errors import InputError
from training.data.near_duplicates import normal_form
from training.data.split import Grouping, split_examples, unsplit
from training.examples import Example

# Question, passage and document by number, few of each, so that they meet; the document 0 is none.
ROWS = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 6)), min_size=1, max_size=25)


@settings(deadline=None, max_examples=50)
@given(ROWS, st.sampled_from(list(Grouping)), st.integers(0, 3))
def test_sets_share_no_document_no_passage_and_no_question(numbers, by, seed) -> None:
    rows = [
        Example(question=f"вопрос {question}", passage=f"отрывок {passage}", doc_id=f"документ {doc}" if doc else "")
        for question, passage, doc in numbers
    ]
    try:
        split = split_examples(rows, (0.6, 0.2, 0.2), seed=seed, by=by)
    except InputError:
        return
    for first, second in itertools.combinations(split.parts.values(), 2):
        assert not {row.doc_id for row in first if row.doc_id} & {row.doc_id for row in second}
        assert not {normal_form(row.passage) for row in first} & {normal_form(row.passage) for row in second}
        assert not {normal_form(row.question) for row in first} & {normal_form(row.question) for row in second}
    assert sum(map(len, split.parts.values())) + sum(split.repeated.values()) == len(rows)
    if by is Grouping.QUESTION:
        assert not split.repeated


def rows_of(documents: int, each: int = 3) -> list[Example]:
    return [
        Example(question=f"вопрос {at} {doc}", passage=f"отрывок {at} {doc}", doc_id=str(doc))
        for doc in range(documents)
        for at in range(each)
    ]


def test_sizes_are_the_shares_and_the_order_of_rows_stays() -> None:
    rows = rows_of(100)
    split = split_examples(rows, (0.8, 0.1, 0.1), seed=0)
    assert {name: len(part) for name, part in split.parts.items()} == {"train": 240, "dev": 30, "test": 30}
    assert split.groups == {"train": 80, "dev": 10, "test": 10}
    assert split.largest == 3
    assert all(part == [row for row in rows if row in part] for part in split.parts.values())


def test_the_cut_depends_on_the_seed_and_not_on_the_order_of_rows() -> None:
    rows = rows_of(40)
    first = split_examples(rows, (0.5, 0.5), seed=1).parts["dev"]
    again = split_examples(rows[::-1], (0.5, 0.5), seed=1).parts["dev"]
    other = split_examples(rows, (0.5, 0.5), seed=2).parts["dev"]
    assert first == again[::-1]
    assert first != other


def test_pairs_of_questions_hang_together_through_their_texts() -> None:
    chain = [Example(question=f"текст {at}", passage=f"Текст {at + 1}!") for at in range(9)]
    split = split_examples([*chain, Example(question="а", passage="б")], (0.5, 0.5), seed=0)
    assert sorted(map(len, split.parts.values())) == [1, 9]


def test_a_question_of_many_documents_does_not_tie_them_but_stays_in_one_set() -> None:
    rows = [Example(question="История", passage=f"Отрывок {at}", doc_id=f"страница {at}") for at in range(10)]
    rows += rows_of(10, 1)
    split = split_examples(rows, (0.5, 0.5), seed=0)
    assert split.largest == 1
    assert split.repeated["dev"] + sum(row.question == "История" for row in split.parts["train"]) == 10
    assert split_examples(rows, (0.5, 0.5), seed=0, by=Grouping.QUESTION).largest == 10


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ((1.0,), "two shares"),
        ((0.8, 0.3), "add up to 1, got 0.8 0.3"),
        ((1.2, -0.2), "above 0"),
        ((float("nan"), 0.5), "above 0"),
        ((0.25,) * 4, "two shares"),
    ],
)
def test_shares(shares, message) -> None:
    with pytest.raises(InputError, match=message):
        split_examples(rows_of(5), shares, seed=0)


def test_what_hangs_together_cannot_be_cut() -> None:
    with pytest.raises(InputError, match="dev set would be empty: 6 examples come in 1 groups"):
        split_examples(rows_of(1, 6), (0.5, 0.5), seed=0)


def test_training_data_alone_has_the_same_facts() -> None:
    rows = rows_of(4)
    assert unsplit(rows).parts == {"train": rows}
    assert (unsplit(rows).groups, unsplit(rows).largest) == ({"train": 4}, 3)
