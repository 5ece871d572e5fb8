"""Weights of the reward components, from a TOML file."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from evals.rewards.components import PENALTIES, Budgets, QuestionComponent, StepComponent
from retrievers.errors import InputError
from retrievers.toml import parse_toml

_Name = TypeVar("_Name", bound=StrEnum)

Weight = Annotated[float, Field(ge=0.0, allow_inf_nan=False)]


def _known(names: type[StrEnum]) -> BeforeValidator:
    def check(value: object) -> object:
        if value not in set(names):
            raise ValueError(f"unknown component {value!r}; known: {', '.join(names)}")
        return value

    return BeforeValidator(check)


class RewardWeights(BaseModel):
    """How components add up to rewards. A component that is not named weighs nothing.

    Args:
        k: cut-off of the retrieval components in documents, and of what counts as found by a step in chunks.
        question: weights of the components of a record; those of penalties are subtracted.
        step: the same for each step.
        budgets: when a cost's penalty is full.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    k: int = Field(ge=1)
    question: dict[Annotated[QuestionComponent, _known(QuestionComponent)], Weight]
    step: dict[Annotated[StepComponent, _known(StepComponent)], Weight]
    budgets: Budgets

    @model_validator(mode="after")
    def _has_gains(self) -> RewardWeights:
        for table, weights in (("question", self.question), ("step", self.step)):
            if not any(weight > 0 for name, weight in weights.items() if name not in PENALTIES):
                raise ValueError(f"table {table} needs a component above zero that is no penalty")
        return self


def load_weights(path: Path | None = None) -> RewardWeights:
    """Read a weights file; None is the shipped one.

    Raises:
        InputError: the file cannot be read, is no TOML, or names something unknown (known names are listed).
    """
    shipped = resources.files("evals.rewards").joinpath("data/weights.toml")
    where = "weights.toml" if path is None else str(path)
    try:
        text = (shipped if path is None else path).read_text(encoding="utf-8")
        return RewardWeights.model_validate(parse_toml(text, where))
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{where}: cannot be read ({error}); expected a TOML file of reward weights") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"] if part != "[key]") or "file"
        raise InputError(f"{where}: field {field}: {first['msg'].removeprefix('Value error, ')}") from error


def weighted_sum(components: Mapping[str, float], weights: Mapping[_Name, float]) -> float | None:
    """Reward of a record or a step: at most 1, below 0 where penalties outweigh what was earned.

    ``(sum of w * c over gains - sum of w * c over penalties) / sum of w over gains``, over the components that are
    defined. The division keeps questions comparable that have different kinds of gold; it knows nothing of other steps
    or other questions, so no advantage is in it.

    Returns:
        None where no gain with a weight is defined.
    """
    gains = {name: weight for name, weight in weights.items() if name in components and name not in PENALTIES}
    total = sum(gains.values())
    if total == 0:
        return None
    earned = sum(weight * components[name] for name, weight in gains.items())
    lost = sum(
        weight * components[name] for name, weight in weights.items() if name in components and name in PENALTIES
    )
    return (earned - lost) / total
