"""Term lists to an inverted file, in one pass and without sorting the whole.

Occurrences are counted in blocks of rows; every block is then dealt out to its terms' places in the final arrays. So
what is in memory is one block of occurrences and, per distinct pair of a term and a row, five bytes or a little more.
"""

from __future__ import annotations

from array import array
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BLOCK = 1 << 20  # occurrences counted at once: 8 MiB to sort


@dataclass(frozen=True, slots=True)
class Inverted:
    """Which terms stand in which rows, how often.

    Args:
        terms: sorted, without repetition.
        starts: where each term's postings begin, and the end of the last, array of shape (n_terms + 1,).
        rows: rows of the postings, ascending within a term, array of shape (n_postings,).
        counts: how often the term stands in the row, at least once, of the smallest type that holds them all.
        lengths: terms of each row, repetitions counted, array of shape (n_rows,).
    """

    terms: list[str]
    starts: NDArray[np.int64]
    rows: NDArray[np.int32]
    counts: NDArray[Any]
    lengths: NDArray[np.uint32]


@dataclass(frozen=True, slots=True)
class _Block:
    """Postings of some consecutive rows, by term."""

    terms: NDArray[np.int32]  # (n_terms of the block,)
    sizes: NDArray[np.int64]  # postings of each
    rows: NDArray[np.int32]
    counts: NDArray[Any]


def invert(term_lists: Iterable[Iterable[str]]) -> Inverted:
    """Count the terms of every list; a row is the number of a list.

    Args:
        term_lists: read once, not kept.
    """
    numbers: defaultdict[str, int] = defaultdict()
    numbers.default_factory = numbers.__len__  # a new term gets the next number
    lengths, blocks = array("I"), []
    occurrences, first = array("i"), 0
    for terms in term_lists:
        before = len(occurrences)
        occurrences.extend(map(numbers.__getitem__, terms))
        lengths.append(len(occurrences) - before)
        if len(occurrences) >= _BLOCK:
            blocks.append(_count(occurrences, lengths[first:], first))
            occurrences, first = array("i"), len(lengths)
    blocks.append(_count(occurrences, lengths[first:], first))
    ordered = sorted(numbers)
    places = np.empty(len(ordered), np.int64)
    places[[numbers[term] for term in ordered]] = np.arange(len(ordered))
    starts, rows, counts = _dealt(blocks, places)
    return Inverted(ordered, starts, rows, counts, np.asarray(lengths, np.uint32))


def _count(occurrences: array[int], lengths: array[int], first: int) -> _Block:
    """Postings of the rows from ``first`` on."""
    rows = np.repeat(np.arange(first, first + len(lengths), dtype=np.int64), np.asarray(lengths, np.int64))
    keys, counts = np.unique(np.asarray(occurrences, np.int64) << 32 | rows, return_counts=True)
    terms, sizes = np.unique(keys >> 32, return_counts=True)
    return _Block(terms.astype(np.int32), sizes, (keys & 0xFFFFFFFF).astype(np.int32), _small(counts))


def _dealt(
    blocks: list[_Block], places: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[Any]]:
    """Postings of all blocks by the term's place: starts, rows and counts."""
    starts = np.zeros(len(places) + 1, np.int64)
    for block in blocks:
        starts[1 + places[block.terms]] += block.sizes
    np.cumsum(starts, out=starts)
    rows = np.empty(starts[-1], np.int32)
    counts = np.empty(starts[-1], np.result_type(*(block.counts for block in blocks)))
    free = starts[:-1].copy()
    for block in blocks:  # in the order of their rows, so rows ascend within a term
        targets = free[places[block.terms]]
        begins = np.cumsum(block.sizes) - block.sizes
        slots = np.repeat(targets - begins, block.sizes) + np.arange(len(block.rows))
        rows[slots], counts[slots] = block.rows, block.counts
        free[places[block.terms]] += block.sizes
    return starts, rows, counts


def _small(counts: NDArray[np.int64]) -> NDArray[Any]:
    return counts.astype(np.min_scalar_type(int(counts.max(initial=0))))
