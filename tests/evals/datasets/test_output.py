"""The folder a data set becomes, whatever it was made of."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from evals.dataset import read_questions
from rag.index import open_index
from rag.index.__main__ import main as index_command


@pytest.fixture
def data(tmp_path: Path, write_lines) -> Path:
    answers = {"text": ["308"], "answer_start": [23]}
    rows = [
        {"id": number, "title": "Матч", "context": context, "question": "Сколько очков?", "answers": answers}
        for number, context in enumerate(["Защита уступила всего 308 очков.", "Матч\u2028длился до 308 минуты.\nДа."])
    ]
    return write_lines(tmp_path / "in" / "rows.jsonl", rows)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_input_makes_the_same_bytes_wherever_it_lies(data, tmp_path, run) -> None:
    assert run("squad", data, "--out", tmp_path / "one").code == 0
    moved = tmp_path / "elsewhere" / data.name
    moved.parent.mkdir()
    data.rename(moved)
    assert run("squad", moved, "--out", tmp_path / "deep" / "two").code == 0
    assert contents(tmp_path / "one") == contents(tmp_path / "deep" / "two")
    assert sorted(contents(tmp_path / "one")) == ["corpus.jsonl", "manifest.json", "questions.jsonl"]


def test_the_manifest_holds_digests_of_what_was_read_and_written(data, tmp_path, run) -> None:
    assert run("squad", data, "--out", tmp_path / "out").code == 0
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    (read,) = manifest["inputs"]
    assert read == {
        "name": "rows.jsonl",
        "bytes": data.stat().st_size,
        "sha256": hashlib.sha256(data.read_bytes()).hexdigest(),
    }
    for written in manifest["outputs"]:
        content = (tmp_path / "out" / written["name"]).read_bytes()
        assert written["sha256"] == hashlib.sha256(content).hexdigest()
    assert str(tmp_path) not in (tmp_path / "out" / "manifest.json").read_text("utf-8")


def test_an_index_is_built_of_the_corpus_and_has_every_gold_document(data, tmp_path, run, capsys) -> None:
    assert run("squad", data, "--out", tmp_path / "out").code == 0
    built = index_command(["build", str(tmp_path / "out" / "corpus.jsonl"), "--index", str(tmp_path / "index")])
    assert built == 0
    capsys.readouterr()
    questions = read_questions(tmp_path / "out" / "questions.jsonl")
    with open_index(tmp_path / "index") as index:
        assert {doc_id for question in questions for doc_id in question.gold_doc_ids} == set(index.chunks.doc_ids())
        assert index.chunks.text_of(questions[1].gold_doc_ids[0]) == questions[1].paragraph
    assert run("validate", tmp_path / "out" / "questions.jsonl", "--index", tmp_path / "index").code == 0


def test_a_data_set_is_replaced_only_by_force(data, tmp_path, run, refused, write_lines) -> None:
    out = tmp_path / "out"
    assert run("squad", data, "--out", out).code == 0
    assert "replace it with --force" in refused("squad", data, "--out", out)
    first = contents(out)
    data.write_text(data.read_text("utf-8").replace("Сколько", "Много ли"), "utf-8")
    assert run("squad", data, "--out", out, "--force").code == 0
    assert contents(out) != first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "out"]


def test_a_failed_replacement_leaves_the_old_one(data, tmp_path, run, refused) -> None:
    out = tmp_path / "out"
    assert run("squad", data, "--out", out).code == 0
    first = contents(out)
    data.write_text(data.read_text("utf-8") + "{", "utf-8")
    assert "rows.jsonl:3: not JSON" in refused("squad", data, "--out", out, "--force")
    assert contents(out) == first


def test_a_folder_of_other_things_is_never_replaced(data, tmp_path, refused) -> None:
    assert "holds files of other kinds (rows.jsonl)" in refused("squad", data, "--out", data.parent, "--force")
    assert "is a file" in refused("squad", data, "--out", data, "--force")


def test_an_empty_folder_is_filled(data, tmp_path, run) -> None:
    (tmp_path / "out").mkdir()
    assert run("squad", data, "--out", tmp_path / "out").code == 0


def test_a_place_that_cannot_be_written(data, tmp_path, refused) -> None:
    assert "cannot be written" in refused("squad", data, "--out", data / "below")


def test_a_question_the_evaluation_cannot_use(tmp_path, refused, write_lines) -> None:
    answers = {"text": ["x"], "answer_start": [0]}
    row = {"id": "a", "title": "t\0", "context": "Текст.", "question": "Кто?", "answers": answers}
    said = refused("squad", write_lines(tmp_path / "rows.jsonl", [row]), "--out", tmp_path / "out")
    assert "rows.jsonl:1: 'title' holds a NUL character" in said
