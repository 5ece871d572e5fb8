"""Retrieval metrics over ranked ids with binary relevance.

The unit is the document: chunk hits are mapped to documents first (:func:`rank_documents`), so a document counts once,
at its best rank, and no metric exceeds 1. Every function takes a ranking without repeats, best first, and the set of
relevant ids; with no relevant ids a metric is undefined and raises, the caller decides what to leave out.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Sequence

from langchain_core.documents import Document

from retrievers.documents import doc_id_of


def rank_documents(hits: Iterable[Document]) -> list[str]:
    """Document ids of chunk hits in order of each document's best rank."""
    return list(dict.fromkeys(doc_id_of(hit) for hit in hits))


def _check(ranking: Sequence[str], relevant: Collection[str], k: int) -> None:
    if k < 1:
        raise ValueError(f"expected a cut-off k of at least 1, got {k}")
    if not relevant:
        raise ValueError("a retrieval metric is undefined without relevant ids; leave such questions out")
    if len(set(ranking)) != len(ranking):
        raise ValueError("expected a ranking without repeated ids; map chunks to documents with rank_documents first")


def hit_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when at least one relevant id stands in the top k, else 0.0 (RuBQ's «Recall@k»)."""
    _check(ranking, relevant, k)
    return float(any(item in relevant for item in ranking[:k]))


def recall_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share of the relevant ids that stand in the top k."""
    _check(ranking, relevant, k)
    return sum(item in relevant for item in ranking[:k]) / len(set(relevant))


def all_found_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when every relevant id stands in the top k: coverage of questions that need several documents."""
    _check(ranking, relevant, k)
    return float(set(relevant) <= set(ranking[:k]))


def reciprocal_rank_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1 / rank of the first relevant id within the top k, 0.0 without one (its mean is MRR@k)."""
    _check(ranking, relevant, k)
    return next((1.0 / rank for rank, item in enumerate(ranking[:k], start=1) if item in relevant), 0.0)


def ndcg_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with gains 0/1 and log2 discount (Järvelin and Kekäläinen, 2002).

    The ideal ranking holds ``min(k, len(relevant))`` relevant ids.
    """
    _check(ranking, relevant, k)
    gain = sum(1.0 / math.log2(rank + 1) for rank, item in enumerate(ranking[:k], start=1) if item in relevant)
    ideal = sum(1.0 / math.log2(rank + 1) for rank in range(1, min(k, len(set(relevant))) + 1))
    return gain / ideal
