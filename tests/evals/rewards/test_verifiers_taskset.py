"""verifiers' own loader takes our task set, and its scoring calls our rewards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from evals.rewards.__main__ import main
from retrievers.errors import InputError

vf = pytest.importorskip("verifiers.v1", reason="verifiers of the extra rl is not installed")

pytestmark = pytest.mark.filterwarnings("ignore")  # of verifiers and what is under it

PLUGIN = """
from evals.rewards.verifiers import question_taskset
RussianQuestions = question_taskset()
__all__ = ["RussianQuestions"]
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Load a file of rows as verifiers does: by the name of a module that is installed."""
    (tmp_path / "russian_questions_plugin.py").write_text(PLUGIN, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield lambda rows: load_taskset("russian_questions_plugin", rows)
    sys.modules.pop("russian_questions_plugin", None)


def load_taskset(name: str, rows: Path) -> Any:
    """As verifiers' commands do: the task set's own config is found by its id and takes the path of the rows."""
    from verifiers.v1.utils import loaders

    config = loaders.taskset_config_type(name)(id=name, path=rows)
    return loaders.load_taskset(config)


def trace_of(task: Any, reply: str) -> Any:
    return vf.Trace(
        task=vf.TraceTask(type=type(task).__name__, data=task.data),
        agent=vf.AgentInfo(config=vf.AgentConfig()),
        root_reply=reply,
    )


def test_rows_become_tasks_in_their_order(run_directory, load):
    rows = run_directory / "rows.jsonl"
    assert main([str(run_directory), "--format", "verifiers", "--out", str(rows)]) == 0
    tasks = list(load(rows))
    assert [task.data.idx for task in tasks] == [0, 1, 2, 3, 4]
    assert [task.data.name for task in tasks][:2] == ["depth (bm25)", "depth (dense)"]
    assert tasks[0].data.prompt.startswith("<документ 1>\nБайкал\n")
    assert "документы" in tasks[0].data.system_prompt.lower()
    assert len({task.key for task in tasks}) == len(tasks)


@pytest.mark.parametrize(
    ("task", "reply", "reward", "metrics"),
    [
        (0, "1642 м [1]", 1.0, {"answer_em": 1.0, "abstained": 0.0, "answer_format": 1.0}),
        (0, "В документах нет ответа на этот вопрос", 0.0, {"answer_em": 0.0, "abstained": 1.0, "answer_format": 1.0}),
        (2, "В документах нет ответа на этот вопрос", 1.0, {"answer_em": 1.0, "abstained": 1.0, "answer_format": 1.0}),
        (4, "реки Ангары", 2 / 3, {"answer_em": 0.0, "abstained": 0.0, "answer_format": 1.0}),
    ],
)
async def test_scoring_calls_our_rewards(run_directory, load, task, reply, reward, metrics):
    rows = run_directory / "rows.jsonl"
    main([str(run_directory), "--format", "verifiers", "--out", str(rows)])
    chosen = list(load(rows))[task]
    trace = trace_of(chosen, reply)
    await chosen.score(trace)
    assert trace.reward == pytest.approx(reward)
    assert trace.metrics == metrics


def test_a_row_of_another_kind_is_named(tmp_path, load):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"prompt": "?"}\n', encoding="utf-8")
    with pytest.raises(InputError, match=r"rows.jsonl:1: field question: Field required"):
        list(load(rows))


def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(InputError, match=r"none.jsonl: cannot be read"):
        list(load(tmp_path / "none.jsonl"))
