"""Sorted terms in one block of bytes: opened by mapping it, searched by halving, never parsed."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from retrievers.errors import InputError

_STEP = 32  # terms between two that are kept in memory: 1/32 of the vocabulary spares most reads of each search


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Terms in ascending order of their code points, which is the order of their UTF-8 bytes.

    Args:
        text: UTF-8 of all terms one after another, array of shape (n_bytes,).
        ends: where each term ends, after a 0, array of shape (n_terms + 1,).
    """

    text: NDArray[np.uint8] = field(repr=False)
    ends: NDArray[np.int64] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if not len(self.ends) or self.ends[0] != 0 or self.ends[-1] != len(self.text):
            raise InputError(f"expected ends of terms from 0 to {len(self.text)}, the number of bytes")

    @classmethod
    def of(cls, terms: Iterable[str]) -> Vocabulary:
        """Vocabulary of sorted terms without repetition."""
        encoded = [_bytes(term) for term in terms]
        ends = np.zeros(len(encoded) + 1, np.int64)
        np.cumsum([len(term) for term in encoded], out=ends[1:])
        return cls(np.frombuffer(b"".join(encoded), np.uint8), ends)

    def __len__(self) -> int:
        """Number of terms."""
        return len(self.ends) - 1

    def find(self, term: str) -> int | None:
        """Number of a term, None for an unknown one."""
        sought = _bytes(term)
        first = (bisect_right(self._guides, sought) - 1) * _STEP
        numbers = range(max(0, first), min(first + _STEP, len(self)))
        place = bisect_left(numbers, sought, key=self._term)
        return numbers[place] if place < len(numbers) and self._term(numbers[place]) == sought else None

    def _term(self, number: int) -> bytes:
        return bytes(self._text[self._ends[number] : self._ends[number + 1]])

    @cached_property
    def _guides(self) -> list[bytes]:
        return [self._term(number) for number in range(0, len(self), _STEP)]

    # A memoryview gives single elements five times as fast as an array does.
    @cached_property
    def _text(self) -> memoryview:
        return self.text.data

    @cached_property
    def _ends(self) -> memoryview:
        return self.ends.data


def _bytes(term: str) -> bytes:
    return term.encode(errors="surrogatepass")  # half a character may come in a question, and is found nowhere
