from __future__ import annotations

from collections import Counter

import pytest

from retrievers.errors import InputError
from training.data.sampling import CAREFUL, NAIVE, Exclusion, draw_negatives, sample_negatives
from training.examples import Example

BAIKAL = Example(
    question="Какова глубина Байкала?",
    passage="Байкал — глубочайшее озеро на планете, его глубина 1642 метра.",
    title="Байкал",
    answers=("1642",),
    doc_id="baikal",
)
OTHERS = {
    Exclusion.TITLE: Example(question="Где Байкал?", passage="Озеро лежит в Сибири.", title="Байкал\nГеография"),
    Exclusion.DOCUMENT: Example(question="Чья вода?", passage="Воду фильтрует рачок.", doc_id="baikal"),
    Exclusion.ANSWER: Example(question="Что глубже?", passage="В списке озёр первым стоит Байкал: 1642 м."),
    Exclusion.NEAR: Example(
        question="Что это?", passage="Озеро Байкал: глубочайшее озеро на планете, его глубина всем известна."
    ),
    Exclusion.POSITIVE: Example(question="какова глубина байкала", passage="Наибольшая измеренная глубина велика."),
}
FIT = [
    Example(question="Где Эльбрус?", passage="Эльбрус стоит на Кавказе.", title="Эльбрус"),
    Example(question="Кто открыл Нептун?", passage="Нептун открыл Галле.", title="Нептун"),
]


def negatives_of_first(count, exclude=CAREFUL, *, seed=0):
    return sample_negatives([BAIKAL, *OTHERS.values(), *FIT], count, seed=seed, exclude=exclude)[0].negatives


def test_care_leaves_only_passages_that_cannot_answer() -> None:
    assert set(negatives_of_first(9)) == {example.text for example in FIT}


@pytest.mark.parametrize("reason", [one for one in Exclusion if one is not Exclusion.POSITIVE])
def test_every_reason_alone_excludes_its_passage(reason) -> None:
    everything = {example.text for example in (*OTHERS.values(), *FIT)} - {OTHERS[Exclusion.POSITIVE].text}
    assert set(negatives_of_first(9, ())) == everything
    assert everything - set(negatives_of_first(9, {reason})) >= {OTHERS[reason].text}


def test_the_naive_baseline_excludes_the_title_alone() -> None:
    found = set(negatives_of_first(9, NAIVE))
    assert OTHERS[Exclusion.TITLE].text not in found
    assert OTHERS[Exclusion.ANSWER].text in found


def test_rejections_are_counted_and_shortage_is_told() -> None:
    drawn = draw_negatives([BAIKAL, OTHERS[Exclusion.ANSWER], FIT[0]], 2, seed=0)
    assert drawn.rejected[Exclusion.ANSWER] == 1
    # The two others lack one as well, or not: FIT[0] takes both passages.
    assert drawn.short == 1
    assert [len(example.negatives) for example in drawn.examples] == [1, 2, 2]


def test_seeds_make_the_draw_and_nothing_else_does() -> None:
    rows = [Example(question=f"вопрос {at}", passage=f"отрывок номер {at}") for at in range(50)]
    assert sample_negatives(rows, 3, seed=1) == sample_negatives(rows, 3, seed=1)
    assert sample_negatives(rows, 3, seed=1) != sample_negatives(rows, 3, seed=2)


def test_every_passage_is_drawn_about_as_often() -> None:
    rows = [Example(question=f"вопрос {at}", passage=f"отрывок {at}") for at in range(20)]
    drawn = Counter(text for row in sample_negatives(rows * 1, 5, seed=3) for text in row.negatives)
    for seed in range(40):
        drawn.update(text for row in sample_negatives(rows, 5, seed=seed) for text in row.negatives)
    assert len(drawn) == 20
    # 41 draws of 5 for each of 20 rows: 205 a passage, standard deviation under 13
    assert max(abs(count - 205) for count in drawn.values()) < 60


def test_new_negatives_stand_behind_the_hard_ones_and_never_twice() -> None:
    row = BAIKAL.model_copy(update={"negatives": ("Трудный отрывок.", FIT[0].text)})
    (first, *_) = sample_negatives([row, *FIT], 2, seed=0)
    assert first.negatives == ("Трудный отрывок.", FIT[0].text, FIT[1].text)


def test_pairs_that_do_not_belong_get_none() -> None:
    row = Example(question="а", passage="б", label=0.0)
    assert sample_negatives([row, *FIT], 1, seed=0)[0] == row


@pytest.mark.parametrize(
    ("rows", "count", "message"),
    [
        (FIT, 0, "at least 1"),
        ([*FIT, Example(question="а", passage="б", negatives=("в",), scores=(1, 0))], 1, "example 3 has a teacher"),
    ],
)
def test_mistakes(rows, count, message) -> None:
    with pytest.raises(InputError, match=message):
        sample_negatives(rows, count, seed=0)
