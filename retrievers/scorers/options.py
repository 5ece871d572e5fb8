"""Which scorer reranks, and with what options."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator


class ScorerKind(StrEnum):
    """Families of scorers."""

    NONE = "none"
    LIGHT = "light"
    ONNX = "onnx"
    HUGGINGFACE = "huggingface"


class CompressorOptions(BaseModel):
    """Options of the cross-encoder compressor.

    Args:
        kind: no reranking, the offline feature-based scorer, an exported model, or a Hugging Face cross-encoder.
        model: hub name or path of the model; for ``light`` a weights file in place of the shipped one.
        revision: commit, tag or branch of a hub model.
        device: ``"cpu"``, ``"cuda"``, … or None for the best one at hand.
        batch_size: pairs scored at once.
        max_length: tokens of question and passage together.
        threshold: passages of a lower score are dropped; None keeps all. Scores are the scorer's own, raw.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: ScorerKind = ScorerKind.LIGHT
    model: str | None = None
    revision: str | None = None
    device: str | None = None
    batch_size: int = Field(default=32, ge=1)
    max_length: int = Field(default=512, ge=8)
    threshold: float | None = None

    @model_validator(mode="after")
    def _model_is_named(self) -> CompressorOptions:
        if self.kind in {ScorerKind.ONNX, ScorerKind.HUGGINGFACE} and not self.model:
            raise ValueError(f"kind {self.kind.value!r} needs a model: a name or a path")
        return self
