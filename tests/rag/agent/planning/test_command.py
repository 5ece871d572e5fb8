"""``python -m rag.agent.planning``."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from rag.agent.plan import Plan, read_plan
from rag.agent.planning.__main__ import main


def test_a_plan_is_printed_to_be_edited_and_replayed(capsys, tmp_path) -> None:
    assert main(["Где родился автор романа «Солярис»?"]) == 0
    printed = capsys.readouterr().out
    path = tmp_path / "plan.json"
    path.write_text(printed, encoding="utf-8")
    plan = read_plan(path)
    assert isinstance(plan, Plan)
    assert [one.question for one in plan.sub_questions] == ["Кто автор романа «Солярис»?", "Где родился {автор}?"]


def test_a_model_behind_a_server_plans(capsys, fake_openai) -> None:
    pytest.importorskip("langchain_openai", reason="needs the extra chat")
    reply = json.dumps({"steps": [{"question": "Кто написал «Солярис»?"}]}, ensure_ascii=False)
    with fake_openai.serve(fake_openai.FakeOpenAI(text=reply)) as server:
        assert main(["Кто написал «Солярис»?", "--model", "local", "--base-url", server.url]) == 0
    assert json.loads(capsys.readouterr().out)["note"] == "the model sees one step"


def test_a_server_that_is_not_there_is_said_in_the_note(capsys) -> None:
    pytest.importorskip("langchain_openai", reason="needs the extra chat")
    assert main(["Кто написал «Солярис»?", "--base-url", "http://127.0.0.1:9/v1", "--timeout", "2"]) == 0
    assert "nothing answers at http://127.0.0.1:9/v1" in json.loads(capsys.readouterr().out)["note"]


@pytest.mark.parametrize("question", ["", "?!"])
def test_a_question_of_nothing_is_bad_input(question, capsys) -> None:
    assert main([question]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_the_rules_load_no_client_of_models() -> None:
    script = (
        "import sys; import rag.agent.planning.rules; print('langchain_openai' in sys.modules, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]
