"""A function in a forked child: the parent has everything imported, the child dies as it may."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

End = Literal["returned", "raised", "killed", "hung"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a child ended.

    Args:
        end: ``returned``, ``raised``, ``killed`` (by a signal, its own included) or ``hung`` (killed after its time).
        value: what it returned, as JSON has it.
        error: class names of what it raised, itself first and its bases after it.
        message: of what it raised, or the signal's name.
    """

    end: End
    value: Any = None
    error: tuple[str, ...] = ()
    message: str = ""


def run_forked(function: Callable[[], Any], *, seconds: float, errors: Path) -> Outcome:
    """Run a function in a child.

    The parent must have no threads of its own: a forked child has only the one that forked it, and waits for ever for
    locks that others held.

    Args:
        function: its result has to be writable as JSON.
        seconds: after which the child is killed.
        errors: file that takes the child's stderr.
    """
    mine, its = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(mine)
        _run(function, its, errors)
    os.close(its)
    said = _read(mine, seconds)
    os.close(mine)
    if said is None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    if said is None:
        return Outcome("hung", message=f"nothing after {seconds:g} s")
    if os.WIFSIGNALED(status):
        return Outcome("killed", message=signal.Signals(os.WTERMSIG(status)).name)
    return Outcome(**{**json.loads(said), "error": tuple(json.loads(said)["error"])})


def _run(function: Callable[[], Any], pipe: int, errors: Path) -> None:
    """The child's part; it never returns, and leaves the parent's exit handlers alone."""
    try:
        os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
        try:
            outcome = Outcome("returned", function())
        except BaseException as error:  # noqa: BLE001 - whatever it is, it is what is to be told
            traceback.print_exc(file=sys.stderr)
            names = tuple(kind.__name__ for kind in type(error).__mro__)
            outcome = Outcome("raised", error=names, message=str(error))
        sys.stderr.flush()
        os.write(pipe, json.dumps({name: getattr(outcome, name) for name in outcome.__slots__}).encode())
    finally:
        os._exit(0)


def _read(pipe: int, seconds: float) -> bytes | None:
    """Everything until the other end closes; None where that takes too long."""
    said = b""
    while select.select([pipe], [], [], seconds)[0]:
        part = os.read(pipe, 1 << 16)
        if not part:
            return said
        said += part
    return None
