"""Findings: what counts as the same answer, and what evidence is enough."""

from __future__ import annotations

import pytest
from langchain_core.documents import Document

from rag.agent.checking import EvidenceCheck, coverage
from rag.agent.finding import Finding, FoundAnswer, common, distinct, interleaved, united
from rag.agent.trace import Verdict
from retrievers.analysis import Analyzer


def answers(*texts: str) -> tuple[FoundAnswer, ...]:
    return tuple(FoundAnswer(text, 0.5) for text in texts)


def texts(found: tuple[FoundAnswer, ...]) -> list[str]:
    return [one.text for one in found]


def chunk(name: str, text: str = "", title: str = "") -> Document:
    return Document(id=name, page_content=text, metadata={"chunk_id": name, "title": title})


def test_a_part_of_an_answer_is_no_other_answer() -> None:
    assert texts(distinct(answers("Станислав Лем", "Лем", "в Москве", "Москва", "…"), 5)) == [
        "Станислав Лем",
        "в Москве",
    ]
    assert texts(distinct(answers("Лем", "Гоголь", "Чехов"), 2)) == ["Лем", "Гоголь"]


def test_union_keeps_everything_once_and_intersection_what_all_have() -> None:
    left = Finding(answers("Москва", "Тула"), several=True)
    right = Finding(answers("в Туле", "Рига"), several=True)
    assert texts(united([left, right])) == ["Москва", "Тула", "Рига"]
    assert texts(common([left, right])) == ["Тула"]
    assert common([]) == ()
    assert united([Finding()]) == ()


def test_alternatives_are_one_answer_and_a_list_is_all_of_it() -> None:
    assert Finding(answers("Москва", "Тула")).text == "Москва"
    assert Finding(answers("Москва", "Тула"), several=True).text == "Москва, Тула"
    assert Finding().text == ""
    assert Finding().confidence == 0.0


def test_evidence_of_several_steps_takes_turns() -> None:
    a, b, c = chunk("a"), chunk("b"), chunk("c")
    assert interleaved([[a, b], [c, a]]) == (a, c, b)


def test_coverage_is_the_weighted_share_of_known_terms() -> None:
    weights = {"глубина": 3.0, "байкал": 1.0}
    passages = [chunk("a", "О рыбах", title="Байкал")]
    assert coverage("глубина Байкала", passages, Analyzer(), lambda term: weights.get(term, 0.0)) == pytest.approx(0.25)
    assert coverage("абракадабра", passages, Analyzer(), lambda term: weights.get(term, 0.0)) == 1.0


@pytest.mark.parametrize(
    ("passages", "found", "verdict"),
    [
        ([], (), Verdict.NO_PASSAGES),
        ([chunk("a", "Байкал")], (), Verdict.NO_ANSWER),
        ([chunk("a", "Байкал")], (FoundAnswer("1642 м", 0.1),), Verdict.LOW_CONFIDENCE),
        ([chunk("a", "О рыбах")], (FoundAnswer("1642 м", 0.5),), Verdict.LOW_COVERAGE),
        ([chunk("a", "Байкал")], (FoundAnswer("1642 м", 0.5),), Verdict.ENOUGH),
    ],
)
def test_the_self_check(passages, found, verdict) -> None:
    check = EvidenceCheck(Analyzer(), lambda term: 1.0, min_confidence=0.2, min_coverage=0.5)
    assert check.check("Какова глубина Байкала?", passages, found).verdict is verdict
