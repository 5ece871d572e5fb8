from __future__ import annotations

import argparse
import logging

import pytest

from training.biencoder import BiencoderOptions
from training.examples import Example
from training.finetune.command import add_common_flags, base_name, read_inputs, seen_questions
from training.finetune.options import options_from
from training.finetune.ranking import RankingTask

ROWS = [
    Example(question="Где исток Волги?", passage="На Валдае.", negatives=("В Сибири.",)),
    Example(question="Где ёж?", passage="В лесу.", negatives=("В Сибири.",)),
]


def test_questions_of_the_evaluation_that_were_trained_on_are_counted() -> None:
    task = RankingTask(("где исток волги?", "Где еж? ", "Где Байкал?"), (), ())
    assert seen_questions(ROWS, task) == 2


def test_a_base_is_called_by_its_hub_name_or_its_folder_never_by_a_path(tmp_path, monkeypatch) -> None:
    snapshot = tmp_path / "models--intfloat--multilingual-e5-small" / "snapshots" / "c0ffee"
    own = tmp_path / "my-base"
    for folder in (snapshot, own):
        folder.mkdir(parents=True)
    assert base_name("intfloat/multilingual-e5-small", snapshot) == "intfloat/multilingual-e5-small"
    assert base_name(str(snapshot), snapshot) == "intfloat/multilingual-e5-small"
    assert base_name(str(own), own) == "my-base"
    monkeypatch.chdir(tmp_path)
    assert base_name("./my-base", own) == "my-base"


def test_what_is_read_becomes_facts_for_the_card(row_file, tmp_path, caplog) -> None:
    parser = argparse.ArgumentParser()
    add_common_flags(parser, BiencoderOptions, batch_size=4)
    train, dev = row_file(ROWS), row_file(ROWS[:1])
    flags = ["--base", "x", "--train", str(train), str(dev), "--eval", str(dev), "--out", str(tmp_path / "out")]
    arguments = parser.parse_args([*flags, "--licence", "mit", "--eval-limit", "1"])
    with caplog.at_level(logging.WARNING):
        inputs = read_inputs(arguments, options_from(arguments, BiencoderOptions))
    assert "questions of --eval that stand in --train, too: 1" in caplog.text
    assert inputs.options.batch_size == 4
    assert (inputs.name, inputs.licence) == ("out", "mit")
    assert len(inputs.train) == 3
    assert [(file.role, file.rows) for file in inputs.files] == [("train", 2), ("train", 1), ("eval", 1)]
    assert inputs.evaluation_options.eval_limit == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["biencoder", "crossencoder", "scratch"])
def test_every_command_offers_its_parser_and_help(command: str, capsys) -> None:
    import importlib

    module = importlib.import_module(f"training.{command}")
    assert module.build_parser().prog == f"python -m training.{command}"
    with pytest.raises(SystemExit) as ended:
        module.main(["--help"])
    assert ended.value.code == 0
    assert "--seed" in capsys.readouterr().out
