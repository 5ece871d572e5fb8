from __future__ import annotations

import functools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from evals.metrics import (
    all_found_at_k,
    average_precision_at_k,
    covered_at_k,
    hit_at_k,
    ndcg_at_k,
    precision_at_k,
    r_precision,
    rank_documents,
    recall_at_k,
    reciprocal_rank_at_k,
    retrieval_metrics,
)

RANKING = ["a", "b", "c", "d"]
METRICS = {
    "hit": hit_at_k,
    "recall": recall_at_k,
    "precision": precision_at_k,
    "mrr": reciprocal_rank_at_k,
    "map": average_precision_at_k,
    "ndcg": ndcg_at_k,
    "all_found": all_found_at_k,
}


def chunk(chunk_id: str) -> Document:
    doc_id = chunk_id.rsplit("_", 1)[0]
    return Document(id=chunk_id, page_content="", metadata={"chunk_id": chunk_id, "doc_id": doc_id})


def test_a_document_counts_once_at_its_best_rank() -> None:
    hits = [chunk("b_3"), chunk("a_0"), chunk("b_1"), chunk("c_9"), chunk("a_2")]
    assert rank_documents(hits) == ["b", "a", "c"]
    assert recall_at_k(rank_documents(hits), {"a", "b"}, 2) == 1.0


@pytest.mark.parametrize(
    ("metric", "relevant", "k", "expected"),
    [
        (hit_at_k, {"c"}, 2, 0.0),
        (hit_at_k, {"c"}, 3, 1.0),
        (recall_at_k, {"a", "d"}, 3, 0.5),
        (recall_at_k, {"a", "missing"}, 4, 0.5),
        (precision_at_k, {"a", "c"}, 4, 0.5),
        (precision_at_k, {"a"}, 10, 0.1),  # four documents were found, ten were asked for
        (all_found_at_k, {"a", "d"}, 3, 0.0),
        (all_found_at_k, {"a", "d"}, 4, 1.0),
        (all_found_at_k, {"a", "missing"}, 10, 0.0),
        (reciprocal_rank_at_k, {"c", "d"}, 10, 1 / 3),
        (reciprocal_rank_at_k, {"c"}, 2, 0.0),
        (average_precision_at_k, {"a", "c"}, 4, (1 + 2 / 3) / 2),
        (average_precision_at_k, {"a", "c"}, 2, 1 / 2),  # c is cut off, and still counts below the line
        (average_precision_at_k, {"b", "missing"}, 4, (1 / 2) / 2),
        (ndcg_at_k, {"a"}, 10, 1.0),
        (ndcg_at_k, {"b"}, 10, 1 / math.log2(3)),
        (ndcg_at_k, {"a", "c"}, 10, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        (ndcg_at_k, {"a", "b", "c"}, 2, 1.0),
    ],
)
def test_hand_computed_values(metric, relevant, k, expected) -> None:
    assert metric(RANKING, relevant, k) == pytest.approx(expected)


def test_r_precision_looks_as_deep_as_there_are_relevant_ids() -> None:
    assert r_precision(RANKING, {"a", "c"}) == 0.5
    assert r_precision(RANKING, {"a", "c", "b"}) == 1.0
    assert r_precision(["a"], {"a", "b", "c", "d"}) == 0.25


@pytest.mark.parametrize("metric", [*METRICS.values(), lambda *given: r_precision(*given[:2])])
def test_undefined_cases_raise(metric) -> None:
    with pytest.raises(ValueError, match="without relevant ids"):
        metric(RANKING, set(), 5)
    with pytest.raises(ValueError, match="repeated ids"):
        metric(["a", "a"], {"a"}, 5)
    with pytest.raises(TypeError, match="one string"):
        metric(RANKING, "a", 5)


@pytest.mark.parametrize("metric", METRICS.values())
def test_a_cutoff_is_at_least_one(metric) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        metric(RANKING, {"a"}, 0)


def test_a_missing_run_scores_zero() -> None:
    assert set(retrieval_metrics([], {"a"}, (1, 10)).values()) == {0.0}


def test_the_order_given_breaks_ties() -> None:
    tied = [Document(page_content="", metadata={"doc_id": name, "scores": {"bm25": 1.0}}) for name in "zab"]
    assert reciprocal_rank_at_k(rank_documents(tied), {"z"}, 3) == 1.0
    assert reciprocal_rank_at_k(rank_documents(tied[::-1]), {"z"}, 3) == pytest.approx(1 / 3)


def test_relevant_ids_may_repeat() -> None:
    assert recall_at_k(RANKING, ["a", "a", "missing"], 4) == 0.5
    assert r_precision(["b", "a"], ["a", "a"]) == 0.0


def test_all_metrics_at_once_are_named_by_cutoff() -> None:
    assert list(retrieval_metrics(RANKING, {"a"}, (1, 3))) == [
        *(f"{name}@1" for name in METRICS),
        *(f"{name}@3" for name in METRICS),
        "r_precision",
    ]
    with pytest.raises(ValueError, match="at least 1, got 0"):
        retrieval_metrics(RANKING, {"a"}, (1, 0))


RUNS = functools.partial(
    given,
    st.lists(st.sampled_from("abcdefghij"), unique=True),
    st.sets(st.sampled_from("abcdefghijkl"), min_size=1),
    st.integers(min_value=1, max_value=15),
)


@RUNS()
def test_every_metric_stays_in_the_unit_interval(ranking, relevant, k) -> None:
    assert all(0.0 <= value <= 1.0 for value in retrieval_metrics(ranking, relevant, [k]).values())


@RUNS()
def test_all_at_once_equal_one_by_one(ranking, relevant, k) -> None:
    together = retrieval_metrics(ranking, relevant, [k])
    alone = {f"{name}@{k}": metric(ranking, relevant, k) for name, metric in METRICS.items()}
    assert together == alone | {"r_precision": r_precision(ranking, relevant)}


@pytest.mark.parametrize(("k", "covered"), [(1, 0.0), (2, 0.0), (3, 1.0), (10, 1.0)])
def test_passages_cover_the_gold_documents(k, covered) -> None:
    assert covered_at_k(["a", "a", "b", "c"], {"a", "b"}, k) == covered


def test_coverage_of_nothing_is_undefined() -> None:
    with pytest.raises(ValueError, match="undefined"):
        covered_at_k(["a"], set(), 1)
    with pytest.raises(ValueError, match="at least 1"):
        covered_at_k(["a"], {"a"}, 0)
