"""What is measured: which variants of a profile, how deep, on how many questions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from generators.options import GeneratorOptions
from rag.profile import DEFAULT_PROFILE, Profile, RetrieverKind, load_profile
from retrievers.errors import InputError
from retrievers.scorers.options import CompressorOptions, ScorerKind

DEFAULT_RETRIEVERS = (RetrieverKind.BM25, RetrieverKind.DENSE, RetrieverKind.HYBRID, RetrieverKind.COVERAGE)
DEFAULT_CUTOFFS = (1, 3, 5, 10, 20)
RERANKED = "+rerank"
BY_AGENT = "+agent"


class RunOptions(BaseModel):
    """Everything that decides what a run measures; equal options over equal data give equal records.

    Args:
        profile: the profile whose parts are varied.
        overrides: nested profile options that win over its files.
        retrievers: retrievers measured, each with every value of ``rerank``.
        rerank: with and without the compressor of the profile.
        agent: in one search, or in as many steps as the agent takes; the latter needs ``answers``.
        answers: also answer the questions, and measure the answers.
        cutoffs: ranks k of the retrieval metrics.
        depth: candidates fetched for each question; None takes the profile's pool.
        limit: only the first questions of the file.
        seed: of the resampling behind intervals and tests.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    profile: str = DEFAULT_PROFILE
    overrides: dict[str, Any] = Field(default_factory=dict)
    retrievers: tuple[RetrieverKind, ...] = Field(default=DEFAULT_RETRIEVERS, min_length=1)
    rerank: tuple[bool, ...] = Field(default=(False, True), min_length=1)
    agent: tuple[bool, ...] = Field(default=(False,), min_length=1)
    answers: bool = False
    cutoffs: tuple[int, ...] = Field(default=DEFAULT_CUTOFFS, min_length=1)
    depth: int | None = Field(default=None, ge=1)
    limit: int | None = Field(default=None, ge=1)
    seed: int = Field(default=0, ge=0)

    @field_validator("cutoffs")
    @classmethod
    def _ascending(cls, cutoffs: tuple[int, ...]) -> tuple[int, ...]:
        if min(cutoffs) < 1:
            raise ValueError(f"cut-offs must be at least 1, got {min(cutoffs)}")
        return tuple(sorted(set(cutoffs)))

    @field_validator("retrievers", "rerank", "agent")
    @classmethod
    def _unique(cls, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return tuple(dict.fromkeys(values))

    def resolve_profile(self) -> Profile:
        """The profile with its overrides."""
        return load_profile(self.profile, self.overrides)


@dataclass(frozen=True, slots=True)
class Variant:
    """One pipeline of a run: a name like ``"hybrid+rerank"`` and the profile that describes it.

    Args:
        name: unique in its run.
        profile: describes the chain.
        agent: the chain is worked by the agent.
    """

    name: str
    profile: Profile
    agent: bool = False


def variants_of(options: RunOptions, profile: Profile) -> list[Variant]:
    """The pipelines that a run measures, in the order of its tables: ``profile`` with its parts varied.

    Nothing is withheld in a measured pipeline (``min_confidence`` is 0): the threshold is applied to what was recorded,
    so that one run tells what every threshold would do.

    Raises:
        InputError: the compressor is asked for and the profile has none, or the agent without answers.
    """
    if True in options.rerank and profile.compressor.kind is ScorerKind.NONE:
        raise InputError(
            f"profile {profile.name!r} has no compressor (compressor.kind is none): measure it with --compressor off"
        )
    if True in options.agent and not options.answers:
        raise InputError("the agent searches for what it has read: measure it with --answers")
    return [
        _variant(profile, options, kind, rerank=rerank, agent=agent)
        for kind in options.retrievers
        for rerank in options.rerank
        for agent in options.agent
    ]


def _variant(profile: Profile, options: RunOptions, kind: RetrieverKind, *, rerank: bool, agent: bool) -> Variant:
    depth = options.depth or profile.retrieval.pool
    varied: dict[str, BaseModel] = {
        "retrieval": profile.retrieval.model_copy(update={"retriever": kind, "pool": depth}),
        "abstention": profile.abstention.model_copy(update={"min_confidence": 0.0}),
    }
    if not rerank:
        varied["compressor"] = CompressorOptions(kind=ScorerKind.NONE)
    if not options.answers:
        varied["generator"] = GeneratorOptions()  # never asked: its packages and weights need not be there
    name = kind.value + RERANKED * rerank + BY_AGENT * agent
    return Variant(name, profile.model_copy(update=varied), agent)
