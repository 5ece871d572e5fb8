from __future__ import annotations

import numpy as np

from retrievers.joint.model import Passage
from training.examples import Example
from training.joint.cases import Candidate, Case, case_of_example, draw


def test_a_row_becomes_a_case_with_titles_kept_apart() -> None:
    row = Example(
        question="Кто?", passage="Иван пришёл.", title="Иван", negatives=("Байкал\nОзеро в Сибири.", "Без названия."),
        answers=("Иван",), answer_start=0, doc_id="7", source="cloze:person",
    )  # fmt: skip
    case = case_of_example(row)
    assert case.gold == Candidate(Passage("Иван", "Иван пришёл."), True, 0, "7")
    assert [one.passage for one in case.candidates] == [
        Passage("Байкал", "Озеро в Сибири."),
        Passage("", "Без названия."),
    ]
    assert not any(one.relevant for one in case.candidates)


def test_groups_hold_one_right_passage_and_wrong_ones() -> None:
    candidates = tuple(Candidate(Passage("", f"Текст {at}."), at in (3, 7)) for at in range(20))
    case = Case("rubq", "Кто?", ("Иван",), "1", Candidate(Passage("", "Иван."), True), candidates)
    groups = draw(case, np.random.default_rng(0), wrong=2)
    assert len(groups) == 2
    for group in groups:
        assert [one.relevant for one in group] == [True, *([False] * (len(group) - 1))]
        assert 1 < len(group) <= 3


def test_a_case_without_a_right_passage_gives_nothing_to_learn() -> None:
    case = Case("demo", "Кто?", (), "1", None, (Candidate(Passage("", "Текст."), False),))
    assert draw(case, np.random.default_rng(0), wrong=2) == []
