from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.files import write_json
from training.finetune.card import DataFile, Metrics, Task, TrainingRecord, write_card
from training.models import __main__ as command
from training.models.catalogue import all_models, find_model, shipped_models
from training.models.comparison import compare_models


def put(
    root: Path,
    name: str,
    *,
    options: dict[str, object] | None = None,
    after: dict[str, float] | None = None,
    questions: dict[str, list[float]] | None = None,
    evaluated: str = "a" * 64,
) -> Path:
    """A trained reranker's folder; its weights are a few bytes."""
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "model.safetensors").write_bytes(b"0" * 2500)
    record = TrainingRecord(
        task=Task.CROSSENCODER,
        name=name,
        base="DeepPavlov/rubert-base-cased",
        data=(
            DataFile(role="train", name="sberquad.jsonl", rows=45328),
            DataFile(role="train", name="rubq.jsonl", rows=1000),
            DataFile(role="eval", name="dev.jsonl", rows=4, sha256=evaluated),
        ),
        options={"epochs": 1.0, "seed": 0} | (options or {}),
        metrics=Metrics(before={"ndcg@10": 0.4}, after=after or {"ndcg@10": 0.6}),
        licence="apache-2.0",
    )
    write_card(folder, record)
    if questions is not None:
        write_json(folder / "metrics.json", {"questions": {"before": {}, "after": questions}})
    return folder


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("RAG_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


def test_the_list_shows_what_was_trained_and_what_ships(root, capsys) -> None:
    put(root, "my-reranker")
    (root / ".hidden").mkdir()
    assert command.main(["list"]) == 0
    printed = capsys.readouterr().out
    row = next(line for line in printed.splitlines() if "my-reranker" in line)
    for cell in ("crossencoder", "DeepPavlov/", "ndcg@10 0.400 → 0.600", "safetensors"):
        assert cell in row
    assert "sberquad.jsonl" in printed
    assert "46328 rows" in printed
    assert "offline_reader" in printed
    assert ".hidden" not in printed


def test_every_shipped_record_says_enough() -> None:
    shipped = shipped_models()
    assert {"light", "offline_reader"} <= {model.name for model in shipped}
    for model in shipped:
        assert model.problem == ""
        assert model.record is not None
        assert model.record.licence
        assert model.record.data
        assert model.record.metrics.after
        assert model.path.is_file()
        assert model.size > 0
        assert model.card


def test_shipped_figures_are_those_of_the_weights_own_notes() -> None:
    light = find_model("light")
    noted = json.loads(light.path.read_text(encoding="utf-8"))["fitted_on"]
    assert light.record is not None
    names = {"passage_hit@1": "chunk hit@1", "hit@1": "document hit@1", "mrr@10": "document MRR@10"}
    for name, words in names.items():
        assert f"{words} {light.record.metrics.after[name]:.3f}" in noted.partition("rubq_eval")[0]
    reader = find_model("offline_reader")
    assert reader.record is not None
    row = next(line for line in reader.card.splitlines() if line.startswith("| RuBQ, gold paragraph"))
    for value in reader.record.metrics.after.values():
        assert f"{value:.3f}" in row


def test_json_is_one_object_a_line(root, capsys) -> None:
    put(root, "my-reranker")
    assert command.main(["list", "--json"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    first = rows[0]
    assert (first["name"], first["shipped"], first["formats"]) == ("my-reranker", False, ["safetensors"])
    assert first["record"]["metrics"]["after"] == {"ndcg@10": 0.6}
    assert {row["name"] for row in rows[1:]} >= {"light", "offline_reader"}


def test_a_damaged_or_missing_record_does_not_hide_the_others(root, capsys) -> None:
    put(root, "whole")
    (put(root, "damaged") / "training.json").write_text("{")
    (put(root, "newer") / "training.json").write_text('{"format": 99}')
    (put(root, "foreign") / "training.json").unlink()
    assert command.main(["list"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "damaged: " in printed
    assert "format 99" in printed
    models = {model.name: model for model in all_models()}
    assert models["whole"].record is not None
    assert models["foreign"].record is None
    assert models["foreign"].problem == ""


def test_show_prints_the_card(root, capsys) -> None:
    put(root, "my-reranker")
    assert command.main(["show", "my-reranker"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith("name    my-reranker\n")
    assert "# my-reranker" in printed
    assert "license:" not in printed  # the front matter is for hubs
    assert command.main(["show", "my-rerankr"]) == 2
    told = capsys.readouterr().err
    assert "no model 'my-rerankr', and no folder of that path; known: my-reranker, " in told
    assert "offline_reader" in told


def test_other_roots_and_plain_folders(root, tmp_path, capsys) -> None:
    folder = put(tmp_path / "elsewhere", "other")
    assert find_model(str(folder)).name == "other"
    assert all_models([tmp_path / "elsewhere"])[0].name == "other"
    assert command.main(["list", "--root", str(tmp_path / "nowhere")]) == 2
    assert "no such directory" in capsys.readouterr().err


def test_two_models_on_the_same_questions_are_compared_question_by_question(root, capsys) -> None:
    put(root, "one", questions={"ndcg@10": [0.0] * 12})
    put(root, "two", options={"epochs": 3.0}, after={"ndcg@10": 1.0}, questions={"ndcg@10": [1.0] * 12})
    compared = compare_models(find_model("one"), find_model("two"))
    assert compared.options == {"epochs": (1.0, 3.0)}
    assert compared.metrics == {"ndcg@10": (0.6, 1.0)}
    assert compared.warnings == ()
    one = compared.differences["ndcg@10"]
    assert (one.questions, one.difference, one.wins) == (12, 1.0, 12)
    assert one.p < 0.01
    assert command.main(["compare", "one", "two"]) == 0
    printed = capsys.readouterr().out
    assert "+0.4000" in printed
    assert "+1.0000 +1.0000" in printed
    assert "epochs" in printed
    assert command.main(["compare", "one", "two", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["differences"]["ndcg@10"]["wins"] == 12


def test_what_does_not_compare_is_said(root, capsys) -> None:
    put(root, "one", questions={"ndcg@10": [0.0, 1.0]})
    put(root, "two", questions={"ndcg@10": [0.0, 1.0]}, evaluated="b" * 64)
    compared = compare_models(find_model("one"), find_model("two"))
    assert compared.differences == {}
    assert compared.warnings == ("they were measured on different data",)
    assert command.main(["compare", "one", "offline_reader"]) == 0
    assert "one is a crossencoder, offline_reader a reader" in capsys.readouterr().out


def test_an_export_shows_what_it_reached_itself(root) -> None:
    folder = put(root, "small")
    content = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    write_json(folder / "training.json", content | {"export": {"metrics": {"ndcg@10": 0.59}}})
    put(root, "large")
    compared = compare_models(find_model("small"), find_model("large"))
    assert compared.metrics["ndcg@10"] == (0.59, 0.6)
    assert "one is an export" in compared.warnings[0]


def test_a_folder_is_copied_without_pickles_and_checkpoints(root, tmp_path, capsys) -> None:
    folder = put(tmp_path, "trained")
    (folder / "pytorch_model.bin").write_bytes(b"x")
    (folder / "checkpoint-10").mkdir()
    (folder / "checkpoint-10" / "model.safetensors").write_bytes(b"x")
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text("{}")
    assert command.main(["add", str(folder), "--name", "ранжировщик"]) == 0
    assert capsys.readouterr().out == f"ранжировщик is in {root / 'ранжировщик'}\n"
    copied = {path.relative_to(root / "ранжировщик").as_posix() for path in (root / "ранжировщик").rglob("*")}
    assert copied == {"model.safetensors", "training.json", "README.md", "1_Pooling", "1_Pooling/config.json"}
    assert command.main(["add", str(folder), "--name", "ранжировщик"]) == 2
    assert "exists already" in capsys.readouterr().err
    assert command.main(["add", str(folder), "--name", "ранжировщик", "--force"]) == 0
    assert [path.name for path in root.iterdir()] == ["ранжировщик"]


def test_one_file_of_weights_takes_its_record_along(root) -> None:
    light = find_model("light")
    assert command.main(["add", str(light.path), "--name", "my-light"]) == 0
    added = find_model("my-light")
    assert added.record == light.record
    assert added.card == light.card
    assert (root / "my-light" / "light.json").read_bytes() == light.path.read_bytes()


@pytest.mark.parametrize("name", ["../up", "a/b", ".hidden", "", "-x", "a b"])
def test_a_name_that_is_none(name, root, tmp_path, capsys) -> None:
    folder = put(tmp_path, "trained")
    assert command.main(["add", str(folder), f"--name={name}"]) == 2
    assert "cannot be a model's name" in capsys.readouterr().err
    assert not root.exists()


def test_what_is_no_model_is_not_added(root, tmp_path, capsys) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "text.txt").write_text("что-то")
    for source, message in (
        ("empty", "holds no weights"),
        ("text.txt", "expected a folder of a model"),
        ("absent", "there is no model at"),
    ):
        assert command.main(["add", str(tmp_path / source), "--name", "x"]) == 2
        assert message in capsys.readouterr().err
    assert not root.exists()


def test_a_failed_copy_leaves_what_was_there(root, tmp_path, monkeypatch) -> None:
    folder = put(tmp_path, "trained")
    assert command.main(["add", str(folder), "--name", "x"]) == 0

    def fail(*arguments, **options) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("shutil.copytree", fail)
    assert command.main(["add", str(folder), "--name", "x", "--force"]) == 130
    assert (root / "x" / "model.safetensors").is_file()
    assert [path.name for path in root.iterdir()] == ["x"]


def test_a_copy_outside_the_usual_root_says_how_to_find_it(root, tmp_path, capsys) -> None:
    folder = put(tmp_path, "trained")
    assert command.main(["add", str(folder), "--name", "x", "--root", str(tmp_path / "other")]) == 0
    assert f"set RAG_MODELS={tmp_path / 'other'}" in capsys.readouterr().err
