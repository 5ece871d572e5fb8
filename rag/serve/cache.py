"""What was worked out already, for one generation of the index."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class GenerationCache(Generic[Value]):
    """The values asked for last, all of one generation; safe to share between threads.

    Args:
        most: kept at once; 0 keeps none.
        generation: that they belong to.
    """

    def __init__(self, most: int, generation: str) -> None:
        self._most = most
        self._generation = generation
        self._kept: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, generation: str, key: Hashable) -> Value | None:
        """What was kept under ``key``, None where nothing is, or where it is of another generation."""
        with self._lock:
            if generation != self._generation or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key]

    def put(self, generation: str, key: Hashable, value: Value) -> None:
        """Keep a value; one of another generation came too late, or too early, and is not kept."""
        with self._lock:
            if generation != self._generation or not self._most:
                return
            self._kept[key] = value
            self._kept.move_to_end(key)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)

    def turn_to(self, generation: str) -> None:
        """Forget everything, and keep what belongs to ``generation`` from now on."""
        with self._lock:
            self._generation = generation
            self._kept.clear()
