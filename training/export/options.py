"""How a model is exported and how close the export must stay to it."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class Quantization(StrEnum):
    """Numbers that the exported weights are stored in."""

    NONE = "none"
    INT8 = "int8"
    FP16 = "fp16"


class ExportTask(StrEnum):
    """What the exported model is for."""

    AUTO = "auto"
    BIENCODER = "biencoder"
    CROSSENCODER = "crossencoder"
    READER = "reader"


# How far an export may be from its model by default: 1 - mean cosine of the vectors, or 1 - mean Kendall's tau of the
# rankings. 32 bits only lose rounding; what 8 bits lose depends on the model, and a model that loses more than this is
# better quantised less (--per-tensor left out) or not at all.
_TOLERANCE = {Quantization.NONE: 0.001, Quantization.FP16: 0.01, Quantization.INT8: 0.1}


class ExportOptions(BaseModel):
    """Options of an export; each field is a flag, its description the help."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: ExportTask = Field(default=ExportTask.AUTO, description="what the model is for; auto reads it from its files")
    quantize: Quantization = Field(
        default=Quantization.NONE,
        description="numbers to store weights in: int8 is a quarter of the size and faster on a CPU, fp16 half of it "
        "and no faster there",
    )
    per_tensor: bool = Field(
        default=False,
        description="int8: one scale a matrix in place of one a column; less exact, for runtimes that know no other",
    )
    reduce_range: bool = Field(
        default=False,
        description="int8: 7 bits a weight, for processors without VNNI, whose 16-bit sums overflow with 8",
    )
    optimize: bool = Field(
        default=False,
        description="let ONNX Runtime fuse operators now and store the result, which then runs on ONNX Runtime alone",
    )
    tolerance: float | None = Field(
        default=None,
        ge=0,
        description="largest 1 - cosine of the vectors (encoders) or 1 - Kendall's tau of the rankings (scorers), mean "
        "over the texts compared; beyond it nothing is written (default: .001, fp16 .01, int8 .1)",
    )
    max_drop: float = Field(
        default=0.01, ge=0, description="with --eval: largest loss of nDCG@10; beyond it nothing is written"
    )
    limit: int | None = Field(default=None, ge=1, description="questions compared (default: 50, with --eval all)")
    threads: int | None = Field(default=None, ge=1, description="threads of the speed measurement (default: all cores)")

    @property
    def allowed(self) -> float:
        """The tolerance in force."""
        return _TOLERANCE[self.quantize] if self.tolerance is None else self.tolerance
