"""Retrieval metrics over ranked ids with binary relevance.

The unit is the document: chunk hits are mapped to documents first (:func:`rank_documents`), so a document counts once,
at its best rank, and no metric exceeds 1; cut-offs come after that. The same functions serve passages and chunks where
gold ids of these exist.

Conventions, those of trec_eval wherever it has one:

* Empty gold: with no relevant ids a metric is undefined and raises ValueError; the caller decides what to leave out.
* Missing run: a question without hits has an empty ranking and scores 0 in everything. It stays in the mean.
* Ties: the order given is the ranking, scores are not looked at. trec_eval breaks ties by id instead, so numbers can be
  compared where scores are distinct, or where the ranking is exported with distinct ones.
* Short rankings: precision at k divides by k even where fewer than k documents were found.

Sources: Manning, Raghavan and Schütze, "Introduction to Information Retrieval" (2008), chapter 8, for precision,
recall, R-precision and average precision; Järvelin and Kekäläinen (2002) for nDCG; Rybin et al. (2021) for the hit rate
that RuBQ calls recall.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Collection, Iterable, Sequence

from langchain_core.documents import Document

from retrievers.documents import doc_id_of


def rank_documents(hits: Iterable[Document]) -> list[str]:
    """Document ids of chunk hits in order of each document's best rank."""
    return list(dict.fromkeys(doc_id_of(hit) for hit in hits))


def hit_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when at least one relevant id stands in the top k, else 0.0 (RuBQ's «Recall@k»)."""
    return _hit(_ranks(ranking, relevant, k), k)


def recall_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share of the relevant ids that stand in the top k."""
    return _within(_ranks(ranking, relevant, k), k) / len(set(relevant))


def precision_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Relevant ids in the top k, divided by k."""
    return _within(_ranks(ranking, relevant, k), k) / k


def all_found_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when every relevant id stands in the top k: coverage of questions that need several documents."""
    return float(_within(_ranks(ranking, relevant, k), k) == len(set(relevant)))


def reciprocal_rank_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1 / rank of the first relevant id within the top k, 0.0 without one (its mean is MRR@k)."""
    return _reciprocal_rank(_ranks(ranking, relevant, k), k)


def average_precision_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Precision at the rank of each relevant id within the top k, summed, over all relevant ids (its mean is MAP@k)."""
    return _average_precision(_ranks(ranking, relevant, k), len(set(relevant)), k)


def ndcg_at_k(ranking: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Normalised discounted cumulative gain with gains 0/1 and log2 discount (Järvelin and Kekäläinen, 2002).

    The ideal ranking holds ``min(k, len(relevant))`` relevant ids.
    """
    return _ndcg(_ranks(ranking, relevant, k), len(set(relevant)), k)


def r_precision(ranking: Sequence[str], relevant: Collection[str]) -> float:
    """Precision at the rank that equals the number of relevant ids."""
    count = len(set(relevant))
    return _within(_ranks(ranking, relevant), count) / count


def retrieval_metrics(ranking: Sequence[str], relevant: Collection[str], cutoffs: Iterable[int]) -> dict[str, float]:
    """Every metric at every cut-off, each in [0, 1].

    Args:
        ranking: ids without repeats, best first; empty where nothing was found.
        relevant: ids of the gold documents, at least one.
        cutoffs: values of k, each at least 1.

    Returns:
        ``hit@k``, ``recall@k``, ``precision@k``, ``mrr@k``, ``map@k``, ``ndcg@k`` and ``all_found@k`` for each k in the
        order given, and ``r_precision``.

    Raises:
        ValueError: no relevant ids, repeated ids, or a cut-off below 1.
    """
    cutoffs = list(cutoffs)
    ranks = _ranks(ranking, relevant, *cutoffs)
    count = len(set(relevant))
    scores: dict[str, float] = {}
    for k in cutoffs:
        found = _within(ranks, k)
        scores[f"hit@{k}"] = _hit(ranks, k)
        scores[f"recall@{k}"] = found / count
        scores[f"precision@{k}"] = found / k
        scores[f"mrr@{k}"] = _reciprocal_rank(ranks, k)
        scores[f"map@{k}"] = _average_precision(ranks, count, k)
        scores[f"ndcg@{k}"] = _ndcg(ranks, count, k)
        scores[f"all_found@{k}"] = float(found == count)
    scores["r_precision"] = _within(ranks, count) / count
    return scores


def covered_at_k(doc_ids: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1.0 when the first ``k`` passages hold one of every relevant document, else 0.0: what their reader can know.

    Args:
        doc_ids: the document of every passage, in the order of the ranking; documents may repeat.
        relevant: ids of the relevant documents, at least one.
        k: passages read, at least 1.

    Raises:
        ValueError: no relevant ids, or a cut-off below 1.
    """
    if k < 1:
        raise ValueError(f"expected a cut-off k of at least 1, got {k}")
    if not relevant:
        raise ValueError("a retrieval metric is undefined without relevant ids; leave such questions out")
    return float(set(relevant) <= set(doc_ids[:k]))


def _ranks(ranking: Sequence[str], relevant: Collection[str], *cutoffs: int) -> list[int]:
    """Ranks of the relevant ids, ascending from 1, after checking what every metric demands."""
    if any(k < 1 for k in cutoffs):
        raise ValueError(f"expected a cut-off k of at least 1, got {min(cutoffs)}")
    if isinstance(relevant, str):
        raise TypeError("expected a collection of relevant ids, got one string")
    if not relevant:
        raise ValueError("a retrieval metric is undefined without relevant ids; leave such questions out")
    if len(set(ranking)) != len(ranking):
        raise ValueError("expected a ranking without repeated ids; map chunks to documents with rank_documents first")
    wanted = set(relevant)
    return [rank for rank, item in enumerate(ranking, start=1) if item in wanted]


def _within(ranks: Sequence[int], k: int) -> int:
    return sum(rank <= k for rank in ranks)


def _hit(ranks: Sequence[int], k: int) -> float:
    return float(bool(ranks) and ranks[0] <= k)


def _reciprocal_rank(ranks: Sequence[int], k: int) -> float:
    return 1.0 / ranks[0] if ranks and ranks[0] <= k else 0.0


def _average_precision(ranks: Sequence[int], count: int, k: int) -> float:
    return sum(found / rank for found, rank in enumerate(ranks, start=1) if rank <= k) / count


def _ndcg(ranks: Sequence[int], count: int, k: int) -> float:
    return sum(1.0 / math.log2(rank + 1) for rank in ranks if rank <= k) / _ideal_gain(min(k, count))


@functools.cache
def _ideal_gain(count: int) -> float:
    return sum(1.0 / math.log2(rank + 1) for rank in range(1, count + 1))
