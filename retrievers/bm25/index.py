"""BM25 over the living rows of one or many segments."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from retrievers.bm25.cache import TermCache, TermPart, TermWeights
from retrievers.bm25.options import BM25Options
from retrievers.bm25.scoring import Scoring
from retrievers.bm25.segment import BM25Segment
from retrievers.errors import InputError
from retrievers.files import load_json
from retrievers.segment_order import SegmentOrder, SegmentRows
from retrievers.selection import Rows, Scores, contenders, in_order

_OPTIONS = "options.json"
_KEPT = 32 << 20  # bytes of weights: those of some four million postings


class BM25Index:
    """BM25 of a collection of term lists, which may lie in several segments; a row is the number of a living list.

    A score is a sum of non-negative weights, higher is better, not comparable between questions. A term that stands
    twice in the question counts twice. Frequencies and the mean length are those of the living rows of all segments,
    so scores are bit for bit those of one segment built of the same lists in the same order.

    Build with :meth:`build`, open with :meth:`load` or with the segments of an index. It is safe to share between
    threads.

    Args:
        segments: counts of terms.
        options: scoring.
        order: which rows of the segments live and what their numbers are; None: all, one segment after the other.

    Raises:
        InputError: the order is one of other segments.
    """

    def __init__(
        self,
        segments: Sequence[BM25Segment],
        options: BM25Options | None = None,
        order: SegmentOrder | None = None,
    ) -> None:
        self.options = options or BM25Options()
        self.segments = tuple(segments)
        self.order = _consecutive(self.segments) if order is None else order
        if len(self.order) != len(self.segments):
            raise InputError(f"expected an order of {len(self.segments)} segments, got one of {len(self.order)}")
        self._alive = [self.order.alive(number) for number in range(len(self.segments))]
        living, length = 0, 0
        for segment, alive in zip(self.segments, self._alive, strict=True):
            if alive is None:
                living, length = living + len(segment), length + segment.total_length
                continue
            if len(alive) != len(segment):
                raise InputError(f"expected an order of segments of {len(segment)} rows, got {len(alive)} rows")
            living += int(alive.sum())
            length += int(segment.lengths[alive].sum(dtype=np.int64))
        if living != self.order.n_rows:
            raise InputError(f"expected an order of {living} rows, got one of {self.order.n_rows}")
        self._scoring = Scoring(self.options, living, length / living if living else 0.0)
        self._cache = TermCache(_KEPT)

    @classmethod
    def build(cls, terms: Iterable[Iterable[str]], options: BM25Options | None = None) -> BM25Index:
        """Index one term list a row, in one segment in memory.

        Args:
            terms: term lists; read once, not kept.
            options: scoring.
        """
        return cls([BM25Segment.build(terms)], options)

    def __len__(self) -> int:
        """Number of living rows."""
        return self.order.n_rows

    def document_frequency(self, term: str) -> int:
        """Number of living rows that hold ``term``."""
        return sum(
            segment.frequency(term) if alive is None else int(alive[segment.postings(term)[0]].sum())
            for segment, alive in zip(self.segments, self._alive, strict=True)
        )

    def idf(self, term: str) -> float:
        """Inverse document frequency in Lucene's form, whatever the method: positive, highest for unknown terms."""
        frequency = self.document_frequency(term)
        return math.log1p((len(self) - frequency + 0.5) / (frequency + 0.5))

    def scores(self, terms: Sequence[str]) -> Scores:
        """Scores of all rows, array of shape (n_rows,); 0 for rows that hold none of ``terms``."""
        return self.weighted_scores(Counter(terms))

    def weighted_scores(self, weights: Mapping[str, float]) -> Scores:
        """Scores of all rows for terms that count ``weights`` times each, array of shape (n_rows,)."""
        scores = np.zeros(len(self), np.float32)
        for number, found in self._scored(weights):
            local = np.flatnonzero(found)
            scores[self.order.rows(number, local)] = found[local]
        return scores

    def top(self, terms: Sequence[str], k: int) -> tuple[Rows, Scores]:
        """Rows of the ``k`` best scores and the scores, best first; equal scores in row order, zeros left out."""
        return self.weighted_top(Counter(terms), k)

    def weighted_top(self, weights: Mapping[str, float], k: int) -> tuple[Rows, Scores]:
        """The same for terms that count ``weights`` times each.

        One segment is scored at a time, so memory is that of the largest; the best of each are merged.
        """
        rows, scores = [np.zeros(0, np.intp)], [np.zeros(0, np.float32)]
        for number, found in self._scored(weights):
            local = contenders(found, k)
            rows.append(self.order.rows(number, local))
            scores.append(found[local])
        return in_order(np.concatenate(rows), np.concatenate(scores), k)

    def _scored(self, weights: Mapping[str, float]) -> Iterator[tuple[int, Scores]]:
        """Segments that hold a term, one after the other: the number of each, and the scores of its local rows."""
        held: dict[int, list[tuple[TermPart, float]]] = {}
        absent = 0.0
        for term, factor in weights.items():
            found = self._weights(term)
            absent += found.absent * factor
            for part in found.parts:
                held.setdefault(part.segment, []).append((part, factor))
        for number, parts in held.items():
            scores = np.zeros(len(self.segments[number]), np.float32)
            for part, factor in parts:
                added = part.weights if factor == 1 else part.weights * np.float32(factor)
                # Rows of one term are distinct; add.at is twice as fast here as scores[rows] += weights.
                np.add.at(scores, part.rows, added)
            if absent:
                np.add(scores, np.float32(absent), out=scores, where=scores > 0)
            yield number, scores

    def _weights(self, term: str) -> TermWeights:
        known = self._cache.get(term)
        if known is None:
            known = self._weigh(term)
            self._cache.put(term, known)
        return known

    def _weigh(self, term: str) -> TermWeights:
        postings = []
        for number, (segment, alive) in enumerate(zip(self.segments, self._alive, strict=True)):
            rows, counts = segment.postings(term)
            if alive is not None:
                kept = alive[rows]
                rows, counts = rows[kept], counts[kept]
            if len(rows):
                postings.append((number, rows, counts))
        frequency = sum(len(rows) for _, rows, _ in postings)
        if not frequency:
            return TermWeights(0.0, ())
        parts = tuple(
            TermPart(number, rows, self._scoring.weights(counts, self.segments[number].lengths[rows], frequency))
            for number, rows, counts in postings
        )
        return TermWeights(self._scoring.absent(frequency), parts)

    def save(self, folder: Path) -> None:
        """Write an index of one segment into ``folder``, which is made where it is missing. No pickle.

        Raises:
            InputError: there are several segments, or one with deleted rows.
        """
        if len(self.segments) != 1 or self._alive[0] is not None:
            raise InputError("expected an index of one segment with all its rows; save the segments of another by one")
        self.segments[0].save(folder)
        (folder / _OPTIONS).write_text(self.options.model_dump_json(), encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, *, mmap: bool = True) -> BM25Index:
        """Open a saved index.

        Args:
            folder: where :meth:`save` wrote it.
            mmap: map the arrays into memory, so that only the postings of asked terms are read.

        Raises:
            InputError: a file is missing, damaged or does not fit the others.
        """
        try:
            options = BM25Options(**load_json(folder / _OPTIONS))
        except (TypeError, ValidationError) as error:
            raise InputError(f"expected options of BM25 in {folder / _OPTIONS}, got: {error}") from error
        return cls([BM25Segment.load(folder, mmap=mmap)], options)

    def __repr__(self) -> str:
        return f"BM25Index({len(self)} rows in {len(self.segments)} segments, {self.options!r})"


def _consecutive(segments: Sequence[BM25Segment]) -> SegmentOrder:
    """Every segment as one document that lives."""
    return SegmentOrder(
        [SegmentRows(np.array([place]), np.array([len(segment)])) for place, segment in enumerate(segments)]
    )
