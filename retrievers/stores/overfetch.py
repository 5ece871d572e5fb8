"""Asking a store for more than is wanted, where some of what it returns does not count."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

Found = TypeVar("Found")
_GROWTH = 4  # a search costs little more for four times the hits, and each round starts anew


def enough(
    ask: Callable[[int], Sequence[Found]],
    keep: Callable[[Sequence[Found]], list[Found]],
    k: int,
    most: int | None = None,
) -> list[Found]:
    """The first ``k`` hits that count, whatever share of all hits that is.

    Args:
        ask: the best ``n`` hits, best first; fewer than ``n`` where there are no more.
        keep: those of them that count, in order.
        k: how many are wanted.
        most: how many hits the store gives at once at most, None for any number.
    """
    depth = k if most is None else min(k, most)
    while True:
        hits = ask(depth)
        kept = keep(hits)
        if len(kept) >= k or len(hits) < depth or depth == most:
            return kept[:k]
        depth = depth * _GROWTH if most is None else min(depth * _GROWTH, most)
