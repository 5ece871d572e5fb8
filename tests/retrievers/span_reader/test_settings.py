from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from retrievers.errors import ModelUnavailableError
from retrievers.span_reader.settings import ReaderSettings, fitting_settings, is_span_reader, read_settings


def write(folder, content) -> str:
    (folder / "config.json").write_text(json.dumps(content), encoding="utf-8")
    return str(folder)


def test_lengths_shrink_with_the_model() -> None:
    assert fitting_settings(512).stride == 96
    assert fitting_settings(64) == ReaderSettings(max_length=64, stride=16, max_question=16)
    assert fitting_settings(64, stride=4).stride == 4


@pytest.mark.parametrize("values", [{"stride": 200}, {"max_question": 200}, {"max_length": 8}, {"confidence_scale": 0}])
def test_settings_that_cannot_work_are_refused(values) -> None:
    with pytest.raises(ValidationError):
        ReaderSettings.model_validate(values)


def test_settings_come_back_from_the_folder(tmp_path) -> None:
    settings = fitting_settings(128, passage_weight=0.5, confidence_scale=0.8, confidence_bias=-1.5)
    model = write(tmp_path, {"model_type": "bert", "reader": settings.model_dump() | {"of_a_newer_version": 1}})
    assert read_settings(tmp_path, model) == settings
    assert is_span_reader(model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({}, "python -m training.reader"),
        ({"reader": {"format": 2}}, "format 2"),
        ({"reader": {"stride": "wide"}}, "damaged"),
    ],
)
def test_other_folders_are_refused(tmp_path, content, message) -> None:
    with pytest.raises(ModelUnavailableError, match=message):
        read_settings(tmp_path, write(tmp_path, content))


def test_a_model_that_is_not_there_is_no_span_reader(tmp_path) -> None:
    assert not is_span_reader(str(tmp_path / "none"))
    assert not is_span_reader(write(tmp_path, {"model_type": "bert"}))
