"""One operation with one fault, and what was left of the index."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.faults.forked import Outcome, run_forked
from benchmarks.faults.operations import Operation, add_next
from benchmarks.faults.shim import Action, Boundary, Fault, Shim, read_log
from benchmarks.faults.state import ABSENT, DAMAGED, digest_of, problems_of, shape_of

_SECONDS = 120.0  # a trial takes less than one; whatever is not done by then waits for a lock that nobody holds
_INDEX = "index"


@dataclass(frozen=True, slots=True)
class After:
    """What stands once the next writer is done: digest and shape of the index."""

    state: str
    shape: list[str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stage:
    """An operation with all that is to be expected of it.

    Args:
        operation: the operation.
        base: folder that is copied for every trial.
        work: folder that trials are made in.
        old: state before the operation.
        new: state after it.
        after: what the next writer makes of each of the two.
        log: boundaries of an undisturbed run.
    """

    operation: Operation
    base: Path
    work: Path
    old: str
    new: str
    after: dict[str, After] = field(repr=False)
    log: list[Boundary] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of a fault.

    Args:
        fault: what was done.
        outcome: how the operation ended.
        state: of the index afterwards, as a fresh process reads it.
        violations: everything that must not be; empty as it should be.
    """

    fault: Fault
    outcome: Outcome
    state: str
    violations: list[str]


class FailedError(RuntimeError):
    """Something went wrong where no fault was made."""


def set_up(operation: Operation, work: Path, shim: Shim) -> Stage:
    """Prepare an operation and learn from undisturbed runs what is to be expected.

    Raises:
        FailedError: an undisturbed run fails.
    """
    base = work / "base"
    base.mkdir(parents=True)
    _sure(lambda: operation.prepare(base / _INDEX), work)
    with _copied(base, work) as folder:
        old = _sure(lambda: _look(operation, folder / _INDEX), work)
    with _copied(base, work) as folder:
        log = work / "log"
        log.unlink(missing_ok=True)
        _sure(lambda: _disturbed(operation, folder, shim, Fault(), log), work)
        new = _sure(lambda: _look(operation, folder / _INDEX), work)
        boundaries = _relative(read_log(log), folder)
    after = {found["state"]: After(**found["after"]) for found in (old, new)}
    return Stage(operation, base, work, old["state"], new["state"], after, boundaries)


def try_fault(stage: Stage, fault: Fault, shim: Shim) -> Trial:
    """Make one fault in a copy of what stands before, and look at what is left of it."""
    with _copied(stage.base, stage.work) as folder:
        outcome = _forked(lambda: _disturbed(stage.operation, folder, shim, fault), stage.work)
        looked = _forked(lambda: _look(stage.operation, folder / _INDEX), stage.work)
        if looked.end != "returned":
            return Trial(fault, outcome, "unreadable", [*_ended(fault, outcome), _said("reading it", looked)])
        violations = [*_ended(fault, outcome), *_wrong(stage, outcome, looked.value)]
        return Trial(fault, outcome, looked.value["state"], violations)


def _look(operation: Operation, directory: Path) -> dict[str, Any]:
    """What is left: the state, what ``verify`` says of it, and what the next writer makes of it."""
    state = digest_of(directory)
    problems = [] if state.startswith(DAMAGED) else problems_of(directory)
    return {"state": state, "problems": problems, **_go_on(operation, directory, state)}


def _go_on(operation: Operation, directory: Path, state: str) -> dict[str, Any]:
    """The next writer: it adds a document, or does again what left no sound index."""
    again = state == ABSENT or state.startswith(DAMAGED)
    (operation.run if again else add_next)(directory)
    problems = problems_of(directory)
    return {"after": {"state": digest_of(directory), "shape": shape_of(directory)}, "problems after": problems}


def _disturbed(operation: Operation, folder: Path, shim: Shim, fault: Fault, log: Path | None = None) -> None:
    handle = -1 if log is None else os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    shim.arm(folder, fault, handle)
    operation.run(folder / _INDEX)


def _ended(fault: Fault, outcome: Outcome) -> list[str]:
    """What is wrong with how the operation ended."""
    clear = outcome.end == "raised" and {"ToolkitError", "OSError"} & set(outcome.error)
    meant = outcome.end == "killed" and outcome.message == "SIGKILL" and fault.action in {Action.KILL, Action.TEAR}
    return [] if clear or meant or outcome.end == "returned" else [_said("the operation", outcome)]


def _wrong(stage: Stage, outcome: Outcome, found: dict[str, Any]) -> list[str]:
    """What is wrong with what is left."""
    state = found["state"]
    if state not in {stage.old, stage.new}:
        return [f"neither the old index nor the new one: {state}"]
    wrong = [f"verify: {problem}" for problem in found["problems"]]
    if outcome.end == "returned" and state != stage.new:
        wrong.append("what was acknowledged is lost")
    expected, after = stage.after[state], After(**found["after"])
    wrong += [f"verify after the next writer: {problem}" for problem in found["problems after"]]
    if after.state != expected.state:
        wrong.append(f"the next writer made {after.state}, expected {expected.state}")
    left = sorted(set(after.shape) - set(expected.shape)) or after.shape != expected.shape
    if left:
        wrong.append(f"the next writer left more or less than it should: {left}")
    return wrong


def _said(what: str, outcome: Outcome) -> str:
    return f"{what} {outcome.end}: {outcome.error[0] if outcome.error else ''} {outcome.message}".replace(" : ", ": ")


def _relative(log: list[Boundary], folder: Path) -> list[Boundary]:
    def cut(path: str) -> str:
        return os.path.relpath(path, folder) if path else ""

    return [Boundary(one.number, one.kind, cut(one.path), cut(one.other)) for one in log]


def _sure(function: Callable[[], Any], work: Path) -> Any:
    outcome = _forked(function, work)
    if outcome.end != "returned":
        raise FailedError(_said("without any fault, an operation", outcome))
    return outcome.value


def _forked(function: Callable[[], Any], work: Path) -> Outcome:
    return run_forked(function, seconds=_SECONDS, errors=work / "stderr")


@contextlib.contextmanager
def _copied(base: Path, work: Path) -> Any:
    folder = work / "trial"
    shutil.copytree(base, folder)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
