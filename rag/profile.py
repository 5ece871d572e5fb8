"""Profiles: which retriever, compressor and generator answer, and with what options.

A profile is TOML. The shipped ones stand in ``rag/profiles``; a file of the same name in the user's configuration
directory merges over it, environment variables (``RAG_RETRIEVAL__K=8``) over that, flags over all. A user's file of
another name is a new profile and names the one it ``extends``.
"""

from __future__ import annotations

import os
import reprlib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, SettingsConfigDict

from generators.options import GeneratorOptions
from rag.agent.options import AgentOptions
from rag.index.options import IndexOptions
from retrievers.coverage import CoverageOptions
from retrievers.errors import InputError
from retrievers.expansion.options import ExpansionOptions
from retrievers.fusion import Normalization
from retrievers.hybrid import FusionMethod
from retrievers.named_models import APPLICATION
from retrievers.scorers.options import CompressorOptions
from retrievers.toml import parse_toml

ENVIRONMENT_PREFIX = "RAG_"
DEFAULT_PROFILE = "offline"

Leg = Literal["bm25", "tfidf", "dense"]


class RetrieverKind(StrEnum):
    """Which retriever a chain starts with."""

    BM25 = "bm25"
    TFIDF = "tfidf"
    DENSE = "dense"
    HYBRID = "hybrid"
    COVERAGE = "coverage"


class Ranking(StrEnum):
    """Where BM25 and the fusion of legs are computed.

    INDEX: here, from the index's own counts of terms. ENGINE: in the store of the vectors, where that is Milvus; for
    indexes whose counts are too many for one machine.
    """

    INDEX = "index"
    ENGINE = "engine"


