"""How much a tool takes and gives in one call."""

from __future__ import annotations

DEFAULT_PASSAGES = 5
MAX_PASSAGES = 20
# A page is read into a model's context: 4,000 characters of Russian are some 1,500 tokens.
DEFAULT_LENGTH = 4_000
MIN_LENGTH = 200
MAX_LENGTH = 20_000


def clamp(value: int, lowest: int, highest: int) -> int:
    """``value``, or the nearer end of the range it lies outside of."""
    return max(lowest, min(highest, value))
