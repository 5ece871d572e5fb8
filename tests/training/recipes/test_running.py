from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from training.recipes.__main__ import main
from training.recipes.recipe import parse_recipe
from training.recipes.results import read_results
from training.recipes.running import plan, run_steps

RECIPE = """
title = "Опыт"
about = "Таблица в примеры, и ещё раз."
metrics = ["recall@5", "ndcg@10"]

[[steps]]
name = "first"
command = "training.data"
makes = "first"
arguments = ["{table}", "--format", "columns", "--out", "{out}/first"]

[[steps]]
name = "second"
command = "training.data"
makes = "second"
arguments = ["{first}/train.jsonl", "--format", "examples", "--out", "{out}/second"]

[[steps]]
name = "tfidf"
command = "training.recipes.baseline"
makes = "tfidf"
arguments = ["--eval", "{second}/train.jsonl", "--out", "{out}/tfidf"]

[inputs]
table = "a table of questions"
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "table.jsonl"
    lakes = {"Байкал": 1642, "Ладога": 230, "Онега": 127, "Телецкое": 325, "Хубсугул": 262, "Севан": 83}
    rows = [
        {"question": f"Какова глубина озера {name}?", "passage": f"Наибольшая глубина озера {name} — {depth} м."}
        for name, depth in lakes.items()
    ]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


@pytest.fixture
def steps(table, tmp_path):
    return plan(parse_recipe(RECIPE, "опыт"), tmp_path / "out", {"table": table})


class Runner:
    """Stands for a process: remembers what it was told to run, and writes what the step makes."""

    def __init__(self, failing: str = "") -> None:
        self.ran: list[str] = []
        self.failing = failing

    def __call__(self, step) -> int:
        self.ran.append(step.name)
        assert not step.makes.exists()
        step.makes.mkdir(parents=True)
        return 3 if step.name == self.failing else 0


def go(steps, out, runner) -> tuple[int, list[str]]:
    told: list[str] = []
    return run_steps(steps, out, run=runner, tell=told.append), told


def test_finished_steps_are_skipped(steps, tmp_path) -> None:
    assert go(steps, tmp_path / "out", Runner())[0] == 0
    again = Runner()
    code, told = go(steps, tmp_path / "out", again)
    assert (code, again.ran) == (0, [])
    assert told[0] == "[1/3] first: finished before"


def test_a_failed_step_ends_the_run_and_the_next_run_goes_on_with_it(steps, tmp_path) -> None:
    code, told = go(steps, tmp_path / "out", Runner(failing="second"))
    assert code == 3
    assert "step second ended with exit code 3" in told[-1]
    again = Runner()
    assert go(steps, tmp_path / "out", again)[0] == 0
    assert again.ran == ["second", "tfidf"]


def test_what_stands_behind_a_changed_step_is_run_again(steps, tmp_path, table) -> None:
    go(steps, tmp_path / "out", Runner())
    changed = parse_recipe(RECIPE.replace('"examples",', '"examples", "--seed", "1",'), "опыт")
    again = Runner()
    go(plan(changed, tmp_path / "out", {"table": table}), tmp_path / "out", again)
    assert again.ran == ["second", "tfidf"]


@pytest.mark.parametrize(("change", "kept"), [("", True), (', "--seed", "1"', False)])
def test_an_unfinished_training_goes_on_only_with_the_same_arguments(change, kept, tmp_path, table, steps) -> None:
    go(steps, tmp_path / "out", Runner(failing="second"))
    unfinished = tmp_path / "out" / "second.unfinished"
    unfinished.mkdir()
    changed = parse_recipe(RECIPE.replace('"{table}"', f'"{{table}}"{change}'), "опыт")
    go(plan(changed, tmp_path / "out", {"table": table}), tmp_path / "out", Runner())
    assert unfinished.exists() is kept


def test_a_step_whose_output_is_gone_is_run_again(steps, tmp_path) -> None:
    go(steps, tmp_path / "out", Runner())
    steps[0].makes.rmdir()
    again = Runner()
    go(steps, tmp_path / "out", again)
    assert again.ran == ["first", "second", "tfidf"]


def test_a_real_run_prints_what_it_reached(tmp_path, table, capfd) -> None:
    recipe = tmp_path / "опыт.toml"
    recipe.write_text(RECIPE, "utf-8")
    arguments = ["run", str(recipe), "--out", str(tmp_path / "out"), "--input", f"table={table}"]
    assert main(arguments) == 0
    said = capfd.readouterr()
    assert "│ tfidf    │    1.000 │   1.000 │" in said.out
    results = json.loads((tmp_path / "out" / "results.json").read_text("utf-8"))
    assert results["tfidf"]["ndcg@10"] == 1.0
    assert main(arguments) == 0
    assert capfd.readouterr().err.count("finished before") == 3


def test_ending_a_run_ends_its_step(tmp_path) -> None:
    """A trainer that goes on alone would hold the folder that the next run wants."""
    pipe = tmp_path / "pipe.jsonl"
    os.mkfifo(pipe)  # a step that reads it waits for a writer, as long as it lives
    recipe = tmp_path / "опыт.toml"
    recipe.write_text(RECIPE, "utf-8")
    command = [sys.executable, "-m", "training.recipes", "run", str(recipe), "--out", str(tmp_path / "out")]
    with subprocess.Popen([*command, "--input", f"table={pipe}"], stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr is not None
        assert "[1/3] first" in running.stderr.readline()
        with pipe.open("wb"):  # opens when the step has: it runs now
            running.terminate()
            assert "step first ended with exit code 143" in running.stderr.read()
    assert running.returncode == 143
    with pytest.raises(OSError, match="No such device or address"):  # nobody reads any more
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)


def test_a_dry_run_prints_commands_and_writes_nothing(tmp_path, table, capsys) -> None:
    recipe = tmp_path / "опыт.toml"
    recipe.write_text(RECIPE, "utf-8")
    flags = ["--out", str(tmp_path / "out"), "--input", f"table={table}", "--dry-run"]
    assert main(["run", str(recipe), *flags]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[1] == (
        f"python -m training.data {tmp_path}/out/first/train.jsonl --format examples --out {tmp_path}/out/second"
    )
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "--input sberquad_train=PATH (SberQuAD's training set"),
        (["--input", "nothing=x"], "the recipe has no such input; it has sberquad_train, sberquad_dev"),
        (["--input", "sberquad_train=/none", "--input", "sberquad_dev=/none"], "/none: no such file"),
    ],
)
def test_inputs_are_asked_for_before_anything_runs(flags, message, tmp_path, capsys) -> None:
    assert main(["run", "biencoder-sberquad", "--out", str(tmp_path / "out"), *flags]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert message in said.err
    assert said.err.count("\n") == 1


def test_results_of_models_and_exports(steps, tmp_path) -> None:
    from training.finetune.card import Metrics, Task, TrainingRecord, write_card

    metrics = Metrics(before={"ndcg@10": 0.1}, after={"ndcg@10": 0.2}, baseline={"ndcg@10": 0.3})
    for step in steps[:2]:
        step.makes.mkdir(parents=True)
    write_card(steps[0].makes, TrainingRecord(task=Task.CROSSENCODER, name="ranker", metrics=metrics))
    variants = [{"name": name, "metrics": {"ndcg@10": value}} for name, value in (("torch", 0.5), ("onnx int8", 0.49))]
    (steps[1].makes / "parity.json").write_text(json.dumps({"variants": variants}))
    assert [(one.what, one.metrics) for one in read_results(steps)] == [
        ("first, first stage", {"ndcg@10": 0.3}),
        ("first, before", {"ndcg@10": 0.1}),
        ("first, after", {"ndcg@10": 0.2}),
        ("second, torch, of candidates", {"ndcg@10": 0.5}),
        ("second, onnx int8, of candidates", {"ndcg@10": 0.49}),
    ]


def test_the_list_and_a_recipe_shown(capsys) -> None:
    assert main([]) == 0
    assert "biencoder-sberquad-small" in capsys.readouterr().out
    assert main(["show", "sts-mnrl-rerank"]) == 0
    shown = capsys.readouterr().out
    assert "python -m training.crossencoder --base klue/roberta-small" in shown
    assert "reranked by the cross-encoder: hit@10 0.973" in shown
