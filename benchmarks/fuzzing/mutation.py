"""Changed inputs: pieces of a format put in, taken out, repeated and swapped, numbers and letters made strange."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

_NUMBER = re.compile(rb"\d+")
_STRANGE_NUMBERS = (
    b"0", b"-1", b"1", b"00", b"65536", b"2147483648", b"-9223372036854775809", b"18446744073709551616", b"1e999",
    b"-0.0", b"NaN", b"Infinity", b"9" * 400, b"9" * 5000, b"0.1e-400",
)  # fmt: skip
# Letters that text handling trips over: marks, direction, width, case, surrogates, the ends of the planes.
_STRANGE_TEXT = tuple(
    text.encode("utf-8", "surrogatepass")
    for text in (
        "\0", "\n", "\r\n", "\t", " ", "\u00a0", "\u2028", "\u0085", "\u0301", "\u0306", "\u0308", "е\u0308", "и\u0306",
        "\u00ad", "\u200b", "\u200d", "\u202e", "\u2066", "\ufeff", "\ufe0f", "\ufffd", "\ufffe", "İ", "ı", "ſ", "ß",
        "ﬁ", "ǅ", "Ё", "ё", "й", "Х", "І", "№", "½", "²", "٣", "௧", "Ⅷ", "𝟙", "𝒳", "👨\u200d👩\u200d👧", "あ", "ة",
        "\ud800", "\udc00", "\U0010ffff", "«", "»", "„", "“", "”", "—", "−", "…",
    )
)  # fmt: skip
_LONGEST = 8_192  # bytes; what grows is grown by repetition on purpose, not by chance
_KEPT = 400


class Mutator:
    """Makes inputs from seeds; the same ones for the same arguments.

    Args:
        seeds: at least one.
        tokens: what the format is made of.
        seed: of the choices.
    """

    def __init__(self, seeds: Sequence[bytes], tokens: Sequence[bytes], seed: int) -> None:
        self._dice = random.Random(seed)
        self._seeds = list(seeds)
        self._pool = list(seeds)
        self._pieces = (*tokens, *_STRANGE_TEXT)
        self._changes = (
            self._insert, self._insert, self._remove, self._repeat, self._move, self._flip, self._renumber,
            self._splice, self._cut, self._overwrite,
        )  # fmt: skip

    def next(self) -> bytes:
        """Another input: a seed, or what became of one before, changed a few times."""
        dice = self._dice
        data = dice.choice(self._seeds if dice.random() < 0.4 else self._pool)
        for _ in range(1 + min(dice.getrandbits(2), dice.getrandbits(3))):
            data = dice.choice(self._changes)(data)
        data = data[:_LONGEST]
        if len(self._pool) < _KEPT:
            self._pool.append(data)
        else:
            self._pool[dice.randrange(_KEPT)] = data
        return data

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._dice.randrange(len(data) + 1)
        length = self._dice.choice((1, 2, 4, 16, 64, 512))
        return start, min(len(data), start + length)

    def _insert(self, data: bytes) -> bytes:
        at = self._dice.randrange(len(data) + 1)
        return data[:at] + self._dice.choice(self._pieces) + data[at:]

    def _remove(self, data: bytes) -> bytes:
        start, stop = self._span(data)
        return data[:start] + data[stop:]

    def _repeat(self, data: bytes) -> bytes:
        start, stop = self._span(data)
        return data[:stop] + data[start:stop] * self._dice.choice((1, 2, 8, 40)) + data[stop:]

    def _move(self, data: bytes) -> bytes:
        start, stop = self._span(data)
        rest = data[:start] + data[stop:]
        at = self._dice.randrange(len(rest) + 1)
        return rest[:at] + data[start:stop] + rest[at:]

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return b"\0"
        at = self._dice.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << self._dice.randrange(8)]) + data[at + 1 :]

    def _renumber(self, data: bytes) -> bytes:
        numbers = list(_NUMBER.finditer(data))
        if not numbers:
            return self._insert(data)
        match = self._dice.choice(numbers)
        return data[: match.start()] + self._dice.choice(_STRANGE_NUMBERS) + data[match.end() :]

    def _splice(self, data: bytes) -> bytes:
        other = self._dice.choice(self._pool)
        at, where = self._dice.randrange(len(data) + 1), self._dice.randrange(len(other) + 1)
        return data[:at] + other[where:]

    def _cut(self, data: bytes) -> bytes:
        return data[: self._dice.randrange(len(data) + 1)]

    def _overwrite(self, data: bytes) -> bytes:
        piece = self._dice.choice(self._pieces)
        at = self._dice.randrange(len(data) + 1)
        return data[:at] + piece + data[at + len(piece) :]
