from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from training.examples import Example
from training.finetune import columns


def row(question: str = "Где Байкал?", **fields) -> Example:
    return Example(question=question, **{"passage": "В Сибири.", **fields})


TWO = row(
    "Где исток Волги?", passage="На Валдае.", title="Волга", negatives=("В Сибири.", "На Урале."), scores=(3, 1, -1)
)
ONE = row(negatives=("На Урале.",), scores=(2, 0.5))
NONE = row("Что такое Нева?", passage="Река.")


def test_ranked_takes_as_many_negatives_as_every_row_has() -> None:
    data = columns.ranked([TWO, ONE], None)
    assert data.values == {
        "question": ["Где исток Волги?", "Где Байкал?"],
        "passage": ["Волга\nНа Валдае.", "В Сибири."],
        "negative_1": ["В Сибири.", "На Урале."],
    }
    assert data.texts == ["question", "passage", "negative_1"]
    assert list(columns.ranked([TWO, ONE, NONE], None).values) == ["question", "passage"]


def test_ranked_leaves_out_rows_with_too_few_negatives_or_another_label() -> None:
    data = columns.ranked([TWO, ONE, NONE, row(label=0.0), row(label=1.0, negatives=("а", "б"))], 2)
    assert data.values["question"] == ["Где исток Волги?", "Где Байкал?"]
    assert data.left_out == {"not relevant by their label": 1, "with fewer than 2 negatives": 2}
    with pytest.raises(InputError, match=r"none of 2 rows .* has a relevant passage and 3 negatives"):
        columns.ranked([TWO, ONE], 3)


def test_triplets_are_one_a_negative() -> None:
    data = columns.triplets([TWO, ONE, NONE], None)
    assert data.values["negative"] == ["В Сибири.", "На Урале.", "На Урале."]
    assert data.values["question"][:2] == ["Где исток Волги?"] * 2
    assert data.left_out == {"without negatives": 1}
    assert len(columns.triplets([TWO, ONE], 1)) == 2
    with pytest.raises(InputError, match="--loss triplet needs"):
        columns.triplets([NONE], None)


def test_binary_comes_from_labels_or_negatives() -> None:
    assert columns.binary([TWO, NONE], 1).values["label"] == [1, 0, 1]
    assert columns.binary([row(label=0), row(label=4), row(label=5)], None).values["label"] == [0, 1, 1]
    for rows in ([NONE], [row(label=1), row(label=1)]):
        with pytest.raises(InputError, match="needs labels of both kinds"):
            columns.binary(rows, None)


def test_graded_scales_labels_and_minds_their_range() -> None:
    data = columns.graded([row(label=5), row(label=2.5), NONE], 5.0, -1.0, 1.0)
    assert data.values["label"] == [1.0, 0.5]
    assert data.left_out == {"without a label": 1}
    with pytest.raises(InputError, match=r"labels from 2.5 to 5; this loss needs -1 to 1: .*--label-scale"):
        columns.graded([row(label=5), row(label=2.5)], 1.0, -1.0, 1.0)
    with pytest.raises(InputError, match=r"none of 1 rows .*needs"):
        columns.graded([NONE], 1.0, 0.0, 1.0)
    with pytest.raises(InputError, match="all labels are the same"):
        columns.graded([row(label=1), row(label=1)], 1.0, 0.0, 1.0)


def test_pointwise_gives_every_pair_a_relevance() -> None:
    assert columns.pointwise([TWO, row(label=2)], None, 4.0).values["label"] == [1.0, 0.0, 0.0, 0.5]
    with pytest.raises(InputError, match="every pair has the relevance 1"):
        columns.pointwise([NONE], None, 1.0)
    with pytest.raises(InputError, match="this loss needs 0 to 1"):
        columns.pointwise([row(label=2), row(label=0)], None, 1.0)


def test_classes_are_labels_and_the_highest_for_positives() -> None:
    assert columns.classes([row(label=1), TWO], 3, 1).values["label"] == [1, 2, 0]
    with pytest.raises(InputError, match="expected labels 0 to 2, found 3"):
        columns.classes([row(label=3), row(label=0)], 3, None)
    with pytest.raises(InputError, match=r"found 0.5"):
        columns.classes([row(label=0.5), row(label=0)], 2, None)
    with pytest.raises(InputError, match="one class"):
        columns.classes([NONE], 2, None)


def test_scored_keeps_the_teacher_s_scores_in_their_order() -> None:
    data = columns.scored([TWO, ONE, NONE], None)
    assert data.values["label"] == [[3.0, 1.0], [2.0, 0.5]]
    assert data.left_out == {"without scores": 1}
    assert columns.scored([TWO, ONE], 2).values["label"] == [[3.0, 1.0, -1.0]]
    with pytest.raises(InputError, match="--loss margin-mse needs"):
        columns.scored([NONE], None)


def test_lists_join_rows_of_a_question() -> None:
    rows = [row(passage="а", label=1, negatives=("в",)), row(passage="б", label=2), NONE]
    data = columns.lists(rows, None, sharpness=10.0, teacher=False, scale=2.0)
    assert data.values == {"question": ["Где Байкал?"], "passage": [["а", "в", "б"]], "label": [[5.0, 0.0, 10.0]]}
    assert data.left_out == {"questions with passages of one relevance": 1}
    assert columns.lists([TWO], None, sharpness=10.0, teacher=True).values["label"] == [[3.0, 1.0, -1.0]]
    assert columns.lists([TWO], 1, sharpness=1.0, teacher=False).values["label"] == [[1.0, 0.0]]
    with pytest.raises(InputError, match="passages of different relevance"):
        columns.lists([NONE], None, sharpness=1.0, teacher=False)


def test_a_positive_of_one_row_is_no_negative_of_another() -> None:
    rows = [row(passage="а", negatives=("б",)), row(passage="б", negatives=("в",))]
    data = columns.lists(rows, None, sharpness=1.0, teacher=False)
    assert data.values["label"] == [[1.0, 1.0, 0.0]]


words = st.sampled_from(["Байкал", "Волга", "Нева", "Ладога", "Онега"])
examples = st.builds(
    lambda question, passage, negatives, label: Example(
        question=question, passage=passage, negatives=tuple(negatives), label=label
    ),
    words, words, st.lists(words, max_size=3), st.none() | st.integers(0, 2),
)  # fmt: skip


@given(st.lists(examples, min_size=1, max_size=6), st.none() | st.integers(1, 3))
def test_columns_have_one_length_and_no_row_is_lost_untold(rows: list[Example], negatives: int | None) -> None:
    for make in (
        lambda: columns.ranked(rows, negatives),
        lambda: columns.triplets(rows, negatives),
        lambda: columns.binary(rows, negatives),
        lambda: columns.classes(rows, 3, negatives),
        lambda: columns.pointwise(rows, negatives, 2.0),
        lambda: columns.lists(rows, negatives, sharpness=10.0, teacher=True),
    ):
        try:
            data = make()
        except InputError:
            continue
        assert len({len(column) for column in data.values.values()}) == 1
        assert len(data) > 0
    try:
        data = columns.ranked(rows, negatives)
    except InputError:
        return
    assert len(data) + sum(data.left_out.values()) == len(rows)
