"""The trace: one line a question, read back whole, and drawn for a person."""

from __future__ import annotations

import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from rag.agent import plan
from rag.agent import trace as traces
from rag.agent.budget import Meter, Stopped, StopReason
from rag.agent.options import Budget
from rag.agent.plan import Plan, SubQuestion
from rag.agent.trace import append_trace, read_traces
from rag.ask import explain
from rag.ask.explain import print_trace
from retrievers.errors import InputError

ROOT = Path(__file__).resolve().parents[3]
AUTHOR = SubQuestion(id="q1", question="Кто написал роман «Солярис»?", defines="автор")
BIRTHPLACE = SubQuestion(id="q2", question="Где родился {автор}?", depends_on=("q1",))


@pytest.fixture(scope="module")
def trace(world):
    return (
        world.build()
        .invoke(world.QUESTION, plan=Plan(question=world.QUESTION, sub_questions=(AUTHOR, BIRTHPLACE)))
        .trace
    )


def test_traces_survive_their_file(tmp_path, trace) -> None:
    path = tmp_path / "трассы.jsonl"
    append_trace(path, trace)
    append_trace(path, trace)
    assert list(read_traces(path)) == [trace, trace]
    assert path.read_text("utf-8").count("\n") == 2


def test_a_bad_line_is_named(tmp_path, trace) -> None:
    path = tmp_path / "traces.jsonl"
    path.write_text(trace.to_json() + '{"question": "?"}\n', "utf-8")
    with pytest.raises(InputError, match=r"traces\.jsonl:2: field plan"):
        list(read_traces(path))
    with pytest.raises(InputError, match="cannot be read"):
        list(read_traces(tmp_path / "none.jsonl"))
    with pytest.raises(InputError, match="cannot be written"):
        append_trace(tmp_path, trace)


def test_a_person_sees_plan_steps_and_end(trace) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_trace(trace, console)
    shown = console.file.getvalue()
    for line in (
        "План: из файла",
        "q1. Кто написал роман «Солярис»? → {автор}",
        "q2. Где родился {автор}? после q1",
        "2. поиск (q2): Где родился Станислав Лем?",
        "ответ: Львов · уверенность 0,7 · покрытие вопроса 1 · достаточно",
        "Итог: ответ найден · поисков 2",
    ):
        assert line in shown


def test_a_plan_s_note_is_told_in_russian() -> None:
    assert explain._note("relative clause, genitive") == "придаточное определительное, цепочка родительных"
    assert explain._note("the model gave no plan: timed out; comparison") == "модель плана не дала, сравнение"
    assert explain._note("the model gave no plan: expected {, found nothing") == "модель плана не дала"
    assert explain._note("") == ""


def test_every_rule_has_its_russian() -> None:
    named = set()
    for file in (ROOT / "rag" / "agent" / "planning").glob("*.py"):
        text = file.read_text("utf-8")
        named.update(re.findall(r"builder\.note\(\"([^\"]+)\"\)", text))
        named.update(re.findall(r"as_question\(question\), \"([^\"]+)\"", text))
    assert named == set(explain._RULES)


def test_every_word_of_a_trace_has_its_russian(trace) -> None:
    from rag.ask import explain

    assert set(explain._STOPS) == set(StopReason)
    assert set(explain._VERDICTS) == set(traces.Verdict)
    assert set(explain._OPERATIONS) == set(traces.Operation)
    assert set(explain._ACTIONS) == set(plan.Action)
    assert set(explain._COMPARISONS) == set(plan.Comparison)
    assert set(explain._ORIGINS) == set(plan.Origin)


def test_a_meter_stops_at_each_limit() -> None:
    now = 0.0
    meter = Meter(Budget(steps=2, seconds=5.0, tokens=10), clock=lambda: now)
    meter.count_search()
    meter.count_search()
    with pytest.raises(Stopped) as caught:
        meter.count_search()
    assert caught.value.reason is StopReason.STEPS
    now = 5.0
    with pytest.raises(Stopped) as caught:
        meter.check()
    assert caught.value.reason is StopReason.SECONDS
    now = 0.0
    meter.usage.usage_metadata["модель"] = {"input_tokens": 7, "output_tokens": 3, "total_tokens": 10}
    with pytest.raises(Stopped) as caught:
        meter.check()
    assert caught.value.reason is StopReason.TOKENS
    assert meter.spent().tokens == 10
