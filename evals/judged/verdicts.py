"""What a judge said of an answer, and what it could not say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from evals.records import QuestionRecord, read_rows

JUDGED_FILE = "judged.jsonl"

# Why an answer has no judgement before a judge was asked.
ABSTAINED = "abstained"
NO_REFERENCE = "no gold answer"
NO_PASSAGES = "no passages"


class Verdict(BaseModel):
    """The judgement of one answer of one variant.

    Args:
        qid: of the question.
        variant: name of the pipeline.
        scores: by metric, in [0, 1], higher is better; only those that were judged.
        unjudged: by metric, why there is no score.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    qid: str
    variant: str
    scores: dict[str, float] = Field(default_factory=dict)
    unjudged: dict[str, str] = Field(default_factory=dict)


def read_verdicts(path: Path) -> list[Verdict]:
    """Read ``judged.jsonl``; none where there is no such file."""
    return [verdict for _, verdict in read_rows(path, Verdict)] if path.exists() else []


def summarize_verdicts(verdicts: Sequence[Verdict], metrics: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Means by variant and metric over the answers that were judged, beside how many were not, by reason.

    Returns:
        ``{variant: {metric: {"mean": float | None, "judged": int, "unjudged": {reason: count}}}}``.
    """
    names = list(metrics)
    summary: dict[str, dict[str, Any]] = {}
    for variant in dict.fromkeys(verdict.variant for verdict in verdicts):
        group = [verdict for verdict in verdicts if verdict.variant == variant]
        summary[variant] = {name: _summarize(group, name) for name in names}
    return summary


def _summarize(verdicts: Sequence[Verdict], metric: str) -> dict[str, Any]:
    scores = [verdict.scores[metric] for verdict in verdicts if metric in verdict.scores]
    reasons = [verdict.unjudged[metric] for verdict in verdicts if metric in verdict.unjudged]
    return {
        "mean": float(np.mean(scores)) if scores else None,
        "judged": len(scores),
        "unjudged": {reason: reasons.count(reason) for reason in dict.fromkeys(reasons)},
    }


def unjudgeable(record: QuestionRecord, metric: str, passages: Sequence[str]) -> str | None:
    """Why a metric cannot be judged for this record, before a judge is asked; None where it can.

    Faithfulness and answer relevancy need an answer that was given; context precision and recall a gold answer.
    """
    needs_answer = metric in {"faithfulness", "answer_relevancy"}
    if needs_answer and (record.answer is None or not record.answer.delivered):
        return ABSTAINED
    if not needs_answer and not record.answers:
        return NO_REFERENCE
    if metric != "answer_relevancy" and not passages:
        return NO_PASSAGES
    return None
