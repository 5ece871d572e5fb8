"""How a model is trained, whatever it is: options with their limits, and the flags made from them."""

from __future__ import annotations

import argparse
import types
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo

from rag.errors import first_mistake
from retrievers.errors import InputError


class Precision(StrEnum):
    """Numbers that the forward and backward pass compute in; the weights themselves stay in 32 bit."""

    FP32 = "fp32"
    BF16 = "bf16"
    FP16 = "fp16"


class Schedule(StrEnum):
    """Course of the learning rate after the warm-up."""

    LINEAR = "linear"
    COSINE = "cosine"
    CONSTANT = "constant_with_warmup"


class TrainingOptions(BaseModel):
    """Options of every trainer; each field is a flag (``batch_size`` is ``--batch-size``), its description the help.

    A command with options of its own derives a class from this one and makes its flags with :func:`add_option_flags`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: float = Field(default=1.0, gt=0, description="passes over the training rows")
    steps: int | None = Field(default=None, ge=1, description="weight updates, in place of --epochs")
    batch_size: int = Field(default=32, ge=1, description="rows of a forward pass")
    learning_rate: float = Field(default=2e-5, gt=0, description="highest learning rate, reached after the warm-up")
    schedule: Schedule = Field(default=Schedule.LINEAR, description="course of the learning rate after the warm-up")
    warmup: float = Field(default=0.1, ge=0, lt=1, description="share of the updates that warm up")
    weight_decay: float = Field(default=0.01, ge=0, description="weight decay of AdamW; biases and norms have none")
    max_gradient: float = Field(default=1.0, gt=0, description="norm that gradients are clipped to")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of new weights, of the order of rows and of dropout")
    precision: Precision = Field(default=Precision.FP32, description="numbers to compute in; fp16 needs a GPU")
    accumulation: int = Field(default=1, ge=1, description="forward passes whose gradients make one update")
    checkpointing: bool = Field(default=False, description="compute activations twice to hold fewer in memory")
    max_length: int | None = Field(default=None, ge=8, description="tokens of a text, the rest is cut off; unset: the "
                                   "model's own limit")  # fmt: skip
    lora_rank: int = Field(default=0, ge=0, description="rank of LoRA adapters (peft); 0 trains all weights")
    lora_alpha: int = Field(default=32, gt=0, description="LoRA's scale: updates are multiplied by alpha / rank")
    lora_dropout: float = Field(default=0.05, ge=0, lt=1, description="dropout before LoRA's matrices")
    lora_targets: tuple[str, ...] = Field(default=(), description="names of the modules that LoRA changes; unset: all "
                                          "linear layers")  # fmt: skip
    keep_adapter: bool = Field(default=False, description="save LoRA's adapter alone instead of weights with it merged "
                               "in; the pipeline opens merged ones only")  # fmt: skip
    evaluate_every: int | None = Field(default=None, ge=1, description="updates between two evaluations, each with a "
                                       "checkpoint; unset: ten in all")  # fmt: skip
    patience: int = Field(default=3, ge=0, description="evaluations without a better --metric before training stops; "
                          "0 never stops early. The best weights are kept either way")  # fmt: skip
    metric: str = Field(default="ndcg@10", min_length=1, description="metric of the evaluation that chooses the best "
                        "weights")  # fmt: skip
    fresh: bool = Field(default=False, description="throw away what an interrupted run of the same --out left, instead "
                        "of going on from it")  # fmt: skip


Options = TypeVar("Options", bound=BaseModel)


def add_option_flags(
    parser: argparse.ArgumentParser, options: type[BaseModel], *, skip: Sequence[str] = (), **defaults: Any
) -> None:
    """Add a flag for each field of an options class.

    Args:
        parser: to add them to.
        options: the class; a field's description is the flag's help.
        skip: fields that get no flag.
        defaults: by field, where a command wants others than the class has.
    """
    for name, field in options.model_fields.items():
        if name not in skip:
            _add_flag(parser, name, field, defaults.get(name, field.default))


def options_from(arguments: argparse.Namespace, options: type[Options], **values: Any) -> Options:
    """The options that parsed flags say; ``values`` are fields that have no flag.

    Raises:
        InputError: a value is out of range; names the flag.
    """
    given = {name: getattr(arguments, name) for name in options.model_fields if hasattr(arguments, name)}
    try:
        return options.model_validate(given | values)
    except ValidationError as error:
        name = str(error.errors()[0]["loc"][0]) if error.errors()[0]["loc"] else ""
        place = f"--{name.replace('_', '-')}" if name in given else "options"
        raise InputError(f"{place}: {first_mistake(error).partition(': ')[2]}") from error


def _add_flag(parser: argparse.ArgumentParser, name: str, field: FieldInfo, default: Any) -> None:
    flag, kind = f"--{name.replace('_', '-')}", _bare(field.annotation)
    text = (field.description or "").replace("%", "%%")
    shown = default is not None and default is not False and default != ()
    text += f" (default: {default.value if isinstance(default, StrEnum) else default})" if shown else ""
    if kind is bool:
        parser.add_argument(flag, action="store_true", default=default, help=text)
    elif get_origin(kind) is tuple:
        item = get_args(kind)[0]
        parser.add_argument(flag, nargs="+", type=item, default=default, metavar=_metavar(item), help=text)
    elif isinstance(kind, type) and issubclass(kind, StrEnum):
        parser.add_argument(flag, choices=[choice.value for choice in kind], default=default, help=text)
    else:
        parser.add_argument(flag, type=kind, default=default, metavar=_metavar(kind), help=text)


def _bare(annotation: Any) -> Any:
    """The type without ``| None``."""
    if get_origin(annotation) in {Union, types.UnionType}:
        return next(part for part in get_args(annotation) if part is not type(None))
    return annotation


def _metavar(kind: Any) -> str:
    return {int: "N", float: "X"}.get(kind, "NAME")
