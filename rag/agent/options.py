"""Options of the agent, all with the ranges that a plan or a model cannot leave."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator


class PlannerKind(StrEnum):
    """Who takes questions apart.

    AUTO: the generator's model where it is a chat model, else the rules. NONE: nobody, every question is one step.
    """

    AUTO = "auto"
    RULES = "rules"
    MODEL = "model"
    NONE = "none"


class Way(StrEnum):
    """Other words to search with, see :mod:`retrievers.expansion`; the first three need a language model.

    NAMES: the names of the question alone.
    """

    MULTI_QUERY = "multi-query"
    HYDE = "hyde"
    QUERY2DOC = "query2doc"
    NAMES = "names"
    FEEDBACK = "feedback"
    SYNONYMS = "synonyms"


class Budget(BaseModel):
    """Limits of one question; a plan cannot raise them.

    Args:
        steps: searches, those in other words and those for each of several entities among them.
        fan_out: entities that one step is asked for.
        tokens: of language models, in and out, as their servers count them.
        seconds: from question to answer; looked at between operations, none is broken off.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=16, ge=1, le=100)
    fan_out: int = Field(default=5, ge=1, le=20)
    tokens: int = Field(default=50_000, ge=1)
    seconds: float = Field(default=120.0, gt=0, le=3600)


class AgentOptions(BaseModel):
    """How the agent works.

    Args:
        planner: who takes questions apart.
        budget: what one question may cost.
        passages: passages that stand behind an answer, over all steps.
        k: passages that one step reads; None takes the chain's.
        alternatives: answers of a step that are looked at, where a later step asks about its answer.
        beam: how many of them are followed, where the step is not sure of one.
        attempts: searches in other words after the first, for a step whose evidence is not enough.
        ways: of such searches, in this order; None takes all that fit the retriever and the model.
        coverage: share of a step's question, weighted by idf, that its passages must hold together.
        fallback: ask the question as it stands once more where its steps came to nothing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    planner: PlannerKind = PlannerKind.AUTO
    budget: Budget = Budget()
    passages: int = Field(default=10, ge=1, le=50)
    k: int | None = Field(default=None, ge=1, le=20)
    alternatives: int = Field(default=8, ge=1, le=20)
    beam: int = Field(default=3, ge=1, le=8)
    ways: tuple[Way, ...] | None = None
    attempts: int = Field(default=1, ge=0, le=4)
    coverage: float = Field(default=0.5, ge=0.0, le=1.0)
    fallback: bool = True

    @field_validator("ways", mode="before")
    @classmethod
    def _from_text(cls, ways: Any) -> Any:
        """Names with commas between, as flags and the environment give them."""
        return [name.strip() for name in ways.split(",") if name.strip()] if isinstance(ways, str) else ways
