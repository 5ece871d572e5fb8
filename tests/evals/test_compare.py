"""Two runs compared by the command, for people and for CI."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.compare import main
from evals.records import QuestionRecord, dump_record, write_rows


def write(path: Path, values: dict[str, list[float]], **changes) -> Path:
    """A run whose variants have these values of f1, question by question."""
    rows = [
        QuestionRecord(
            qid=f"q{place}", variant=variant, question="?", **{"metrics": {"f1": value, "hit@1": 1.0}} | changes
        )
        for variant, column in values.items()
        for place, value in enumerate(column)
    ]
    path.mkdir()
    write_rows(path / "questions.jsonl", rows)
    return path


@pytest.fixture
def runs(tmp_path) -> tuple[str, str]:
    first = write(tmp_path / "a", {"bm25": [0.5] * 30, "hybrid": [0.5] * 30})
    second = write(tmp_path / "b", {"bm25": [0.4] * 29 + [1.0], "dense": [0.1] * 30})
    return str(first), str(second)


def test_shared_variants_are_compared(runs, capsys) -> None:
    assert main([*runs, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["metric"], row["baseline"], row["candidate"]) for row in rows] == [
        ("hit@1", "bm25", "bm25"), ("f1", "bm25", "bm25"),
    ]  # fmt: skip
    f1 = rows[1]
    assert f1["difference"] == pytest.approx(-0.08)
    assert f1["low"] < f1["difference"] < f1["high"]
    assert (f1["wins"], f1["losses"]) == (1, 29)
    assert main([*runs]) == 0
    assert "0.500 → 0.420" in capsys.readouterr().out


@pytest.mark.parametrize(("allowed", "code"), [("f1:0.05", 1), ("f1:0.08", 0), ("f1:0.1", 0), ("hit@1:0", 0)])
def test_fail_if_worse(runs, allowed, code, capsys) -> None:
    assert main([*runs, "--fail-if-worse", allowed]) == code
    assert ("worse: f1 of bm25: 0.4200 against 0.5000" in capsys.readouterr().err) == bool(code)


def test_getting_better_is_never_worse(runs) -> None:
    assert main([runs[1], runs[0], "--fail-if-worse", "f1:0"]) == 0


def test_any_two_variants_can_be_paired(runs, capsys) -> None:
    assert main([*runs, "--variants", "hybrid:dense", "--fail-if-worse", "f1:0.3"]) == 1
    assert "f1 of dense" in capsys.readouterr().err


def test_runs_of_one_variant_each_need_no_names(tmp_path, capsys) -> None:
    first, second = write(tmp_path / "a", {"old": [0.0]}), write(tmp_path / "b", {"new": [1.0]})
    assert main([str(first), str(second)]) == 0
    assert "new" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--fail-if-worse", "f1"], "expected METRIC:DELTA"),
        (["--fail-if-worse", "f1:-1"], "expected METRIC:DELTA"),
        (["--fail-if-worse", "f1:nan"], "expected METRIC:DELTA"),
        (["--fail-if-worse", "em:0.1"], "metrics em are not in both runs; A has f1, hit@1; B has f1, hit@1"),
        (["--metrics", "f2"], "metrics f2 are not in both runs"),
        (["--seed", "-1"], "--seed: expected at least 0"),
        (["--variants", "hybrid"], "B has no variant 'hybrid'; it has bm25, dense"),
    ],
)
def test_mistakes_exit_with_two(runs, flags, message, capsys) -> None:
    assert main([*runs, *flags]) == 2
    assert message in capsys.readouterr().err


def test_runs_that_do_not_belong_together(runs, tmp_path, capsys) -> None:
    other = write(tmp_path / "other", {"bm25": [0.5]}, answers=("другой",))
    assert main([runs[0], str(other)]) == 2
    assert "question 'q0' differs between the runs" in capsys.readouterr().err
    assert main([runs[0], str(tmp_path / "missing")]) == 2
    unpaired = write(tmp_path / "unpaired", {"x": [0.5], "y": [0.5]})
    assert main([runs[0], str(unpaired)]) == 2
    assert "pair them with --variants" in capsys.readouterr().err


def test_a_check_is_never_passed_by_a_pair_that_lacks_the_metric(tmp_path, capsys) -> None:
    first = write(tmp_path / "a", {"bm25": [0.5]})
    second = write(tmp_path / "b", {"bm25": [0.5]})
    for directory, metrics in ((first, {"em": 1.0}), (second, {"f1": 0.0})):
        rows = [QuestionRecord(qid="q0", variant="dense", question="?", metrics=metrics)]
        with (directory / "questions.jsonl").open("a", encoding="utf-8") as file:
            file.writelines(map(dump_record, rows))
    assert main([str(first), str(second), "--fail-if-worse", "f1:0"]) == 2
    assert "metrics f1 are not in both runs; A has em; B has f1" in capsys.readouterr().err
    assert main([str(first), str(second), "--variants", "dense"]) == 2
    assert "the default metrics are not in both runs" in capsys.readouterr().err


def test_questions_of_one_run_alone_are_told(tmp_path, capsys) -> None:
    first, second = write(tmp_path / "a", {"bm25": [0.5] * 5}), write(tmp_path / "b", {"bm25": [0.5] * 3})
    assert main([str(first), str(second), "--metrics", "f1, hit@1"]) == 0
    assert "compared over 3 questions that both have; 2 are in A alone, 0 in B alone" in capsys.readouterr().err
