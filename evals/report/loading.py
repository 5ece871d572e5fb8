"""A finished run as the report reads it: summary, records and passages, checked."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evals.records import Passage, QuestionRecord, by_variant, read_passages, read_records
from evals.run.directory import SUMMARY_FILE, read_summary
from evals.statistics import SIGNIFICANT
from evals.summary import headline_metrics
from rag.errors import first_mistake
from retrievers.errors import InputError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class DatasetSummary(_Part):
    """What was asked: counts of questions by what is known about them."""

    name: str
    sha256: str = ""
    questions: int
    answerable: int
    with_documents: int | None = None
    with_answers: int
    unanswerable: int
    multi_document: int
    with_passage: int
    guessed_passages: int = 0
    missing_documents: int = 0


class VariantSummary(_Part):
    """Figures of one variant; means of metrics are under their own names beside the named fields.

    Args:
        questions: asked.
        intervals: 95 % intervals by metric.
        counts: questions that a metric's mean is over.
        latency: seconds by stage: ``p50``, ``p95``, ``mean``.
        throughput: questions a second.
        tokens: mean a question, by kind.
        abstention: figures of abstention by name; None where one is undefined.
        failures: questions by kind of failure.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    questions: int
    intervals: dict[str, tuple[float, float]] = Field(default_factory=dict)
    counts: dict[str, int] = Field(default_factory=dict)
    latency: dict[str, dict[str, float]] = Field(default_factory=dict)
    throughput: float | None = None
    tokens: dict[str, float] = Field(default_factory=dict)
    abstention: dict[str, float | None] = Field(default_factory=dict)
    failures: dict[str, int] = Field(default_factory=dict)

    @property
    def means(self) -> dict[str, float]:
        """Mean of every metric."""
        extra = self.model_extra or {}
        return {name: float(value) for name, value in extra.items() if isinstance(value, int | float)}


class ComparisonSummary(_Part):
    """Two variants by one metric; ``difference`` is candidate minus baseline."""

    metric: str
    baseline: str
    candidate: str
    questions: int
    difference: float
    low: float
    high: float
    p_holm: float
    wins: int
    losses: int
    ties: int

    @property
    def significant(self) -> bool:
        """Whether the difference stands after Holm's correction."""
        return self.p_holm <= SIGNIFICANT

    def against(self, baseline: str) -> ComparisonSummary:
        """The same comparison with ``baseline`` as the one that is subtracted."""
        if baseline == self.baseline:
            return self
        turned = {
            "baseline": self.candidate,
            "candidate": self.baseline,
            "difference": -self.difference,
            "low": -self.high,
            "high": -self.low,
            "wins": self.losses,
            "losses": self.wins,
        }
        return self.model_copy(update=turned)


class JudgedMean(_Part):
    """Mean of a judged metric over the answers judged, and why the others were not; None where none was."""

    mean: float | None
    judged: int
    unjudged: dict[str, int] = Field(default_factory=dict)


class JudgedSummary(_Part):
    """What a language model made of the answers: who it was, and its means by variant and metric."""

    judge: dict[str, Any] = Field(default_factory=dict)
    variants: dict[str, dict[str, JudgedMean]] = Field(default_factory=dict)


class RunSummary(_Part):
    """``summary.json``."""

    dataset: DatasetSummary
    judged: JudgedSummary = JudgedSummary()
    cutoffs: tuple[int, ...] = Field(min_length=1)
    depth: int
    k: int
    threshold: float | None = None
    variants: dict[str, VariantSummary] = Field(min_length=1)
    comparisons: tuple[ComparisonSummary, ...] = ()
    environment: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Everything that the report is made from.

    Args:
        summary: of the run.
        records: of each variant, in the summary's order.
        passages: by chunk id.
    """

    summary: RunSummary
    records: dict[str, list[QuestionRecord]]
    passages: dict[str, Passage]

    @property
    def variants(self) -> dict[str, VariantSummary]:
        """Figures by variant."""
        return self.summary.variants

    def has(self, metric: str) -> bool:
        """Whether some variant has a mean of ``metric``."""
        return any(metric in variant.means for variant in self.variants.values())

    def compared(self, metric: str, first: str, second: str) -> ComparisonSummary | None:
        """The comparison of two variants with ``first`` as its baseline, None where they were not compared."""
        for one in self.summary.comparisons:
            if one.metric == metric and {one.baseline, one.candidate} == {first, second}:
                return one.against(first)
        return None

    def best(self, metric: str) -> str:
        """The variant with the highest mean of ``metric``; the first of equals."""
        return max(self.variants, key=lambda name: self.variants[name].means.get(metric, float("-inf")))

    @property
    def headline(self) -> str:
        """The metric that decides which variant is shown in most detail: of answers where there are any."""
        order = ("f1_lemma", f"ndcg@{self.rank_cutoff}", *headline_metrics(self.summary.cutoffs))
        return next((name for name in order if self.has(name)), order[0])

    @property
    def rank_cutoff(self) -> int:
        """The cut-off of metrics that read a whole ranking."""
        return 10 if 10 in self.summary.cutoffs else self.summary.cutoffs[-1]


def load_run(directory: Path) -> Run:
    """Read a finished run.

    Raises:
        InputError: a file is missing or broken (file, line and field are named), or the files are of different runs.
    """
    path = directory / SUMMARY_FILE
    try:
        summary = RunSummary.model_validate(read_summary(directory))
    except ValidationError as error:
        raise InputError(f"{path}: {first_mistake(error)}") from error
    records = by_variant(read_records(directory))
    if set(records) != set(summary.variants):
        raise InputError(
            f"{path}: field variants: expected those of questions.jsonl ({', '.join(records)}),"
            f" got {', '.join(summary.variants)}; finish the run with python -m evals.run"
        )
    return Run(summary, {name: records[name] for name in summary.variants}, read_passages(directory))
