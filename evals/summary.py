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

Values = dict[str, dict[str, float]]  # of one metric: by pipeline, then by question id


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
        f"covered@{ten}",
        f"{PASSAGE_PREFIX}hit@{middle}",
        f"{PASSAGE_PREFIX}hit@{last}",
        f"{PASSAGE_PREFIX}ndcg@{ten}",
        *ANSWER_METRICS,
    )
    return tuple(dict.fromkeys(names))


def compare_variants(records: Sequence[QuestionRecord], metrics: Sequence[str], *, seed: int) -> list[Comparison]:
    """Every pair of variants by every metric that both have, over the questions that all variants with it have."""
    values: dict[str, Values] = {}
    for variant, group in by_variant(records).items():
        for metric in metrics:
            if column := {record.qid: record.metrics[metric] for record in group if metric in record.metrics}:
                values.setdefault(metric, {})[variant] = column
    in_order = {metric: values[metric] for metric in metrics if metric in values}
    return correct_by_metric(compare_values(in_order, seed=seed))


def compare_values(values: Mapping[str, Values], *, seed: int) -> list[Comparison]:
    """Compare every pair of pipelines by every metric; ``p_holm`` is not corrected yet.

    Metrics of the same questions are resampled together: drawing the resamples is what takes the time.

    Args:
        values: by metric, then by pipeline, then by question; of a metric, those questions are compared that all its
            pipelines have.
        seed: of the resampling.
    """
    families: dict[tuple[tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for metric, columns in values.items():
        shared = set.intersection(*map(set, columns.values()))
        if shared:
            families.setdefault((tuple(columns), tuple(sorted(shared))), []).append(metric)
    found: dict[str, list[Comparison]] = {}
    for (names, qids), metrics in families.items():
        places = [(metric, name) for metric in metrics for name in names]
        matrix = np.array([[values[metric][name][qid] for metric, name in places] for qid in qids])
        pairs = [
            (first, second)
            for first, second in itertools.combinations(range(len(places)), 2)
            if places[first][0] == places[second][0]
        ]
        for (first, second), one in zip(pairs, compare_pairs(matrix, pairs, seed=seed), strict=True):
            (metric, baseline), (_, candidate) = places[first], places[second]
            found.setdefault(metric, []).append(
                Comparison(
                    **dataclasses.asdict(one), metric=metric, baseline=baseline, candidate=candidate, p_holm=one.p
                )
            )
    return [one for metric in values for one in found.get(metric, ())]


def correct_by_metric(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The same with ``p_holm`` corrected: the pairs compared by one metric are one family of tests."""
    corrected = list(comparisons)
    for metric in dict.fromkeys(one.metric for one in comparisons):
        places = [place for place, one in enumerate(comparisons) if one.metric == metric]
        for place, p in zip(places, holm([comparisons[place].p for place in places]), strict=True):
            corrected[place] = dataclasses.replace(comparisons[place], p_holm=p)
    return corrected


def summarize_variants(records: Sequence[QuestionRecord], *, k: int, seed: int) -> dict[str, dict[str, Any]]:
    """Means, latency, abstention and failures of each variant.

    A mean and its 95 % interval are over the questions that have the metric.

    Args:
        records: of all variants.
        k: passages read.
        seed: of the resampling.
    """
    groups = by_variant(records)
    intervals = _intervals(groups, seed)
    return {variant: _summarize(group, intervals[variant], k) for variant, group in groups.items()}


def _summarize(records: Sequence[QuestionRecord], intervals: dict[str, list[float]], k: int) -> dict[str, Any]:
    values: dict[str, list[float]] = {}
    for record in records:
        for name, value in record.metrics.items():
            values.setdefault(name, []).append(value)
    latency = latency_by_stage(records)
    summary: dict[str, Any] = {"questions": len(records)}
    summary |= {name: float(np.mean(column)) for name, column in values.items()}
    summary["counts"] = {name: len(column) for name, column in values.items()}
    summary["intervals"] = {name: intervals[name] for name in values}
    summary["latency"] = latency
    summary["throughput"] = 1.0 / latency["total"]["mean"]  # of one process
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


def _intervals(groups: Mapping[str, Sequence[QuestionRecord]], seed: int) -> dict[str, dict[str, list[float]]]:
    """The 95 % bootstrap interval of every mean, by variant; means over the same questions share their resamples."""
    families: dict[tuple[str, ...], dict[tuple[str, str], list[float]]] = {}
    for variant, records in groups.items():
        for metric in dict.fromkeys(name for record in records for name in record.metrics):
            column = {record.qid: record.metrics[metric] for record in records if metric in record.metrics}
            families.setdefault(tuple(column), {})[variant, metric] = list(column.values())
    found: dict[str, dict[str, list[float]]] = {variant: {} for variant in groups}
    for columns in families.values():
        low, high = bootstrap_intervals(np.column_stack(list(columns.values())), seed=seed)
        for place, (variant, metric) in enumerate(columns):
            found[variant][metric] = [float(low[place]), float(high[place])]
    return found


def _tokens(records: Sequence[QuestionRecord]) -> dict[str, float]:
    """Mean tokens a question, over the questions whose tokens were counted."""
    counted = [record.answer.tokens for record in records if record.answer and record.answer.tokens]
    names = dict.fromkeys(name for tokens in counted for name in tokens)
    return {name: float(np.mean([tokens.get(name, 0) for tokens in counted])) for name in names}
