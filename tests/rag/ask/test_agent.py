"""``rag.ask --agent`` as a user runs it, over the demo index: tree, JSON, plans in files, a conversation, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import rag.demo
from rag.agent.plan import Plan, SubQuestion
from rag.agent.trace import read_traces
from rag.ask import __main__ as command
from rag.profile import load_profile

QUESTION = "Где родился мореплаватель, чьи корабли дали имя Петропавловску-Камчатскому?"
PLAN = Plan(
    question=QUESTION,
    sub_questions=(
        SubQuestion(id="q1", question="Чьи пакетботы дали имя Петропавловской гавани?", defines="мореплаватель"),
        SubQuestion(id="q2", question="Где родился {мореплаватель}?", depends_on=("q1",)),
    ),
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rag.demo.platformdirs, "user_cache_path", lambda name: folder / name)
        rag.demo.open_demo_index(load_profile()).close()
        yield folder


@pytest.fixture
def plan_file(tmp_path) -> Path:
    path = tmp_path / "план.json"
    path.write_text(PLAN.to_json(), "utf-8")
    return path


def ask(capsys, *flags: str) -> tuple[int, str, str]:
    code = command.main(list(flags))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_the_steps_are_drawn_under_the_answer(capsys, plan_file) -> None:
    code, out, err = ask(capsys, "--agent", "--explain", "--plan", str(plan_file))
    assert (code, err) == (0, "")
    assert out.splitlines()[0] == "Хорсенс"
    assert "План: из файла" in out
    assert "├── 1. поиск (q1): Чьи пакетботы дали имя" in out
    assert "поиск (q2): Где родился Витус Беринг?" in out
    assert "Итог: ответ найден · поисков" in out


def test_json_holds_the_trace(capsys, plan_file) -> None:
    code, out, _ = ask(capsys, QUESTION, "--agent", "--json", "--plan", str(plan_file))
    assert code == 0
    answer = json.loads(out)
    assert answer["answer"] == "Хорсенс"
    assert [step["sub_question"] for step in answer["trace"]["steps"]][:2] == ["q1", "q2"]
    assert {context["doc_id"] for context in answer["contexts"]} >= {"vitus-bering"}


def test_a_plan_is_saved_edited_and_replayed(capsys, tmp_path) -> None:
    path, traces = tmp_path / "plan.json", tmp_path / "traces.jsonl"
    code, _, err = ask(capsys, QUESTION, "--agent", "--save-plan", str(path), "--trace", str(traces))
    assert (code, err) == (0, "")
    made = json.loads(path.read_text("utf-8"))
    assert made["question"] == QUESTION
    made["sub_questions"] = PLAN.model_dump(mode="json")["sub_questions"]
    path.write_text(json.dumps(made, ensure_ascii=False), "utf-8")
    code, out, _ = ask(capsys, "--agent", "--plan", str(path), "--trace", str(traces))
    assert (code, out.splitlines()[0]) == (0, "Хорсенс")
    first, second = read_traces(traces)
    assert first.question == second.question == QUESTION
    assert second.plan.sub_questions == PLAN.sub_questions


def test_a_single_question_has_the_chain_s_answer(capsys) -> None:
    _, plain, _ = ask(capsys, "Какова наибольшая глубина Байкала?")
    _, stepwise, _ = ask(capsys, "Какова наибольшая глубина Байкала?", "--agent")
    assert stepwise == plain


def test_a_conversation_at_the_prompt_is_remembered(capsys, monkeypatch) -> None:
    asked = iter(["Какова наибольшая глубина Байкала?", "А какова его площадь?", ""])
    monkeypatch.setattr("builtins.input", lambda _: next(asked))
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    code, out, _ = ask(capsys, "--agent")
    assert code == 0
    assert "Вопрос понят так: Какова площадь Байкала?" in out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["?", "--explain"], "--explain is about the agent"),
        ([QUESTION, "--plan", "x.json"], "--plan is about the agent"),
        ([QUESTION, "--agent", "--stream"], "take --explain to see the steps"),
        (["--agent", "--save-plan", "x.json"], "give the question with it"),
        ([QUESTION, "--agent", "--plan", "нет-такого.json"], "нет-такого.json cannot be read"),
        ([QUESTION, "--agent", "--trace", "нет/такой/папки.jsonl"], "cannot be written"),
        ([QUESTION, "--agent", "--set", "agent.beam=0"], "option agent.beam"),
        ([QUESTION, "--agent", "--set", "agent.planner=model"], "generator is no language model"),
    ],
)
def test_mistakes_are_named(capsys, flags, message) -> None:
    code, out, err = ask(capsys, *flags)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_a_plan_of_another_question_is_refused(capsys, plan_file) -> None:
    code, _, err = ask(capsys, "Кто такой Беринг?", "--agent", "--plan", str(plan_file))
    assert code == 2
    assert "another question than the one asked" in err
