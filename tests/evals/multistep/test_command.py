from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.dataset import read_questions
from evals.datasets.__main__ import main as datasets_command
from evals.multistep.__main__ import main
from evals.multistep.build import SETS

DATA = Path(__file__).resolve().parents[3] / "benchmarks" / "data"


def test_what_nobody_has_read_is_not_written(world, capsys) -> None:
    assert world.run("compose") == 1
    assert "nobody has read «В каком городе родился поэт, который написал поэму «Утро»?»" in capsys.readouterr().err
    assert not list(world.folder.glob("two_step*"))


def test_compose_then_check(world, capsys) -> None:
    world.read_all()
    assert world.run("compose") == 0
    assert world.run("check") == 0
    out = capsys.readouterr().out
    assert "composed 4, kept 4, reworded 0, dropped 0" in out
    assert "answer stands on their first page too: 0" in out
    questions = {name: read_questions(world.folder / f"{name}.jsonl") for name in SETS}
    assert [len(questions[name]) for name in SETS] == [4, 3, 1]


def test_verdicts_reword_and_drop(world, capsys) -> None:
    world.read_all()
    path = world.folder / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[0] |= {"verdict": "reworded", "question": "Откуда родом поэт, автор «Утра»?", "reason": "shorter"}
    rows[1] |= {"verdict": "dropped", "reason": "ambiguous"}
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    assert world.run("compose") == 0
    first, *others = read_questions(world.folder / "two_step.jsonl")
    assert first.question == "Откуда родом поэт, автор «Утра»?"
    assert rows[1]["qid"] not in [question.qid for question in others]
    capsys.readouterr()
    assert world.run("check") == 0
    assert "dropped: ambiguous 1" in capsys.readouterr().out


def test_a_verdict_on_another_text_counts_as_none(world, capsys) -> None:
    world.read_all()
    world.edit("templates.toml", 'В каком году родился {s}?"]', 'Когда родился {s}?"]')
    assert world.run("compose") == 1
    assert "nobody has read «Когда родился поэт" in capsys.readouterr().err


def test_changed_files_are_noticed(world, capsys) -> None:
    world.read_all()
    assert world.run("compose") == 0
    world.edit("two_step.jsonl", "Тверь", "Тула")
    assert world.run("check") == 1
    assert "two_step.jsonl is not what its facts, templates and verdicts make" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("doc_id", "text", "message"),
    [
        ("1", "«Утро» — поэма, которую в молодости написал Пётр.", "«написал Иван Лесной» does not stand on page 1"),
        (
            "3",
            "Иван Лесной — поэт.\n\nОн родился в 1801 году.",
            "holds both «родился в 1801 году» and an answer (Тверь)",
        ),
        ("3", "Пётр — поэт.\n\nОн родился в 1801 году в Твери.", "it is about something else"),
        ("3", "Иван Лесной — поэт высокого роста.\n\nОн родился в 1801 году в Твери.", "page 3 may answer"),
        ("4", "Среди поэтов Лесной выделялся ростом.", "page 4 may answer"),
    ],
)
def test_pages_that_say_something_else(world, capsys, doc_id, text, message) -> None:
    world.read_all()
    world.write_pages({**world.texts, doc_id: text})
    assert world.run("compose") == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Где родился Лесной, автор поэмы «Утро»?", "names 'poet'"),
        ("Родился ли автор поэмы «Утро» в Твери?", "the answer stands in the question"),
        ("В каком году родился поэт, который написал поэму «Утро»?", "another question has the same words"),
    ],
)
def test_questions_that_give_themselves_away(world, capsys, text, message) -> None:
    world.read_all()
    path = world.folder / "verdicts.jsonl"
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    rows[0] |= {"verdict": "reworded", "question": text, "reason": "worse"}
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    assert world.run("compose") == 1
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"qid": "ts-x", "composed": "?", "verdict": "kept"}, "not composed: ts-x"),
        ({"qid": "ts-x", "composed": "?", "verdict": "dropped"}, "a reason belongs to"),
        ({"qid": "ts-x", "composed": "?", "verdict": "kept", "question": "!"}, "a new text belongs to"),
    ],
)
def test_mistakes_in_verdicts(world, capsys, row, message) -> None:
    (world.folder / "verdicts.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    assert world.run("compose") == 2
    assert message in capsys.readouterr().err


def test_missing_files(tmp_path, world, capsys) -> None:
    assert main(["check", str(tmp_path / "nowhere"), "--pages", str(world.pages)]) == 2
    assert "facts.toml cannot be read" in capsys.readouterr().err
    (world.folder / "verdicts.jsonl").unlink()
    assert world.run("check") == 2
    assert "verdicts.jsonl: no such file" in capsys.readouterr().err


@pytest.mark.parametrize("name", SETS)
def test_the_committed_sets_are_evaluation_files(name, capsys) -> None:
    assert datasets_command(["validate", str(DATA / f"{name}.jsonl")]) == 0


def test_the_committed_sets_are_large_enough() -> None:
    two_step, follow_ups, unanswerable = (read_questions(DATA / f"{name}.jsonl") for name in SETS)
    assert len(two_step) >= 120
    assert len(follow_ups) >= 60
    assert len(unanswerable) >= 40
    assert sum(bool(question.hops) for question in unanswerable) >= len(unanswerable) / 2
    assert sum(question.qid.startswith("ts-dev-") for question in two_step) >= 40
    assert all(question.history and question.standalone for question in follow_ups)


def test_the_committed_sets_are_what_their_files_make(shared_data, capsys) -> None:
    assert main(["check", str(DATA), "--pages", str(shared_data / "ruwiki" / "pages.jsonl.gz")]) == 0
