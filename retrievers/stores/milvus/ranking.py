"""Rankers that fuse dense and BM25 hits inside an engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from retrievers.hybrid import FusionMethod


class EngineRanker(BaseModel):
    """How Milvus fuses the hits of its two legs.

    Args:
        method: by reciprocal rank, or a weighted sum of scores as the engine makes them comparable: a server by
            arctangent, Milvus Lite by their range in the question's hits.
        dense: weight of the vectors, for the sum.
        bm25: weight of the terms.
        rank_constant: the constant of reciprocal rank fusion.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: FusionMethod = FusionMethod.RRF
    dense: float = Field(default=0.3, ge=0.0, le=1.0)
    bm25: float = Field(default=1.0, ge=0.0, le=1.0)
    rank_constant: int = Field(default=60, gt=0, lt=16_384)

    def made(self, legs: Sequence[str]) -> Any:
        """The client's ranker for legs named ``vector`` and ``sparse``, in their order."""
        from pymilvus import RRFRanker, WeightedRanker

        if self.method is FusionMethod.RRF:
            return RRFRanker(self.rank_constant)
        weights = {"vector": self.dense, "sparse": self.bm25}
        return WeightedRanker(*(weights[leg] for leg in legs), norm_score=True)
