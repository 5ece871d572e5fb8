"""What a run comes to: means with intervals, comparisons, abstention, latency, kinds of failure."""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evals.abstention import AbstentionTrial, summarize_abstention
from evals.failures import Failure, classify
from evals.records import QuestionRecord, by_variant
from evals.scoring import FORCED_SUFFIX, PASSAGE_PREFIX
from evals.statistics import Difference, bootstrap_intervals, compare_pairs, holm

ANSWER_METRICS = ("em", "f1", "em_lemma", "f1_lemma")


@dataclass(frozen=True, slots=True)
class Comparison(Difference):
    """A :class:`~evals.statistics.Difference` of one metric between two pipelines.

    Args:
        metric: its name.
        baseline: name of the first pipeline.
        candidate: name of the second.
        p_holm: p-value corrected for all pairs compared by this metric.
    """

    metric: str
    baseline: str
    candidate: str
    p_holm: float


def headline_metrics(cutoffs: Sequence[int]) -> tuple[str, ...]:
    """The metrics that tables show and comparisons test, for the cut-offs at hand."""
    first, last = cutoffs[0], cutoffs[-1]
    middle = 5 if 5 in cutoffs else last
    ten = 10 if 10 in cutoffs else last
    names = (
        f"hit@{first}",
        f"hit@{middle}",
        f"hit@{ten}",
        f"mrr@{ten}",
        f"ndcg@{ten}",
        f"all_found@{middle}",
        f"{PASSAGE_PREFIX}hit@{middle}",
        f"{PASSAGE_PREFIX}hit@{last}",
        f"{PASSAGE_PREFIX}ndcg@{ten}",
        *ANSWER_METRICS,
    )
    return tuple(dict.fromkeys(names))


def compare_variants(records: Sequence[QuestionRecord], metrics: Sequence[str], *, seed: int) -> list[Comparison]:
    """Every pair of variants by every metric that both have, over the questions that both have."""
    groups = by_variant(records)
    found = []
    for metric in metrics:
        values = {
            variant: {record.qid: record.metrics[metric] for record in group if metric in record.metrics}
            for variant, group in groups.items()
        }
        found += compare_values(metric, {name: column for name, column in values.items() if column}, seed=seed)
    return correct_by_metric(found)


def compare_values(
    metric: str,
    values: Mapping[str, Mapping[str, float]],
    pairs: Sequence[tuple[str, str]] | None = None,
    *,
    seed: int,
) -> list[Comparison]:
    """Compare pipelines by one metric over the questions that all of them have; ``p_holm`` is not corrected yet.

    Args:
        metric: its name.
        values: of each pipeline, by question id.
        pairs: baseline and candidate; all pairs where none are given.
        seed: of the resampling.
    """
    names = list(values)
    wanted = list(itertools.combinations(names, 2)) if pairs is None else list(pairs)
    shared = sorted(set.intersection(*(set(column) for column in values.values()))) if values else []
    if not shared or not wanted:
        return []
    matrix = np.array([[values[name][qid] for name in names] for qid in shared])
    columns = [(names.index(first), names.index(second)) for first, second in wanted]
    differences = compare_pairs(matrix, columns, seed=seed)
    return [
        Comparison(**dataclasses.asdict(one), metric=metric, baseline=first, candidate=second, p_holm=one.p)
        for one, (first, second) in zip(differences, wanted, strict=True)
    ]


def correct_by_metric(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same with ``p_holm`` corrected: the pairs compared by one metric are one family of tests."""
    corrected = list(comparisons)
    for metric in dict.fromkeys(one.metric for one in comparisons):
        places = [place for place, one in enumerate(comparisons) if one.metric == metric]
        for place, p in zip(places, holm([comparisons[place].p for place in places]), strict=True):
            corrected[place] = dataclasses.replace(comparisons[place], p_holm=p)
    return corrected


def summarize_variant(records: Sequence[QuestionRecord], *, k: int, seed: int) -> dict[str, Any]:
    """Means and 95 % intervals of every metric over the questions that have it, latency, abstention, failures.

    Args:
        records: of one variant.
        k: passages read.
        seed: of the resampling.
    """
    values: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.metrics.items():
            values.setdefault(name, []).append(value)
    latency = latency_by_stage(records)
    summary: dict[str, Any] = {"questions": len(records)}
    summary |= {name: float(np.mean(column)) for name, column in values.items()}
    summary["counts"] = {name: len(column) for name, column in values.items()}
    summary["intervals"] = _intervals(records, seed)
    summary["latency"] = latency
    summary["throughput"] = 1.0 / latency["total"]["mean"]
    if tokens := _tokens(records):
        summary["tokens"] = tokens
    if abstention := _abstention(records):
        summary["abstention"] = abstention
    summary["failures"] = failure_counts(records, k)
    return summary


def latency_by_stage(records: Sequence[QuestionRecord]) -> dict[str, dict[str, float]]:
    """Seconds by stage: median, 95th percentile and mean."""
    seconds: dict[str, list[float]] = {}
    for record in records:
        for stage, value in record.timings.items():
            seconds.setdefault(stage, []).append(value)
    return {
        stage: {
            "p50": float(np.percentile(column, 50)),
            "p95": float(np.percentile(column, 95)),
            "mean": float(np.mean(column)),
        }
        for stage, column in seconds.items()
    }


def failure_counts(records: Sequence[QuestionRecord], k: int) -> dict[str, int]:
    """How many questions failed in which way, zero counts too."""
    counts = Counter(classify(record, k) for record in records)
    return {kind.value: counts[kind] for kind in Failure}


def abstention_trials(records: Sequence[QuestionRecord]) -> list[AbstentionTrial]:
    """What abstention is judged by; questions that are answerable and have no gold answers are left out.

    An answer is right when it has the dictionary forms of a gold answer.
    """
    return [
        AbstentionTrial(
            answerable=record.answerable,
            abstained=record.answer.abstained,
            correct=record.metrics.get(f"em_lemma{FORCED_SUFFIX}") == 1.0,
            confidence=record.answer.confidence,
        )
        for record in records
        if record.answer and (record.answers or not record.answerable)
    ]


def _abstention(records: Sequence[QuestionRecord]) -> dict[str, Any] | None:
    trials = abstention_trials(records)
    return dataclasses.asdict(summarize_abstention(trials)) if trials else None


def _intervals(records: Sequence[QuestionRecord], seed: int) -> dict[str, list[float]]:
    """The 95 % bootstrap interval of every mean; metrics of the same questions share their resamples."""
    families: dict[tuple[str, ...], list[str]] = {}
    for name in dict.fromkeys(name for record in records for name in record.metrics):
        questions = tuple(record.qid for record in records if name in record.metrics)
        families.setdefault(questions, []).append(name)
    found: dict[str, list[float]] = {}
    for names in families.values():
        values = [[record.metrics[name] for name in names] for record in records if names[0] in record.metrics]
        low, high = bootstrap_intervals(np.array(values), seed=seed)
        found |= {name: [float(low[place]), float(high[place])] for place, name in enumerate(names)}
    return found


def _tokens(records: Sequence[QuestionRecord]) -> dict[str, float]:
    """Mean tokens a question, over the questions whose tokens were counted."""
    counted = [record.answer.tokens for record in records if record.answer and record.answer.tokens]
    names = dict.fromkeys(name for tokens in counted for name in tokens)
    return {name: float(np.mean([tokens.get(name, 0) for tokens in counted])) for name in names}
