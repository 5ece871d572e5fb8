"""Retrieval metrics over rankings of any ids."""

from __future__ import annotations

import itertools
import math

from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, text_of
from evals.metrics import covered_at_k, retrieval_metrics


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one, and it needs no files
    """Metrics of a ranking."""
    seeds = bytes_of("а\nб\nв\0б\0\1\5", "байкал_0\nбайкал_1\0байкал_1", "\ud800\n\0\ud800")
    return Target(_check, seeds, bytes_of("\n", "\0", "а", "б", "\u0301", "\ud800"), Budget(memory_per_byte=1_000))


def _check(data: bytes) -> None:
    """Ids of a ranking, a line each; after a NUL those that are relevant; after another one the cut-offs."""
    ranked, _, rest = text_of(data).partition("\0")
    named, _, last = rest.partition("\0")
    ranking = list(dict.fromkeys(ranked.split("\n")))
    relevant = named.split("\n")
    cutoffs = sorted({ord(character) % 60 + 1 for character in last[:20]} | {1, 10})
    scores = retrieval_metrics(ranking, relevant, cutoffs)
    assert len(scores) == 7 * len(cutoffs) + 1
    assert all(math.isfinite(score) and 0.0 <= score <= 1.0 + 1e-12 for score in scores.values()), scores
    for lower, higher in itertools.pairwise(cutoffs):
        for metric in ("hit", "recall", "mrr", "map", "all_found"):
            assert scores[f"{metric}@{lower}"] <= scores[f"{metric}@{higher}"] + 1e-12, metric
    for k in cutoffs:
        assert covered_at_k(ranking, relevant, k) == scores[f"all_found@{k}"]