class _Options(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _default_weights() -> dict[Leg, float]:
    return {"bm25": 1.0, "dense": 0.3}


class HybridOptions(_Options):
    """How the legs of the hybrid retriever are fused.

    The shipped values were chosen by measurement (``benchmarks/fusion.py``): on questions over Russian Wikipedia a
    weighted sum of scores is better than BM25 alone by document and by paragraph, and reciprocal ranks with equal
    weights are worse at the top.

    Args:
        method: weighted sum of normalised scores, or reciprocal rank fusion.
        normalization: what makes the scores of a leg comparable, for the weighted sum.
        weights: weight of each leg by component name; a leg of weight 0 is not asked.
        depth: how many hits each leg contributes.
        rank_constant: the constant of reciprocal rank fusion.
    """

    method: FusionMethod = FusionMethod.WEIGHTED
    normalization: Normalization = Normalization.MAX
    weights: dict[Leg, float] = Field(default_factory=_default_weights, min_length=1)
    depth: int = Field(default=100, ge=1)
    rank_constant: int = Field(default=60, ge=0)


class RetrievalOptions(_Options):
    """How candidates are found and how many the generator reads.

    Args:
        retriever: the retriever asked.
        ranking: what computes its ranking.
        pool: candidates fetched for the compressor.
        k: passages kept for the generator.
        neighbours: chunks of the same document shown around each passage (small-to-big).
        hybrid: fusion of the hybrid retriever.
        coverage: selection of the coverage-aware retriever.
        expansion: what is searched with beside the question.
    """

    retriever: RetrieverKind = RetrieverKind.HYBRID
    ranking: Ranking = Ranking.INDEX
    pool: int = Field(default=50, ge=1)
    k: int = Field(default=5, ge=1)
    neighbours: int = Field(default=0, ge=0, le=5)
    hybrid: HybridOptions = HybridOptions()
    coverage: CoverageOptions = CoverageOptions()
    expansion: ExpansionOptions = ExpansionOptions()


class AbstentionOptions(_Options):
    """When to say that the documents hold no answer.

    Args:
        min_confidence: answers of a lower calibrated confidence are withheld; 0 answers always, None takes the
            threshold that the calibration found.
        calibration: name of the shipped calibration, or path of one made by ``python -m training.calibration``.
    """

    min_confidence: float | None = Field(default=None, ge=0.0, le=1.0)
    calibration: str = "offline"


class Profile(_Options):
    """Everything that makes a pipeline, as one immutable value."""

    name: str
    index: IndexOptions = IndexOptions()
    retrieval: RetrievalOptions = RetrievalOptions()
    compressor: CompressorOptions = CompressorOptions()
    generator: GeneratorOptions = GeneratorOptions()
    abstention: AbstentionOptions = AbstentionOptions()
    agent: AgentOptions = AgentOptions()


def user_profiles_directory() -> Path:
    """Where a user's own profile files are looked for."""
    return platformdirs.user_config_path(APPLICATION) / "profiles"


def known_profiles() -> list[str]:
    """Names of the shipped and the user's own profiles."""
    shipped = {Path(entry.name).stem for entry in resources.files("rag").joinpath("profiles").iterdir()}
    return sorted(shipped | {path.stem for path in user_profiles_directory().glob("*.toml")})


def load_profile(name: str = DEFAULT_PROFILE, overrides: Mapping[str, Any] | None = None) -> Profile:
    """Read a profile and everything that merges over it.

    Args:
        name: a known profile.
        overrides: nested options that win over files and environment, as flags do: ``{"retrieval": {"k": 3}}``.

    Raises:
        InputError: an unknown profile (the known ones are listed) or option, or a value out of range.
    """
    values = _read_files(name, seen=())
    for layer in (_environment(), overrides or {}):
        values = _merge(values, layer)
    try:
        return Profile.model_validate({**values, "name": name})
    except ValidationError as error:
        first = error.errors()[0]
        option = ".".join(map(str, first["loc"]))
        raise InputError(
            f"profile {name!r}: option {option}: {first['msg']} (got {reprlib.repr(first['input'])})"
        ) from error


def parse_assignments(assignments: Sequence[str]) -> dict[str, Any]:
    """Nested options of ``--set OPTION=VALUE`` flags: ``["retrieval.k=8"]`` to ``{"retrieval": {"k": "8"}}``.

    Raises:
        InputError: an assignment of another form.
    """
    options: dict[str, Any] = {}
    for assignment in assignments:
        option, separator, value = assignment.partition("=")
        if not separator or not option:
            raise InputError(f"--set {assignment!r}: expected OPTION=VALUE, like retrieval.k=8")
        set_option(options, option, value)
    return options


def set_option(options: dict[str, Any], path: str, value: object) -> None:
    """Set one nested option by its dotted path, in place."""
    *sections, name = path.split(".")
    for section in sections:
        options = options.setdefault(section, {})
        if not isinstance(options, dict):
            raise InputError(f"option {path}: {section} is a value already, it has no options of its own")
    options[name] = value


def _read_files(name: str, seen: tuple[str, ...]) -> dict[str, Any]:
    if name in seen:
        raise InputError(f"profile {name!r} extends itself: {' -> '.join((*seen, name))}")
    shipped = resources.files("rag").joinpath("profiles", f"{name}.toml")
    own = user_profiles_directory() / f"{name}.toml"
    known = known_profiles()
    if name not in known:
        raise InputError(f"unknown profile {name!r}; known: {', '.join(known)}; own ones go to {own.parent}")
    values = parse_toml(shipped.read_text(encoding="utf-8"), f"profiles/{name}.toml") if shipped.is_file() else {}
    if own.is_file():
        values = _merge(values, parse_toml(_read_own(own), f"profile file {own}"))
    base = values.pop("extends", None)
    if base is None:
        return values
    return _merge(_read_files(str(base), (*seen, name)), values)


def _read_own(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"profile file {path} cannot be read: {error}") from error


class _Environment(BaseSettings):
    """The sections of a profile as far as environment variables set them."""

    model_config = SettingsConfigDict(env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="ignore")

    index: dict[str, Any] = {}
    retrieval: dict[str, Any] = {}
    compressor: dict[str, Any] = {}
    generator: dict[str, Any] = {}
    abstention: dict[str, Any] = {}
    agent: dict[str, Any] = {}


def _environment() -> dict[str, Any]:
    if not any(key.upper().startswith(ENVIRONMENT_PREFIX) for key in os.environ):
        return {}
    return dict(EnvSettingsSource(_Environment)())


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in over.items():
        if isinstance(value, Mapping) and isinstance(merged.get(key), Mapping):
            merged[key] = _merge(merged[key], value)
        else:
            merged[key] = value
    return merged
