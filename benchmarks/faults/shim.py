"""The library that kills or refuses at a write boundary (``shim.c``): built, preloaded, and told what to do."""

from __future__ import annotations

import ctypes
import errno
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from pathlib import Path

_SOURCE = Path(__file__).with_name("shim.c")


class Kind(StrEnum):
    """What a boundary does to the disk, in the order that ``shim.c`` numbers them by."""

    CREATE = "create"
    TRUNCATE = "truncate"
    WRITE = "write"
    SYNC = "sync"
    RENAME = "rename"
    REMOVE = "remove"
    MKDIR = "mkdir"
    RMDIR = "rmdir"
    LINK = "link"
    MAP = "map"


class Action(IntEnum):
    """What happens at a boundary, numbered as in ``shim.c``.

    COUNT: nothing. KILL: SIGKILL before it. TEAR: SIGKILL after half of a write, before anything else. FAIL: the call
    fails, once or from then on.
    """

    COUNT = 0
    KILL = 1
    TEAR = 2
    FAIL = 3


# What each failure stops. A full disk still lets go of files; lost permissions leave open files writable.
FAILS_AT: dict[int, frozenset[Kind]] = {
    errno.ENOSPC: frozenset(
        {Kind.CREATE, Kind.TRUNCATE, Kind.WRITE, Kind.SYNC, Kind.RENAME, Kind.MKDIR, Kind.LINK, Kind.MAP}
    ),
    errno.EACCES: frozenset({Kind.CREATE, Kind.RENAME, Kind.REMOVE, Kind.MKDIR, Kind.RMDIR, Kind.LINK}),
    errno.EIO: frozenset(Kind),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """What is to happen, and where.

    Args:
        action: what.
        at: number of the boundary, from 1; FAIL waits there for the next one that its error can stop.
        error: for FAIL: ``errno.ENOSPC``, ``errno.EACCES`` or ``errno.EIO``.
        once: for FAIL: only there, and not from there on.
    """

    action: Action = Action.COUNT
    at: int = 0
    error: int = 0
    once: bool = False

    def __str__(self) -> str:
        how = f" {errno.errorcode[self.error]} {'once' if self.once else 'from there on'}" if self.error else ""
        return f"{self.action.name.lower()}{how} at {self.at}"


@dataclass(frozen=True, slots=True)
class Boundary:
    """One line of the shim's log.

    Args:
        number: from 1, in the order of the calls.
        kind: what it does.
        path: of the file or folder.
        other: for a renaming, the new path; for a link, the new name.
    """

    number: int
    kind: Kind
    path: str
    other: str = ""


class Shim:
    """The preloaded library, in a process that was started with it (see :func:`preloaded`).

    Raises:
        RuntimeError: this process was started without it.
    """

    def __init__(self) -> None:
        symbols = ctypes.CDLL(None)
        if not is_loaded():
            raise RuntimeError("this process was started without the fault shim; see preloaded()")
        self._arm, self._disarm = symbols.faults_arm, symbols.faults_disarm
        self._reached, self._refused = symbols.faults_reached, symbols.faults_refused
        self._arm.argtypes = [ctypes.c_char_p, ctypes.c_long, *[ctypes.c_int] * 3, ctypes.c_uint, ctypes.c_int]
        self._arm.restype = self._disarm.restype = None
        self._reached.restype = ctypes.c_long

    def arm(self, folder: Path, fault: Fault, log: int = -1) -> None:
        """Count from here the boundaries below ``folder``, and do there what ``fault`` says.

        Args:
            folder: absolute path without links, as the kernel names it.
            fault: what to do.
            log: handle of an open file for a line a boundary, -1 for none.
        """
        kinds = sum(1 << number for number, kind in enumerate(Kind) if kind in FAILS_AT.get(fault.error, ()))
        self._arm(os.fsencode(folder), fault.at, fault.action, fault.error, fault.once, kinds, log)

    def disarm(self) -> None:
        """Let everything through again, uncounted."""
        self._disarm()

    @property
    def reached(self) -> int:
        """Boundaries since :meth:`arm`."""
        return int(self._reached())

    @property
    def refused(self) -> int:
        """Calls that were refused since :meth:`arm`."""
        return int(self._refused())


def is_loaded() -> bool:
    """Whether this process was started with the shim."""
    return hasattr(ctypes.CDLL(None), "faults_arm")


def why_not() -> str | None:
    """Why there can be no shim on this machine; None where there can."""
    if not sys.platform.startswith("linux"):
        return f"the fault shim is preloaded by Linux's loader, this is {sys.platform}"
    if shutil.which("cc") is None:
        return "the fault shim needs a C compiler (cc)"
    return None


def build_shim(folder: Path) -> Path:
    """Compile the shim into ``folder``.

    Raises:
        RuntimeError: there is no compiler, or it refuses; the message has its words.
    """
    reason = why_not()
    if reason:
        raise RuntimeError(reason)
    library = folder / "shim.so"
    command: list[str | Path] = ["cc", "-shared", "-fPIC", "-O2", "-o", library, _SOURCE, "-ldl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"the fault shim does not compile: {done.stderr.strip()}")
    return library


def preloaded(library: Path) -> dict[str, str]:
    """The environment of a process that is to have the shim; one thread each for what calculates."""
    return {**os.environ, "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


def read_log(path: Path) -> list[Boundary]:
    """The log of a run, in order."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").split("\n") if line)
    found = [Boundary(int(number), Kind(kind), name, other) for number, kind, name, other in rows]
    return sorted(found, key=lambda one: one.number)
