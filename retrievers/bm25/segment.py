"""A segment: the counts of terms in a range of rows, in memory or mapped from files."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrievers.bm25.counting import invert
from retrievers.bm25.vocabulary import Vocabulary
from retrievers.errors import InputError
from retrievers.files import load_array, load_json

_RECORD = "segment.json"
_FORMAT = 1
_TYPES: dict[str, tuple[str, ...]] = {
    "terms": ("uint8",),
    "term_ends": ("int64",),
    "starts": ("int64",),
    "rows": ("int32",),
    "counts": ("uint8", "uint16", "uint32"),
    "lengths": ("uint32",),
}


@dataclass(frozen=True, slots=True, eq=False)
class BM25Segment:
    """An inverted file of term counts. Rows are numbered from 0 within the segment, and it is never changed.

    Build with :meth:`build`, open with :meth:`load`.

    Args:
        vocabulary: its terms.
        starts: where each term's postings begin, and the end of the last, array of shape (n_terms + 1,).
        rows: rows of the postings, ascending within a term, array of shape (n_postings,).
        counts: how often the term stands in the row, array of shape (n_postings,).
        lengths: terms of each row, repetitions counted, array of shape (n_rows,).
        total_length: their sum.
    """

    vocabulary: Vocabulary = field(repr=False)
    starts: NDArray[np.int64] = field(repr=False)
    rows: NDArray[np.int32] = field(repr=False)
    counts: NDArray[Any] = field(repr=False)
    lengths: NDArray[np.uint32] = field(repr=False)
    total_length: int

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if len(self.starts) != len(self.vocabulary) + 1:
            raise InputError(f"expected postings of {len(self.vocabulary)} terms, got {len(self.starts) - 1}")
        if self.starts[0] != 0 or not len(self.rows) == len(self.counts) == self.starts[-1]:
            raise InputError(
                f"expected postings from {self.starts[0]} to {self.starts[-1]}, "
                f"got {len(self.rows)} rows and {len(self.counts)} counts"
            )
        if self.total_length < len(self.rows):
            raise InputError(f"expected at least {len(self.rows)} occurrences, got {self.total_length}")

    @classmethod
    def build(cls, terms: Iterable[Iterable[str]]) -> BM25Segment:
        """Count one term list a row.

        Args:
            terms: term lists; read once, not kept.
        """
        counted = invert(terms)
        return cls(
            Vocabulary.of(counted.terms),
            counted.starts,
            counted.rows,
            counted.counts,
            counted.lengths,
            int(counted.lengths.sum(dtype=np.int64)),
        )

    def __len__(self) -> int:
        """Number of rows, those without any term included."""
        return len(self.lengths)

    def frequency(self, term: str) -> int:
        """Number of rows that hold ``term``; raises as :meth:`postings` does."""
        start, stop = self._place(term)
        return stop - start

    def postings(self, term: str) -> tuple[NDArray[np.int32], NDArray[Any]]:
        """Rows that hold a term, ascending, and how often it stands in each; two arrays of one shape (n,).

        Raises:
            InputError: what is there cannot be: the segment's files are damaged.
        """
        start, stop = self._place(term)
        rows, counts = self.rows[start:stop], self.counts[start:stop]
        if len(rows) and not 0 <= rows.min() <= rows.max() < len(self):
            raise InputError(f"BM25 segment is damaged: the term {term!r} has rows that are none of {len(self)}")
        return rows, counts

    def _place(self, term: str) -> tuple[int, int]:
        """Where a term's postings begin and end."""
        number = self.vocabulary.find(term)
        if number is None:
            return 0, 0
        start, stop = int(self.starts[number]), int(self.starts[number + 1])
        if not 0 <= start < stop <= len(self.rows):
            raise InputError(f"BM25 segment is damaged: postings from {start} to {stop} for the term {term!r}")
        return start, stop

    def save(self, folder: Path) -> None:
        """Write the segment into ``folder``, which is made where it is missing. No pickle."""
        folder.mkdir(parents=True, exist_ok=True)
        arrays: dict[str, NDArray[Any]] = {
            "terms": self.vocabulary.text,
            "term_ends": self.vocabulary.ends,
            "starts": self.starts,
            "rows": self.rows,
            "counts": self.counts,
            "lengths": self.lengths,
        }
        for name, array in arrays.items():
            np.save(folder / f"{name}.npy", array, allow_pickle=False)
        record = {"format": _FORMAT, "rows": len(self), "total_length": self.total_length}
        (folder / _RECORD).write_text(json.dumps(record), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, mmap: bool = True) -> BM25Segment:
        """Open a saved segment. What it costs does not depend on its size.

        Args:
            folder: where :meth:`save` wrote it.
            mmap: map the arrays into memory, so that only the postings of asked terms are read.

        Raises:
            InputError: a file is missing, damaged or does not fit the others.
        """
        record = load_json(folder / _RECORD)
        if record.get("format") != _FORMAT or not all(type(record.get(key)) is int for key in ("rows", "total_length")):
            raise InputError(f"expected a BM25 segment of format {_FORMAT} in {folder / _RECORD}, got {record}")
        arrays = {name: load_array(folder / f"{name}.npy", types, mmap=mmap) for name, types in _TYPES.items()}
        if len(arrays["lengths"]) != record["rows"]:
            raise InputError(
                f"BM25 segment in {folder} is damaged: lengths of {len(arrays['lengths'])} rows, not {record['rows']}"
            )
        try:
            return cls(
                vocabulary=Vocabulary(arrays["terms"], arrays["term_ends"]),
                starts=arrays["starts"],
                rows=arrays["rows"],
                counts=arrays["counts"],
                lengths=arrays["lengths"],
                total_length=record["total_length"],
            )
        except InputError as error:
            raise InputError(f"BM25 segment in {folder} is damaged: {error}") from error
