"""One order of rows over several segments of an index.

A segment holds the chunks of some documents and is never written again: a document that changes is deleted from its old
segment and stands in a newer one. What a reader sees are the rows of the living chunks, numbered from 0 without gaps in
the order of the documents, whatever segment each is in: the same numbers as in an index built anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import InputError

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class SegmentRows:
    """The documents of a segment, in the order of its local rows.

    Args:
        positions: place of each document in the order of all, array of shape (n_documents,); unique among the living.
        counts: chunks of each, array of shape (n_documents,).
        deleted: whether each is deleted, array of shape (n_documents,); None where none is.
    """

    positions: Integers
    counts: Integers
    deleted: Flags | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        lengths = {len(array) for array in (self.positions, self.counts, self.deleted) if array is not None}
        if len(lengths) > 1:
            raise InputError(f"expected arrays of one length, got {sorted(lengths)}")


class SegmentOrder:
    """Rows of the living chunks of several segments, and back.

    Args:
        segments: their documents.

    Raises:
        InputError: two living documents have one position.
    """

    def __init__(self, segments: Sequence[SegmentRows]) -> None:
        self._segments = [_Segment(segment) for segment in segments]
        number = np.concatenate([[], *(np.full(len(s.living), i) for i, s in enumerate(self._segments))])
        first = np.concatenate([[], *(s.firsts[s.living] for s in self._segments)])
        count = np.concatenate([[], *(s.rows.counts[s.living] for s in self._segments)])
        place = np.concatenate([[], *(s.rows.positions[s.living] for s in self._segments)])
        order = np.argsort(place, kind="stable")
        if np.any(np.diff(place[order]) == 0):
            raise InputError("two living documents of the index have one position")
        self._number = number[order].astype(np.int64)
        self._first = first[order].astype(np.int64)
        counts = count[order].astype(np.int64)
        self._starts = np.cumsum(counts) - counts
        self.n_rows = int(counts.sum())
        for index, segment in enumerate(self._segments):
            mine = self._number == index
            # Local rows of a segment are in the order of its documents, not in that of their positions.
            by_first = np.argsort(self._first[mine], kind="stable")
            segment.place(self._starts[mine][by_first], self._first[mine][by_first], counts[mine][by_first])

    def __len__(self) -> int:
        """Number of segments."""
        return len(self._segments)

    def alive(self, segment: int) -> Flags | None:
        """Which local rows of a segment live, array of shape (n_local_rows,); None where all do."""
        return self._segments[segment].alive

    def rows(self, segment: int, local: NDArray[np.integer]) -> NDArray[np.intp]:
        """Rows of living local rows of a segment; ascending ones need not give ascending rows.

        Args:
            segment: its number.
            local: array of shape (n,) of local rows that live.
        """
        return self._segments[segment].rows_of(local)

    def locate(self, rows: Sequence[int] | NDArray[np.integer]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Segments and local rows of ``rows``, two arrays of the same shape.

        Raises:
            IndexError: a row that does not exist.
        """
        asked = np.asarray(rows, np.int64)
        wrong = asked[(asked < 0) | (asked >= self.n_rows)]
        if len(wrong):
            raise IndexError(f"chunk row {wrong[0]} of {self.n_rows}")
        # Documents without chunks begin where the next one does: the last of those is the one that has the row.
        document = np.searchsorted(self._starts, asked, side="right") - 1
        local = asked - self._starts[document] + self._first[document]
        return self._number[document].astype(np.intp), local.astype(np.intp)


class _Segment:
    """A segment's documents, and where its rows come to stand."""

    def __init__(self, rows: SegmentRows) -> None:
        self.rows = rows
        self.firsts: Integers = np.cumsum(rows.counts) - rows.counts
        deleted = rows.deleted
        some = deleted is not None and bool(deleted.any())
        self.living = np.flatnonzero(~deleted) if some and deleted is not None else np.arange(len(rows.positions))
        self.alive: Flags | None = np.repeat(~deleted, rows.counts) if some and deleted is not None else None
        self._shift: int | None = 0
        self._starts: Integers = np.zeros(0, np.int64)
        self._shifts: Integers = np.zeros(0, np.int64)

    def place(self, starts: Integers, firsts: Integers, counts: Integers) -> None:
        some = counts > 0
        self._starts, self._shifts = firsts[some], (starts - firsts)[some]
        moved = np.unique(self._shifts)
        self._shift = int(moved[0]) if len(moved) == 1 else None if len(moved) else 0

    def rows_of(self, local: NDArray[np.integer]) -> NDArray[np.intp]:
        if self._shift is not None:
            return np.asarray(local, np.intp) + self._shift
        document = np.searchsorted(self._starts, local, side="right") - 1
        return np.asarray(local + self._shifts[document], np.intp)
