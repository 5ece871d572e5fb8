"""Runs inputs one by one and keeps what went wrong: errors, and work beyond the budget."""

from __future__ import annotations

import contextlib
import resource
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from benchmarks.fuzzing.target import MEGABYTE, Target

ROOT = Path(__file__).resolve().parents[2]
# Smaller inputs say nothing about the cost of a byte.
_WEIGHED_BYTES = 4096
# An input that takes so many times its budget is broken off.
_PATIENCE = 5
# Something else on the machine may have slowed one run down; three times in a row is no accident.
_TRIES = 3


class OverrunError(BaseException):
    """An input was broken off; no ``except Exception`` of a reader may swallow this."""


@dataclass(slots=True)
class Finding:
    """Something that went wrong, and the smallest input that it went wrong with.

    Args:
        kind: ``"error"``, ``"slow"``, ``"memory"`` or ``"died"``.
        what: the error and where it was raised, or the cost.
        data: the input.
        count: of inputs with this finding.
    """

    kind: str
    what: str
    data: bytes
    count: int = 1


@dataclass(slots=True)
class Watch:
    """Runs inputs through a target.

    Args:
        target: what runs them.
        measured: whether cost counts; it does not where other work shares the process.
        found: by kind and place.
        inputs: run so far.
        slowest: most seconds a megabyte, of inputs of four kilobytes and more.
        grown: bytes by which the process has grown.
    """

    target: Target
    measured: bool = True
    found: dict[str, Finding] = field(default_factory=dict)
    inputs: int = 0
    slowest: float = 0.0
    grown: int = 0

    def run(self, data: bytes) -> None:
        """Run one input."""
        self.inputs += 1
        before = _peak_memory()
        seconds = self._once(data)
        if not self.measured:
            return
        self._weigh_memory(data, _peak_memory() - before)
        allowed = self.target.budget.seconds_of(len(data))
        tries = 1
        while allowed < seconds < _PATIENCE * allowed and tries < _TRIES:
            seconds = min(seconds, self._once(data))
            tries += 1
        if len(data) >= _WEIGHED_BYTES:
            self.slowest = max(self.slowest, seconds / len(data) * MEGABYTE)
        if seconds > allowed:
            self._note(
                "slow", "slow", f"{seconds:.2f} s for {len(data):,} bytes, where {allowed:.2f} s are allowed", data
            )

    def _once(self, data: bytes) -> float:
        """Processor time of all threads, in seconds."""
        started = time.process_time()
        try:
            with _broken_off_after(_PATIENCE * self.target.budget.seconds_of(len(data)), active=self.measured):
                self.target.check(data)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except OverrunError:
            pass
        except BaseException as error:  # noqa: BLE001 - every one is a finding, those of extensions too
            place = _place(error)
            self._note("error", f"error {type(error).__name__} {place}", f"{_described(error)} at {place}", data)
        return time.process_time() - started

    def _weigh_memory(self, data: bytes, grown: int) -> None:
        self.grown += grown
        allowed = self.target.budget.memory_of(len(data))
        if grown > allowed:
            what = f"{grown / 2**20:.0f} MiB for {len(data):,} bytes, where {allowed / 2**20:.0f} are allowed"
            self._note("memory", "memory", what, data)

    def _note(self, kind: str, key: str, what: str, data: bytes) -> None:
        known = self.found.get(key)
        if known is None:
            self.found[key] = Finding(kind, what, data)
            return
        known.count += 1
        if len(data) < len(known.data):
            known.what, known.data = what, data


@contextlib.contextmanager
def _broken_off_after(seconds: float, *, active: bool) -> Iterator[None]:
    if not active:
        yield
        return
    before = signal.signal(signal.SIGPROF, _overrun)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _overrun(_signal: int, _frame: FrameType | None) -> None:
    raise OverrunError


def _peak_memory() -> int:
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _place(error: BaseException) -> str:
    """The innermost line of this project that the error went through; of the check itself where there is no other."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(ROOT)]
    frame = (own or frames)[-1]
    path = Path(frame.filename)
    name = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path.name
    return f"{name}:{frame.lineno}"


def _described(error: BaseException) -> str:
    text = str(error).splitlines()
    return f"{type(error).__name__}: {text[0][:200]}" if text else type(error).__name__
