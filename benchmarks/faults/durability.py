"""Whether the order of a writer's calls outlives a power cut: nothing is named before it is on the disk."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from benchmarks.faults.shim import Boundary, Kind

SWITCH = "CURRENT.json"
_LOCK = ".lock"  # what it holds is for a human who waits; the index does not depend on it
_STORE = re.compile(r"(.*/segments/[^/]+)/chroma(?:/|$)")
_CHANGES_FILE = frozenset({Kind.CREATE, Kind.TRUNCATE, Kind.WRITE, Kind.MAP})
_CHANGES_FOLDER = frozenset({Kind.CREATE, Kind.RENAME, Kind.REMOVE, Kind.MKDIR, Kind.RMDIR, Kind.LINK})
_REMOVES = frozenset({Kind.REMOVE, Kind.RMDIR})


def unsafe_order(log: Iterable[Boundary]) -> list[str]:
    """What a power cut could undo although it must hold.

    A file is safe once it was synced after its last change, the name of a file or folder once its folder was. All that
    stays must be safe when ``CURRENT.json`` is replaced; and that replacement must be safe before anything older than
    this writer is removed, and when the writer is done. An embedded store in a segment that was there before is left
    out: it is only read, and what it does to its own files meanwhile is its own transaction.

    Args:
        log: boundaries of an undisturbed operation.

    Returns:
        A line for each breach.
    """
    calls = list(log)
    removed = {one.path for one in calls if one.kind in _REMOVES}
    made = {one.path for one in calls if one.kind in {Kind.CREATE, Kind.MKDIR}}
    contents: dict[str, Boundary] = {}  # what changed in each file since it was synced
    entries: dict[str, Boundary] = {}  # what changed of each name since its folder was synced
    switched: Boundary | None = None  # the replacement, while it is not safe
    breaches: list[str] = []
    for one in calls:
        if PurePosixPath(one.path).name == _LOCK or _is_only_read(one.path, made):
            continue
        if one.kind is Kind.SYNC:
            contents.pop(one.path, None)
            entries = {name: last for name, last in entries.items() if _folder(name) != one.path}
            switched = None if switched and one.path == _folder(switched.other) else switched
        if one.kind in _REMOVES and switched and one.path not in made:
            breaches.append(f"{one.path} is removed (call {one.number}) before the new {SWITCH} is safe")
        if one.kind is Kind.RENAME:
            entries.pop(one.path, None)
            if PurePosixPath(one.other).name == SWITCH:
                left = [pair for pair in (*contents.items(), *entries.items()) if not _goes(*pair, removed)]
                when = f"when {SWITCH} is replaced (call {one.number})"
                breaches += [f"{path} is not safe {when}: {last.kind} in call {last.number}" for path, last in left]
                switched = one
        if one.kind in _CHANGES_FILE:
            contents[one.path] = one
        if one.kind in _CHANGES_FOLDER:
            entries[one.other or one.path] = one
    return breaches + ([f"the new {SWITCH} is not safe when the writer is done"] if switched else [])


def _goes(path: str, last: Boundary, removed: set[str]) -> bool:
    """Whether it does not matter, because it is removed later on."""
    return _folder(path) in removed or (path in removed and last.kind not in _REMOVES)


def _is_only_read(path: str, made: set[str]) -> bool:
    match = _STORE.match(path)
    return match is not None and match[1] not in made


def _folder(path: str) -> str:
    return str(PurePosixPath(path).parent)
