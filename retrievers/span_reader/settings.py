"""What a span reader's folder says about itself, beside what any transformer's folder says.

The folder holds ``config.json`` (the encoder's own configuration with one more key, ``"reader"``: the fields of
:class:`ReaderSettings`), ``tokenizer.json``, and ``model.safetensors`` (keys ``encoder.*``, ``span.*``, ``pool.*`` and
``relevance.*``) or ``model.onnx`` (inputs ``input_ids``, ``attention_mask`` and, where the encoder has them,
``token_type_ids``; outputs ``start_logits`` and ``end_logits`` of shape (batch, tokens), ``relevance`` of shape
(batch,)).
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from retrievers.checkpoints import find_checkpoint, read_json
from retrievers.errors import ModelUnavailableError, ToolkitError

KEY = "reader"
OUTPUTS = ("start_logits", "end_logits", "relevance")
_FORMAT = 1


class ReaderSettings(BaseModel):
    """How a span reader is to be used; written by training, read wherever the model runs.

    Args:
        format: of these settings.
        max_length: tokens of question and passage together; a longer passage is read in windows.
        stride: tokens that two windows of a passage share.
        max_question: tokens of the question; the rest of a longer one is not seen.
        max_answer: tokens of an answer.
        passage_weight: what a unit of a passage's relevance is worth beside the scores of its spans, in logits.
        confidence_scale: slope of the logistic calibration of the confidence: the inverse of a temperature.
        confidence_bias: its intercept.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: int = _FORMAT
    max_length: int = Field(default=384, ge=16)
    stride: int = Field(default=96, ge=0)
    max_question: int = Field(default=64, ge=4)
    max_answer: int = Field(default=30, ge=1)
    passage_weight: FiniteFloat = Field(default=1.0, ge=0)
    confidence_scale: FiniteFloat = Field(default=1.0, gt=0)
    confidence_bias: FiniteFloat = 0.0

    @model_validator(mode="after")
    def _windows_have_room(self) -> Self:
        if self.max_question > self.max_length // 2:
            raise ValueError(f"max_question {self.max_question} leaves no room in max_length {self.max_length}")
        if self.stride > self.max_length // 4:
            raise ValueError(f"stride {self.stride} is above a quarter of max_length {self.max_length}")
        return self


def fitting_settings(max_length: int, **values: float) -> ReaderSettings:
    """Settings for a model of ``max_length`` tokens; stride and question shrink with it, unless ``values`` names them.

    >>> fitting_settings(64).stride
    16
    """
    room = {"stride": min(96, max_length // 4), "max_question": min(64, max_length // 4)}
    return ReaderSettings.model_validate({"max_length": max_length} | room | values)


def read_settings(folder: Path, model: str) -> ReaderSettings:
    """Settings of the span reader in ``folder``.

    Raises:
        ModelUnavailableError: it holds another kind of model, or settings this version does not understand.
    """
    stored = read_json(folder / "config.json").get(KEY)
    if not isinstance(stored, dict):
        raise ModelUnavailableError(
            f"{model} is no span reader: its config.json has no {KEY!r}; train one with: python -m training.reader"
        )
    if isinstance(stored.get("format"), int) and stored["format"] > _FORMAT:
        raise ModelUnavailableError(
            f"{model} is a span reader of format {stored['format']}; this version reads up to {_FORMAT}: update it"
        )
    try:
        return ReaderSettings.model_validate(stored)
    except ValidationError as error:
        raise ModelUnavailableError(f"{model}: {KEY!r} in its config.json is damaged: {error}") from error


def is_span_reader(model: str, revision: str | None = None) -> bool:
    """Whether ``model`` names a span reader on this machine; False, too, where there is nothing of that name."""
    path = Path(model).expanduser()
    try:
        folder = path.parent if path.is_file() else find_checkpoint(model, revision, feature="a span reader")
        return KEY in read_json(folder / "config.json")
    except ToolkitError:
        return False
