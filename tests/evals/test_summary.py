from __future__ import annotations

import numpy as np
import pytest

from evals.records import AnswerRecord, QuestionRecord
from evals.summary import (
    abstention_trials,
    compare_values,
    compare_variants,
    correct_by_metric,
    headline_metrics,
    latency_by_stage,
    summarize_variants,
)


def record(qid: str, variant: str = "bm25", seconds: float = 1.0, **values) -> QuestionRecord:
    return QuestionRecord(qid=qid, variant=variant, question="?", timings={"total": seconds}, **values)


def answered(qid: str, right: bool, confidence: float, *, abstained: bool = False, **values) -> QuestionRecord:
    answer = AnswerRecord(text="ответ", abstained=abstained, confidence=confidence, tokens=values.pop("tokens", {}))
    metrics = {"em_lemma": float(right and not abstained), "em_lemma_forced": float(right)}
    return record(qid, answer=answer, metrics=metrics, answers=("ответ",), **values)


def test_means_are_over_the_questions_that_have_the_metric() -> None:
    rows = [record("1", metrics={"hit@1": 1.0}), record("2", metrics={"hit@1": 0.0, "f1": 0.5}), record("3")]
    summary = summarize_variants(rows, k=5, seed=0)["bm25"]
    assert (summary["questions"], summary["hit@1"], summary["f1"]) == (3, 0.5, 0.5)
    assert summary["counts"] == {"hit@1": 2, "f1": 1}
    assert set(summary["intervals"]) == {"hit@1", "f1"}
    assert summary["intervals"]["hit@1"] == [0.0, 1.0]
    assert summary["throughput"] == 1.0
    assert "abstention" not in summary
    assert "tokens" not in summary


def test_latency_by_stage() -> None:
    stages = latency_by_stage([record(str(n), seconds=n) for n in range(1, 101)])
    assert stages["total"] == pytest.approx({"p50": 50.5, "p95": 95.05, "mean": 50.5})


def test_abstention_and_tokens_are_summarised_where_there_are_answers() -> None:
    rows = [
        answered("1", True, 0.9, tokens={"input_tokens": 100}),
        answered("2", False, 0.2, abstained=True, tokens={"input_tokens": 50, "output_tokens": 4}),
        answered("3", True, 0.8),
    ]
    summary = summarize_variants(rows, k=5, seed=0)["bm25"]
    assert summary["tokens"] == {"input_tokens": 75.0, "output_tokens": 2.0}
    assert summary["abstention"]["auroc"] == 1.0
    assert summary["abstention"]["coverage"] == pytest.approx(2 / 3)
    assert summary["abstention"]["precision"] == 1.0


def test_questions_without_gold_answers_do_not_judge_abstention() -> None:
    silent = AnswerRecord(text="", abstained=True, confidence=0.0)
    rows = [record("1", answer=silent), record("2", answer=silent, answerable=False), record("3")]
    assert len(abstention_trials(rows)) == 1


def test_every_pair_of_variants_is_compared_over_shared_questions() -> None:
    values = {"bm25": [1.0, 0.0, 0.0, 1.0], "dense": [1.0, 1.0, 0.0], "hybrid": [1.0, 1.0, 1.0, 1.0]}
    rows = [
        record(str(place), variant, metrics={"hit@1": value})
        for variant, column in values.items()
        for place, value in enumerate(column)
    ]
    found = compare_variants(rows, ("hit@1", "em"), seed=0)
    assert [(one.baseline, one.candidate) for one in found] == [
        ("bm25", "dense"), ("bm25", "hybrid"), ("dense", "hybrid"),
    ]  # fmt: skip
    assert {one.questions for one in found} == {3}
    assert [(one.wins, one.losses, one.ties) for one in found] == [(1, 0, 2), (2, 0, 1), (1, 0, 2)]
    assert all(one.metric == "hit@1" and one.p <= one.p_holm <= 1.0 for one in found)


def test_what_is_resampled_together_is_as_if_alone() -> None:
    generator = np.random.default_rng(1)
    rows = [
        record(str(n), variant, metrics={"f1": float(generator.random()), "hit@1": float(n % 2)} | shift)
        for variant, shift in (("bm25", {}), ("dense", {"em": 1.0}), ("hybrid", {"em": 0.5}))
        for n in range(25)
    ]
    together = compare_variants(rows, ("f1", "em", "hit@1"), seed=3)
    assert [one.metric for one in together] == ["f1"] * 3 + ["em"] + ["hit@1"] * 3
    for metric in ("f1", "em", "hit@1"):
        alone = compare_variants(rows, (metric,), seed=3)
        for one, other in zip(alone, (one for one in together if one.metric == metric), strict=True):
            assert (one.low, one.high, one.p_holm) == pytest.approx((other.low, other.high, other.p_holm))
    summary = summarize_variants(rows, k=5, seed=3)
    for variant in ("bm25", "dense"):
        group = [one for one in rows if one.variant == variant]
        alone = summarize_variants(group, k=5, seed=3)[variant]["intervals"]
        assert summary[variant]["intervals"].keys() == alone.keys()
        for name, interval in alone.items():
            assert summary[variant]["intervals"][name] == pytest.approx(interval)


def test_pairs_of_one_metric_are_one_family() -> None:
    values = {"A": {str(n): 0.0 for n in range(20)}, "B": {str(n): 1.0 for n in range(20)}}
    one, other = compare_values({"hit@1": values, "f1": values}, seed=0)
    assert one.p < 0.001
    corrected = correct_by_metric([one, one, other])
    assert [item.p_holm for item in corrected] == pytest.approx([2 * one.p, 2 * one.p, one.p])


def test_headline_follows_the_cutoffs() -> None:
    assert headline_metrics([1, 3, 5, 10, 20])[:5] == ("hit@1", "hit@5", "hit@10", "mrr@10", "ndcg@10")
    assert headline_metrics([2, 4])[:4] == ("hit@2", "hit@4", "mrr@4", "ndcg@4")
