"""Follow-up questions made standalone by rules; the pairs stand in ``follow_ups.toml``."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rag.agent.conversation import HistoryOptions, Origin, RuleRewriter, Turn
from rag.agent.conversation.rules import refers, split_opening
from rag.question import MAX_QUESTION

GROUPS: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("follow_ups.toml").read_text(encoding="utf-8")
)
CASES = [pytest.param(case, id=f"{group}-{case['question']}") for group, cases in GROUPS.items() for case in cases]
WAR_AND_PEACE = Turn(question="Кто написал роман «Война и мир»?", answer="Лев Толстой")


def history(case: dict[str, Any]) -> list[Turn]:
    return [Turn(question=question, answer=answer) for question, answer in case["said"]]


@pytest.mark.parametrize("case", CASES)
def test_a_follow_up_is_understood(case: dict[str, Any]) -> None:
    found = RuleRewriter().rewrite(case["question"], history(case))
    assert found.question == case["question"]
    assert found.standalone == case.get("standalone", case["question"])
    assert found.changed == ("standalone" in case)
    assert (found.origin is Origin.RULES) == found.changed
    assert bool(found.antecedent) == found.changed
    assert found.note


@pytest.mark.parametrize("case", [case for cases in GROUPS.values() for case in cases if "standalone" in case])
def test_what_was_rewritten_stays_as_it_is(case: dict[str, Any]) -> None:
    again = RuleRewriter().rewrite(case["standalone"], history(case))
    assert again.standalone == case["standalone"]


def test_nothing_is_rewritten_without_a_conversation() -> None:
    found = RuleRewriter().rewrite("А когда он умер?", [])
    assert (found.standalone, found.changed, found.note) == ("А когда он умер?", False, "разговор только начался")


def test_the_antecedent_and_the_note_say_what_was_meant() -> None:
    found = RuleRewriter().rewrite("Как звали его жену?", [WAR_AND_PEACE])
    assert found.antecedent == "Лев Толстой"
    assert found.note == "речь о том, что названо раньше: Лев Толстой"
    fragment = RuleRewriter().rewrite("А «Анна Каренина»?", [WAR_AND_PEACE])
    assert fragment.standalone == "Кто написал роман «Анна Каренина»?"
    assert fragment.note == "прошлый вопрос, в котором иначе: «Анна Каренина»"
    missing = RuleRewriter().rewrite("Когда оно замерзает?", [WAR_AND_PEACE])
    assert missing.note == "не нашлось, о ком или о чём «оно»"


def test_a_surname_is_taken_with_the_name_it_was_said_with() -> None:
    turns = [WAR_AND_PEACE, Turn(question="В каком году умер Толстой?", answer="1910")]
    assert RuleRewriter().rewrite("А где он похоронен?", turns).standalone == "Где похоронен Лев Толстой?"


def test_a_turn_that_is_no_longer_remembered_is_not_meant() -> None:
    turns = [WAR_AND_PEACE, *[Turn(question="Какова глубина Байкала?", answer="1642 м")] * 3]
    assert RuleRewriter().rewrite("Когда он женился?", turns).standalone == "Когда женился Лев Толстой?"
    short = RuleRewriter(HistoryOptions(turns=2))
    assert not short.rewrite("Когда он женился?", turns).changed


def test_an_answer_in_sentences_gives_its_names() -> None:
    answer = "Автор романа «Солярис» — польский писатель Станислав Лем, который родился во Львове в семье врача."
    turns = [Turn(question="Чей это роман?", answer=answer)]
    assert RuleRewriter().rewrite("Когда он умер?", turns).standalone == "Когда умер Станислав Лем?"


@pytest.mark.parametrize(
    ("question", "opening", "rest"),
    [
        ("А когда он умер?", "А", "когда он умер?"),
        ("Ну а Пушкин?", "Ну а", "Пушкин?"),
        ("А как насчёт Москвы?", "А как насчёт", "Москвы?"),
        ("Анна Каренина?", "", "Анна Каренина?"),
        ("Иван Грозный", "", "Иван Грозный"),
        ("А?", "", "А?"),
    ],
)
def test_openings(question: str, opening: str, rest: str) -> None:
    assert split_opening(question) == (opening, rest)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("А в Москве?", True),
        ("Как звали его жену?", True),
        ("Кто тогда правил?", True),
        ("Кто снялся в этом фильме?", True),
        ("Когда умер Пушкин?", False),
        ("Где родился Пушкин и когда он умер?", False),
    ],
)
def test_what_may_lean_on_the_conversation(question: str, expected: bool) -> None:
    assert refers(question) is expected


def test_an_endless_question_stays_as_it_is() -> None:
    question = "А когда он " + "очень " * 100 + "умер?"
    assert RuleRewriter().rewrite(question, [WAR_AND_PEACE]).standalone == question
    before = Turn(question="Когда родился Пушкин, " + "который очень " * 40 + "известен?")
    assert not RuleRewriter().rewrite("А Гоголь?", [before]).changed


VOCABULARY = (
    "а и он её их там этот это тогда когда кто какова где в о из Пушкин Москва «Солярис» 1812 году умер родилась жена "
    "город , ? ! ( « » из них same — …"
)
WORDS = st.sampled_from(VOCABULARY.split())
ANSWERS = st.sampled_from(["", "он", "Лем", "«", "1812"])


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=8).map(" ".join), st.lists(WORDS, max_size=6).map(" ".join), ANSWERS)
def test_no_words_make_the_rules_fail(question: str, before: str, answer: str) -> None:
    found = RuleRewriter().rewrite(question, [Turn(question=before, answer=answer), WAR_AND_PEACE])
    assert found.question.strip() == question.strip()
    assert len(found.standalone) <= MAX_QUESTION
