from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from generators.base import ReadingTask
from generators.reader import OfflineReader
from training.offline_reader import assign_folds, calibrate, main, read_examples

PEOPLE = ("Пётр Орлов", "Анна Лебедева", "Иван Соколов", "Мария Зайцева", "Сергей Павлов", "Ольга Волкова")
THINGS = ("мост", "маяк", "театр", "вокзал", "музей", "собор")


def write(path: Path, rows: list[dict[str, object]]) -> Path:
    path.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    rows: list[dict[str, object]] = []
    for number, (person, thing) in enumerate(zip(PEOPLE, THINGS, strict=True)):
        text = f"Старый {thing} построил {person} в {1810 + number} году. Рядом стоит склад."
        rows.append(
            {
                "question": f"Кто построил старый {thing}?",
                "answers": [person],
                "gold_doc_ids": [f"d{number}"],
                "paragraph": text,
            }
        )
        rows.append(
            {
                "question": f"В каком году построен старый {thing}?",
                "answers": [str(1810 + number)],
                "gold_doc_ids": [f"d{number}"],
                "paragraph": text,
            }
        )
    return write(tmp_path / "questions.jsonl", rows)


def test_the_command_writes_weights_that_the_reader_takes(
    questions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "weights.npz"
    arguments = [
        "--questions",
        str(questions),
        "--out",
        str(out),
        "--trees",
        "20",
        "--folds",
        "3",
        "--leaf-rows",
        "5",
        "--report",
    ]
    assert main(arguments) == 0
    table, options = capsys.readouterr().out.strip().rsplit("\n", 1)
    assert "| questions | 12 |" in table
    assert json.loads(options)["trees"] == 20
    text = "Старый завод построил Олег Морозов в 1850 году."
    from langchain_core.documents import Document

    found = OfflineReader(out).invoke(ReadingTask("Кто построил старый завод?", (Document(text, id="x_0"),)))
    assert found.text == "Олег Морозов"


def test_fitting_twice_gives_the_same_weights(questions: Path, tmp_path: Path) -> None:
    for name in ("one.npz", "two.npz"):
        main(
            [
                "--questions",
                str(questions),
                "--out",
                str(tmp_path / name),
                "--trees",
                "5",
                "--folds",
                "2",
                "--leaf-rows",
                "5",
            ]
        )
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "two.npz") as two:
        for key in one.files:
            np.testing.assert_array_equal(one[key], two[key])


def test_passages_and_contexts_are_joined(tmp_path: Path) -> None:
    questions = write(
        tmp_path / "q.jsonl", [{"question": "Кто?", "answers": ["Орлов"], "gold_doc_ids": ["d1"], "answer_start": [5]}]
    )
    passages = write(tmp_path / "p.jsonl", [{"doc_id": "d1", "title": "Мост", "text": "Мост Орлов."}])
    contexts = write(tmp_path / "c.jsonl", [{"question": "кто?", "contexts": [{"title": "Т", "text": "Текст"}]}])
    gold, retrieved = read_examples([questions], [passages], [contexts], 0.5)
    assert gold.passages == (("Мост Орлов.", "Мост"),)
    assert gold.answer_span == (5, 10)
    assert retrieved.passages == (("Текст", "Т"),)
    assert (gold.weight, retrieved.weight) == (1.0, 0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"question": "Кто?"}', "line 1: answers, gold_doc_ids missing"),
        ('{"question": "Кто?", "answers": ["а"], "gold_doc_ids": ["d"]}', "no passage for question"),
        ("{broken", "line 1: no JSON"),
        ("[1]", "line 1: question, answers, gold_doc_ids missing"),
    ],
)
def test_bad_questions_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str, message: str
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(content, encoding="utf-8")
    assert main(["--questions", str(path)]) == 2
    assert message in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--questions", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl" in capsys.readouterr().err


def test_a_document_is_in_one_fold() -> None:
    folds = assign_folds(["a", "b", "a", "c", "d"], 2, 0)
    assert folds.keys() == {"a", "b", "c", "d"}
    assert sorted(folds.values()) == [0, 0, 1, 1]
    assert folds == assign_folds(["d", "c", "b", "a"], 2, 0)


def test_calibration_recovers_a_signal() -> None:
    generator = np.random.default_rng(0)
    signals = generator.normal(size=(2000, 2)) * [1.0, 50.0]
    right = generator.random(2000) < 1.0 / (1.0 + np.exp(-(1.5 * signals[:, 0] - 0.5)))
    weights = calibrate(signals, right)
    assert weights[0] == pytest.approx(1.5, abs=0.25)
    assert weights[1] == pytest.approx(0.0, abs=0.01)
    assert weights[2] == pytest.approx(-0.5, abs=0.2)
