from __future__ import annotations

import argparse

import pytest
from pydantic import Field

from retrievers.errors import InputError
from training.finetune.options import Precision, Schedule, TrainingOptions, add_option_flags, options_from


def parse(*flags: str, options: type[TrainingOptions] = TrainingOptions, **defaults) -> TrainingOptions:
    parser = argparse.ArgumentParser()
    add_option_flags(parser, options, **defaults)
    return options_from(parser.parse_args(list(flags)), options)


def test_no_flags_are_the_defaults() -> None:
    assert parse() == TrainingOptions()


def test_every_field_has_a_flag_that_sets_it() -> None:
    given = {
        "epochs": 2.5, "steps": 7, "batch_size": 3, "learning_rate": 1e-3, "schedule": Schedule.COSINE, "warmup": 0.2,
        "weight_decay": 0.0, "max_gradient": 2.0, "seed": 9, "precision": Precision.BF16, "accumulation": 4,
        "checkpointing": True, "max_length": 64, "lora_rank": 8, "lora_alpha": 16, "lora_dropout": 0.0,
        "lora_targets": ("query", "value"), "keep_adapter": True, "evaluate_every": 11, "patience": 0,
        "metric": "pearson", "fresh": True,
    }  # fmt: skip
    assert set(given) == set(TrainingOptions.model_fields)
    flags: list[str] = []
    for name, value in given.items():
        flags.append(f"--{name.replace('_', '-')}")
        if value is not True:
            flags += list(value) if isinstance(value, tuple) else [str(value)]
    assert parse(*flags).model_dump() == given


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        (["--batch-size", "0"], "--batch-size"),
        (["--warmup", "1"], "--warmup"),
        (["--learning-rate", "-1"], "--learning-rate"),
        (["--max-length", "3"], "--max-length"),
        (["--learning-rate", "nan"], "--learning-rate"),
    ],
)
def test_a_value_out_of_range_names_its_flag(flags: list[str], name: str) -> None:
    with pytest.raises(InputError, match=f"^{name}: "):
        parse(*flags)


def test_a_derived_class_brings_flags_and_a_command_its_defaults() -> None:
    class Own(TrainingOptions):
        relevance_weight: float = Field(default=1.0, ge=0, description="50 % of nothing")

    parser = argparse.ArgumentParser()
    add_option_flags(parser, Own, skip=("fresh",), max_length=512)
    assert "50 % of nothing (default: 1.0)" in parser.format_help()
    assert "--fresh" not in parser.format_help()
    options = options_from(parser.parse_args(["--relevance-weight", "0.5"]), Own, fresh=True)
    assert (options.relevance_weight, options.max_length, options.fresh) == (0.5, 512, True)
