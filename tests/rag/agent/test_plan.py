"""The plan: what is sound, what is refused and with which words, and that it survives a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rag.agent.plan import (
    MAX_SUB_QUESTIONS,
    Action,
    Comparison,
    Origin,
    Plan,
    Slot,
    SubQuestion,
    fill_slots,
    read_plan,
    slots_of,
)
from retrievers.errors import InputError

AUTHOR = SubQuestion(id="q1", question="Кто написал роман «Солярис»?", defines="автор")
BIRTHPLACE = SubQuestion(id="q2", question="В каком городе родился {автор}?", depends_on=("q1",))
QUESTION = "В каком городе родился автор романа «Солярис»?"


def plan(*sub_questions: SubQuestion) -> Plan:
    return Plan(question=QUESTION, sub_questions=sub_questions)


def refusal(*sub_questions: SubQuestion) -> str:
    with pytest.raises(ValidationError) as caught:
        plan(*sub_questions)
    return str(caught.value)


def test_a_sound_plan_is_put_in_the_order_of_its_dependencies() -> None:
    assert plan(BIRTHPLACE, AUTHOR).sub_questions == (AUTHOR, BIRTHPLACE)
    assert plan(AUTHOR, BIRTHPLACE).last == (BIRTHPLACE,)
    assert plan(AUTHOR, BIRTHPLACE).definer("автор") == AUTHOR


@pytest.mark.parametrize(
    ("sub_questions", "message"),
    [
        ((AUTHOR, AUTHOR, BIRTHPLACE), "q1: the id is taken"),
        ((AUTHOR, BIRTHPLACE, AUTHOR.model_copy(update={"id": "q3"})), "slot 'автор' is defined by q1 already"),
        ((BIRTHPLACE,), "depends on 'q1', which is no sub-question"),
        ((AUTHOR,), "defines slot 'автор', which no sub-question uses"),
        ((BIRTHPLACE.model_copy(update={"depends_on": ()}),), "which no sub-question defines"),
        ((AUTHOR, BIRTHPLACE.model_copy(update={"depends_on": ()})), "does not depend on q1, which defines it"),
        ((AUTHOR, BIRTHPLACE.model_copy(update={"depends_on": ("q1", "q1")})), "names a dependency twice"),
        ((SubQuestion(id="q1", question="Что это?", depends_on=("q1",)),), "run in a circle"),
        (
            (
                SubQuestion(id="a", question="Где {б}?", defines="а", depends_on=("b",)),
                SubQuestion(id="b", question="Где {а}?", defines="б", depends_on=("a",)),
            ),
            "run in a circle",
        ),
        ((AUTHOR.model_copy(update={"action": Action.LIST}), BIRTHPLACE), "ask for each of it with action each"),
        ((AUTHOR, BIRTHPLACE.model_copy(update={"action": Action.EACH})), "exactly one slot that holds a list"),
        ((SubQuestion(id="q1", question="Что длиннее?", action=Action.UNITE),), "needs at least two dependencies"),
        (
            (SubQuestion(id="q1", question="Что длиннее?", comparison=Comparison.MOST),),
            "a comparison belongs to action compare",
        ),
    ],
)
def test_an_unsound_plan_is_refused_by_name(sub_questions, message) -> None:
    assert message in refusal(*sub_questions)


def test_a_plan_has_at_most_five_sub_questions() -> None:
    questions = [SubQuestion(id=f"q{number}", question=f"Что такое {number}?") for number in range(6)]
    assert len(plan(*questions[:MAX_SUB_QUESTIONS]).sub_questions) == MAX_SUB_QUESTIONS == 5
    assert "at most 5 items" in refusal(*questions)


@pytest.mark.parametrize(
    "question", ["Где {автор?", "Где автор}?", "Где {}?", "Где {1автор}?", "Где {автор|genitive}?", "Где {{автор}}?"]
)
def test_a_malformed_slot_is_refused(question) -> None:
    with pytest.raises(ValidationError):
        SubQuestion(id="q1", question=question)


def test_slots_are_found_and_filled() -> None:
    text = "Что написал {автор} о городе {город|loct} и {автор|gent}?"
    assert slots_of(text) == (Slot(name="автор"), Slot(name="город", case="loct"), Slot(name="автор", case="gent"))
    filled = fill_slots(text, {slot: f"<{slot.name}:{slot.case}>" for slot in slots_of(text)})
    assert filled == "Что написал <автор:nomn> о городе <город:loct> и <автор:gent>?"


@given(st.text(min_size=1).filter(str.strip))
def test_any_question_has_a_plan_of_one_step(question) -> None:
    single = Plan.single(question)
    assert single.is_single
    assert single.origin is Origin.SINGLE
    assert not single.sub_questions[0].slots


def test_a_plan_survives_its_file(tmp_path) -> None:
    path = tmp_path / "план.json"
    made = plan(AUTHOR, BIRTHPLACE)
    path.write_text(made.to_json(), "utf-8")
    assert read_plan(path) == made
    path.write_text(made.model_copy(update={"origin": Origin.RULES}).to_json(), "utf-8")
    assert read_plan(path).origin is Origin.FILE  # it may have been edited since
    path.write_text(made.to_json(), "utf-8")
    assert "origin" not in json.loads(path.read_text("utf-8"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"[" * 100_000, "not JSON"),
        (b"[]", "field plan"),
        (b'{"question": "?", "sub_questions": []}', "field sub_questions: Tuple should have at least 1 item"),
        (
            b'{"question": "?", "sub_questions": [{"id": "1", "question": "?"}]}',
            "field sub_questions.0.id: '1' is no name",
        ),
        (b'{"question": "?", "steps": []}', "field sub_questions: Field required"),
    ],
)
def test_a_bad_plan_file_says_where(tmp_path, content, message) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_plan(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_plan_file() -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_plan(Path("нет-такого.json"))
