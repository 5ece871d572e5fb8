"""What was worked out already, for one generation of the index."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Value = TypeVar("Value")


class GenerationCache(Generic[Value]):
    """The values asked for last, all of one generation; safe to share between threads.

    Args:
        most: kept at once; 0 keeps none.
        room: for the sizes of all of them together; a value that is larger by itself is not kept.
        size: of a value.
        generation: that they belong to.
    """

    def __init__(self, most: int, room: int, size: Callable[[Value], int], generation: str) -> None:
        self._most, self._room, self._size = most, room, size
        self._generation = generation
        self._kept: OrderedDict[Hashable, tuple[Value, int]] = OrderedDict()
        self._taken = 0
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, generation: str, key: Hashable) -> Value | None:
        """What was kept under ``key``, None where nothing is, or where it is of another generation."""
        with self._lock:
            if generation != self._generation or key not in self._kept:
                return None
            self._kept.move_to_end(key)
            return self._kept[key][0]

    def put(self, generation: str, key: Hashable, value: Value) -> None:
        """Keep a value; one of another generation came too late, or too early, and is not kept."""
        if not self._most or (size := self._size(value)) > self._room:
            return
        with self._lock:
            if generation != self._generation:
                return
            self._taken += size - self._kept.pop(key, (None, 0))[1]
            self._kept[key] = (value, size)
            while len(self._kept) > self._most or self._taken > self._room:
                self._taken -= self._kept.popitem(last=False)[1][1]

    def turn_to(self, generation: str) -> None:
        """Forget everything, and keep what belongs to ``generation`` from now on."""
        with self._lock:
            self._generation, self._taken = generation, 0
            self._kept.clear()
