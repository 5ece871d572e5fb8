"""What is fuzzed: a function of bytes, what its inputs are made of, and what one of them may cost."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from retrievers.errors import ToolkitError

MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What one input may cost: a constant, and a share for each of its bytes.

    Args:
        seconds: of processor time, for any input.
        seconds_per_megabyte: on top; bounded work per byte is what keeps a hostile document from being an attack.
        memory: bytes by which the process may grow over any input.
        memory_per_byte: on top.
    """

    seconds: float = 0.1
    seconds_per_megabyte: float = 10.0
    memory: int = 64 * 2**20
    memory_per_byte: int = 200

    def seconds_of(self, size: int) -> float:
        """Processor time for an input of ``size`` bytes."""
        return self.seconds + self.seconds_per_megabyte * size / MEGABYTE

    def memory_of(self, size: int) -> int:
        """Bytes that an input of ``size`` bytes may take."""
        return self.memory + self.memory_per_byte * size


@dataclass(frozen=True, slots=True)
class Target:
    """A function under test.

    Args:
        check: works on one input; whatever it raises is a finding. Errors that the toolkit raises on purpose are what
            it promises, so it passes over them itself (:func:`foreseen`), and what must hold it asserts.
        seeds: inputs of the kind that is meant.
        tokens: what its format is made of, for mutations and repetitions.
        budget: of one input.
        longest: bytes of the inputs made by repetition, on which work that grows faster than its input shows.
    """

    check: Callable[[bytes], None]
    seeds: tuple[bytes, ...]
    tokens: tuple[bytes, ...]
    budget: Budget = Budget()
    longest: int = 100_000


@dataclass(frozen=True, slots=True)
class Scratch:
    """What a target may use while it is open.

    Args:
        folder: empty, for its files.
        stack: closes what it opened.
    """

    folder: Path
    stack: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)


@contextlib.contextmanager
def foreseen() -> Iterator[None]:
    """Pass over the errors that the toolkit raises on purpose; their messages must be text that can be shown."""
    try:
        yield
    except ToolkitError as error:
        str(error).encode("utf-8", "backslashreplace")


def text_of(data: bytes) -> str:
    """Input as text: half surrogates get through, other bytes that are no UTF-8 become U+FFFD."""
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace")


def bytes_of(*texts: str) -> tuple[bytes, ...]:
    """The inverse of :func:`text_of`, of several texts."""
    return tuple(text.encode("utf-8", "surrogatepass") for text in texts)
