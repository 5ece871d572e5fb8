from __future__ import annotations

import json
import re

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from retrievers.errors import InputError
from training.examples import Example, write_examples
from training.finetune.card import (
    CARD,
    RECORD,
    DataFile,
    Metrics,
    Task,
    TrainingRecord,
    data_file,
    file_digest,
    package_versions,
    read_record,
    render_card,
    toolkit_commit,
    write_card,
)

RECORD_OF_ALL = TrainingRecord(
    task=Task.CROSSENCODER,
    name="ранжировщик",
    base="cointegrated/rubert-tiny2",
    base_digest="0123456789abcdef" * 4,
    data=(DataFile(role="train", name="train.jsonl", rows=3, sources={"cloze": 3}, removed={"duplicate": 2}),),
    options={"epochs": 1.0, "lora_targets": ["query", "value"], "steps": None},
    metrics=Metrics(before={"ndcg@10": 0.5}, after={"ndcg@10": 0.75, "pearson": 0.9}, baseline={"ndcg@10": 0.6}),
    run={"updates": 10, "stopped early": False},
    licence="apache-2.0",
    commit="abc+",
    versions={"torch": "2.13.0"},
    note="Fitted on a sample.",
)


def test_a_record_is_read_as_it_was_written(tmp_path) -> None:
    write_card(tmp_path, RECORD_OF_ALL)
    assert read_record(tmp_path) == RECORD_OF_ALL
    assert (tmp_path / CARD).read_text(encoding="utf-8") == render_card(RECORD_OF_ALL)


def test_fields_of_a_newer_version_are_passed_over_but_a_newer_format_is_not(tmp_path) -> None:
    write_card(tmp_path, RECORD_OF_ALL)
    content = json.loads((tmp_path / RECORD).read_text(encoding="utf-8"))
    (tmp_path / RECORD).write_text(json.dumps(content | {"colour": "red"}), encoding="utf-8")
    assert read_record(tmp_path) == RECORD_OF_ALL
    (tmp_path / RECORD).write_text(json.dumps(content | {"format": 2}), encoding="utf-8")
    with pytest.raises(InputError, match="format 2; this version reads up to 1"):
        read_record(tmp_path)


@pytest.mark.parametrize("content", ["", "[]", '{"task": "poetry", "name": "x"}', '{"task": "reader"}'])
def test_a_damaged_record_is_named(tmp_path, content: str) -> None:
    (tmp_path / RECORD).write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=re.escape(RECORD)):
        read_record(tmp_path)


def test_a_folder_without_a_record_says_so(tmp_path) -> None:
    with pytest.raises(InputError, match="was not trained by this toolkit"):
        read_record(tmp_path)


def test_the_card_says_what_the_record_says() -> None:
    card = render_card(RECORD_OF_ALL)
    front = yaml.safe_load(card.split("---\n")[1])
    assert front["license"] == "apache-2.0"
    assert front["base_model"] == "cointegrated/rubert-tiny2"
    assert "| metric | first stage | before | after |" in card
    assert "| ndcg@10 | 0.6000 | 0.5000 | 0.7500 |" in card
    assert "| pearson |  |  | 0.9000 |" in card
    assert "| train.jsonl | train | 3 | cloze 3 | 2 duplicate | not stated |" in card
    assert "| lora_targets | query, value |" in card
    assert "| steps |" not in card  # it had no value
    assert "compressor.model=ранжировщик" in card
    assert card.endswith("Fitted on a sample.\n")


@given(st.text(min_size=1), st.text())
def test_no_text_breaks_a_table(name: str, reason: str) -> None:
    record = TrainingRecord(
        task=Task.READER, name="x", data=(DataFile(role="eval", name=name, rows=1, removed={reason: 1}),)
    )
    rows = [line for line in render_card(record).split("\n") if "| not stated |" in line]
    assert len(rows) == 1
    assert len(re.findall(r"(?<!\\)\|", rows[0])) == 8


@pytest.mark.parametrize("of_folder", [True, False])
def test_a_data_file_counts_its_rows_and_reads_the_manifest_beside_it(tmp_path, of_folder: bool) -> None:
    rows = [Example(question="Где Байкал?", passage="В Сибири.", source=source) for source in ("a", "b", "a", "")]
    path = tmp_path / "train.jsonl"
    write_examples(path, rows)
    assert data_file(path, rows, "train").removed == {}
    manifest = {"removed": {"near an evaluation question": 4, "odd": "?", "none": 0}, "licence": "CC-BY-SA-4.0"}
    known = (
        {"outputs": [{"name": "train.jsonl", "sha256": file_digest(path)}]}
        if of_folder
        else {"sha256": file_digest(path)}
    )
    name = "manifest.json" if of_folder else "train.manifest.json"
    (tmp_path / name).write_text(json.dumps(manifest | known), encoding="utf-8")
    facts = data_file(path, rows, "train")
    assert facts.rows == 4
    assert facts.sources == {"a": 2, "b": 1, "unnamed": 1}
    assert facts.removed == {"near an evaluation question": 4}
    assert facts.licence == "CC-BY-SA-4.0"
    write_examples(path, rows[:3])
    changed = data_file(path, rows[:3], "train")
    assert changed.sha256 != facts.sha256
    assert changed.removed == {}  # the manifest is of another file now


def test_commit_and_versions_are_of_this_checkout() -> None:
    assert package_versions()["numpy"]
    commit = toolkit_commit()
    assert commit is None or re.fullmatch(r"[0-9a-f]{40}\+?", commit)
