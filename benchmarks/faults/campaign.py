"""All faults of an operation, one after the other, and what they add up to."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from benchmarks.faults.durability import SWITCH, unsafe_order
from benchmarks.faults.operations import Operation
from benchmarks.faults.shim import FAILS_AT, Action, Boundary, Fault, Kind, Shim
from benchmarks.faults.trials import Stage, Trial, set_up, try_fault


class Failure(StrEnum):
    """What goes wrong: the process is killed, or the disk refuses from then on or once."""

    KILL = "killed"
    TEAR = "killed in a write"
    FULL = "disk full"
    FULL_ONCE = "disk full once"
    DENIED = "permission lost"
    BROKEN = "disk broken"
    BROKEN_ONCE = "disk error once"


_FAULTS = {
    Failure.KILL: Fault(Action.KILL),
    Failure.TEAR: Fault(Action.TEAR),
    Failure.FULL: Fault(Action.FAIL, error=errno.ENOSPC),
    Failure.FULL_ONCE: Fault(Action.FAIL, error=errno.ENOSPC, once=True),
    Failure.DENIED: Fault(Action.FAIL, error=errno.EACCES),
    Failure.BROKEN: Fault(Action.FAIL, error=errno.EIO),
    Failure.BROKEN_ONCE: Fault(Action.FAIL, error=errno.EIO, once=True),
}


@dataclass(slots=True)
class Row:
    """What one kind of failure did to one operation.

    Args:
        operation: name of the operation.
        failure: what went wrong.
        boundaries: how many the operation has where that can happen.
        trials: how many were tried.
        old: trials that left the old index, whole.
        new: trials that left the new index, whole.
        failed: trials with a violation.
        seconds: all trials together took.
    """

    operation: str
    failure: Failure
    boundaries: int
    trials: int = 0
    old: int = 0
    new: int = 0
    failed: list[Trial] = field(default_factory=list)
    seconds: float = 0.0

    def take(self, trial: Trial, stage: Stage) -> None:
        """Count a trial."""
        self.trials += 1
        if trial.violations:
            self.failed.append(trial)
        elif trial.state == stage.new:
            self.new += 1
        else:
            self.old += 1


@dataclass(frozen=True, slots=True)
class Report:
    """What came of an operation.

    Args:
        stage: the operation and what was expected of it.
        rows: one for each failure.
        order: what a power cut could undo (see :func:`benchmarks.faults.durability.unsafe_order`).
    """

    stage: Stage
    rows: list[Row]
    order: list[str]

    @property
    def violations(self) -> list[str]:
        """Everything that must not be, a line each."""
        name = self.stage.operation.name
        trials = [(row, trial) for row in self.rows for trial in row.failed]
        return [f"{name}, power cut: {breach}" for breach in self.order] + [
            f"{name}, {trial.fault} ({_where(self.stage, trial)}): {violation}"
            for _, trial in trials
            for violation in trial.violations
        ]


def points(log: Sequence[Boundary], failure: Failure, most: int | None) -> list[int]:
    """Numbers of the boundaries to try a failure at.

    Args:
        log: boundaries of an undisturbed run.
        failure: what is to be tried.
        most: how many, spread evenly; kills are tried before and after the switch besides. None for all.
    """
    fault = _FAULTS[failure]
    kinds = frozenset({Kind.WRITE}) if fault.action is Action.TEAR else FAILS_AT.get(fault.error, frozenset(Kind))
    numbers = [one.number for one in log if one.kind in kinds]
    if most is None or len(numbers) <= most:
        return numbers
    chosen = {numbers[int((step + 0.5) * len(numbers) / most)] for step in range(most)}
    if failure is Failure.KILL:
        switches = {one.number for one in log if one.kind is Kind.RENAME and one.other.endswith(SWITCH)}
        chosen |= switches | {number + 1 for number in switches if number < len(log)}
    return sorted(chosen)


def run_operation(
    operation: Operation,
    failures: Sequence[Failure],
    most: int | None,
    work: Path,
    shim: Shim,
) -> Report:
    """Try every failure on an operation.

    Args:
        operation: the operation.
        failures: what to try.
        most: trials of a failure; None for all.
        work: empty folder.
        shim: the preloaded shim.

    Raises:
        FailedError: the operation fails undisturbed.
    """
    stage = set_up(operation, work, shim)
    rows = []
    for failure in failures:
        row = Row(operation.name, failure, len(points(stage.log, failure, None)))
        for trial, seconds in _trials(stage, failure, most, shim):
            row.take(trial, stage)
            row.seconds += seconds
        rows.append(row)
    return Report(stage, rows, unsafe_order(stage.log))


def _trials(stage: Stage, failure: Failure, most: int | None, shim: Shim) -> Iterator[tuple[Trial, float]]:
    fault = _FAULTS[failure]
    for at in points(stage.log, failure, most):
        started = time.perf_counter()
        trial = try_fault(stage, Fault(fault.action, at, fault.error, fault.once), shim)
        yield trial, time.perf_counter() - started


def _where(stage: Stage, trial: Trial) -> str:
    one = stage.log[trial.fault.at - 1]
    return f"{one.kind} {one.path}"
