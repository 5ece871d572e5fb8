"""Large inputs of little variety: what takes more than its share of time on a long text takes it on one of these."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

_PLAIN = tuple(
    text.encode()
    for text in ("а", "я ", "слово ", "\n", "\n\n", " ", "\t", "\u0301", "\u00a0", "1", "1.", "1 ", "a", "-", "=", "#",
                 "«", "»", '"', "'", "(", ")", "[", "]", "{", "}", "<", ">", "|", "*", "`", "~", "\\", "\\u0041", ",",
                 ";", ":", ".", "! ", "…", "&amp;", "%", "I", "в ", "и ", "№")
)  # fmt: skip


def repetitions(seeds: Sequence[bytes], tokens: Sequence[bytes], size: int, seed: int) -> Iterator[bytes]:
    """Endless inputs of about ``size`` bytes; the first ones repeat every single piece, then come pairs at random.

    The shapes: a piece over and over, between two others, two in turn, opened so many times and closed so many times,
    and the same inside of a seed.
    """
    dice = random.Random(seed)
    pieces = list(dict.fromkeys(piece for piece in (*tokens, *_PLAIN) if piece))
    for piece in pieces:
        yield _times(piece, size)
    while True:
        one, other, third = dice.choice(pieces), dice.choice(pieces), dice.choice(pieces)
        inside = dice.choice(seeds)
        at = dice.randrange(len(inside) + 1)
        shape = dice.randrange(6)
        if shape == 0:
            yield other + _times(one, size) + third
        elif shape == 1:
            yield _times(one + other, size)
        elif shape == 2:
            yield _times(one, size // 2) + third + _times(other, size // 2)
        elif shape == 3:
            yield inside[:at] + _times(one, size) + inside[at:]
        elif shape == 4:
            yield inside[:at] + _times(one + other, size) + inside[at:]
        else:
            yield _times(inside + one, size)


def _times(piece: bytes, size: int) -> bytes:
    return piece * max(1, size // max(1, len(piece)))
