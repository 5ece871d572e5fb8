from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from evals.metrics import (
    all_found_at_k,
    hit_at_k,
    ndcg_at_k,
    rank_documents,
    recall_at_k,
    reciprocal_rank_at_k,
)

RANKING = ["a", "b", "c", "d"]
METRICS = [hit_at_k, recall_at_k, all_found_at_k, reciprocal_rank_at_k, ndcg_at_k]


def chunk(chunk_id: str) -> Document:
    doc_id = chunk_id.rsplit("_", 1)[0]
    return Document(id=chunk_id, page_content="", metadata={"chunk_id": chunk_id, "doc_id": doc_id})


def test_a_document_counts_once_at_its_best_rank() -> None:
    hits = [chunk("b_3"), chunk("a_0"), chunk("b_1"), chunk("c_9"), chunk("a_2")]
    assert rank_documents(hits) == ["b", "a", "c"]


@pytest.mark.parametrize(
    ("metric", "relevant", "k", "expected"),
    [
        (hit_at_k, {"c"}, 2, 0.0),
        (hit_at_k, {"c"}, 3, 1.0),
        (recall_at_k, {"a", "d"}, 3, 0.5),
        (recall_at_k, {"a", "missing"}, 4, 0.5),
        (all_found_at_k, {"a", "d"}, 3, 0.0),
        (all_found_at_k, {"a", "d"}, 4, 1.0),
        (reciprocal_rank_at_k, {"c", "d"}, 10, 1 / 3),
        (reciprocal_rank_at_k, {"c"}, 2, 0.0),
        (ndcg_at_k, {"a"}, 10, 1.0),
        (ndcg_at_k, {"b"}, 10, 1 / math.log2(3)),
        (ndcg_at_k, {"a", "c"}, 10, (1 + 1 / 2) / (1 + 1 / math.log2(3))),
        (ndcg_at_k, {"a", "b", "c"}, 2, 1.0),
    ],
)
def test_hand_computed_values(metric, relevant, k, expected) -> None:
    assert metric(RANKING, relevant, k) == pytest.approx(expected)


@pytest.mark.parametrize("metric", METRICS)
def test_undefined_cases_raise(metric) -> None:
    with pytest.raises(ValueError, match="without relevant ids"):
        metric(RANKING, set(), 5)
    with pytest.raises(ValueError, match="repeated ids"):
        metric(["a", "a"], {"a"}, 5)
    with pytest.raises(ValueError, match="at least 1"):
        metric(RANKING, {"a"}, 0)


@given(
    st.lists(st.sampled_from("abcdefghij"), unique=True),
    st.sets(st.sampled_from("abcdefghijkl"), min_size=1),
    st.integers(min_value=1, max_value=15),
)
def test_every_metric_stays_in_the_unit_interval(ranking, relevant, k) -> None:
    for metric in METRICS:
        assert 0.0 <= metric(ranking, relevant, k) <= 1.0
