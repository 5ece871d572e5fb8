from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("onnxscript", reason="needs the extra train")

from rag.index.__main__ import main as index_main
from retrievers.joint.model import JointModel, Passage
from training.examples import Example, write_examples
from training.joint_reader import GRAPH, WEIGHTS, main

PEOPLE = {
    "мост": "Пётр Орлов", "маяк": "Анна Лебедева", "театр": "Иван Соколов", "вокзал": "Мария Зайцева",
    "музей": "Сергей Павлов", "собор": "Ольга Волкова",
}  # fmt: skip
SIZE = ["--width", "16", "--layers", "1", "--epochs", "4", "--pretrain-epochs", "4"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Path]:
    """An index, questions about it, and rows to learn from before."""
    folder = tmp_path_factory.mktemp("joint")
    texts = {thing: f"Старый {thing} построил {person} в 1850 году." for thing, person in PEOPLE.items()}
    pages = folder / "pages.jsonl"
    pages.write_text(
        "\n".join(json.dumps({"doc_id": f"d{at}", "title": thing, "text": texts[thing]}, ensure_ascii=False)
                  for at, thing in enumerate(texts)), encoding="utf-8",
    )  # fmt: skip
    questions = folder / "questions.jsonl"
    questions.write_text(
        "\n".join(json.dumps({"qid": f"q{at}", "question": f"Кто построил {thing}?", "answers": [PEOPLE[thing]],
                              "gold_doc_ids": [f"d{at}"]}, ensure_ascii=False)
                  for at, thing in enumerate(texts)), encoding="utf-8",
    )  # fmt: skip
    rows = folder / "rows.jsonl"
    write_examples(
        rows,
        [Example(question=f"Кем построен {thing}?", passage=texts[thing], title=thing, answers=(person,),
                 answer_start=texts[thing].index(person), doc_id=thing, negatives=("Байкал\nОзеро в Сибири.",))
         for thing, person in PEOPLE.items()],
    )  # fmt: skip
    assert index_main(["build", str(pages), "--index", str(folder / "index")]) == 0
    return folder / "index", questions, rows


def test_the_command_writes_networks_that_the_toolkit_runs(
    corpus: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    index, questions, rows = corpus
    out = tmp_path / "out"
    arguments = [
        "--pretrain",
        str(rows),
        "--data",
        str(index),
        str(questions),
        "--folds",
        "2",
        "--out",
        str(out),
        *SIZE,
    ]
    assert main(arguments) == 0
    assert "questions" in capsys.readouterr().out
    folds = json.loads((out / "folds.json").read_text(encoding="utf-8"))
    assert sorted(set(folds.values())) == [0, 1]
    for name in (GRAPH, "fold-0.onnx", "fold-1.onnx"):
        reading = JointModel(out / name).read("Кто построил мост?", [Passage("мост", "Мост построил Пётр Орлов.")])[0]
        assert reading.spans.shape == (len(reading.tokens), 16)
    assert str(tmp_path).encode() not in (out / GRAPH).read_bytes()
    assert b"site-packages" not in (out / GRAPH).read_bytes()  # the exporter's notes of where a node was made


def test_training_goes_on_from_weights(corpus: tuple[Path, Path, Path], tmp_path: Path) -> None:
    _, _, rows = corpus
    assert main(["--pretrain", str(rows), "--out", str(tmp_path / "first"), *SIZE]) == 0
    again = ["--pretrain", str(rows), "--base", str(tmp_path / "first" / WEIGHTS), "--out", str(tmp_path / "next")]
    assert main([*again, *SIZE]) == 0
    assert main([*again, "--width", "32", "--layers", "1"]) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to train on"),
        (["--pretrain", "rows.jsonl", "--folds", "3"], "--folds"),
        (["--pretrain", "rows.jsonl", "--width", "30"], "--width"),
        (["--pretrain", "no-such.jsonl"], "no-such.jsonl"),
    ],
)
def test_bad_input_is_named(
    arguments: list[str], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*arguments, "--out", str(tmp_path / "out")]) == 2
    assert message in capsys.readouterr().err
