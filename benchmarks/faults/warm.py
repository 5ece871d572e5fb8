"""A parent that has everything in memory that its children will need, and no thread of its own."""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
import threading
from pathlib import Path

from benchmarks.faults.forked import run_forked
from benchmarks.faults.operations import add_next, three
from benchmarks.faults.samples import BAIKAL, HashEmbeddings
from benchmarks.faults.state import digest_of, problems_of


def warm_up() -> None:
    """Import what the operations import, found out by a child that does some, and load the dictionaries.

    Raises:
        RuntimeError: something imported has started a thread, which a forked child would not have.
    """
    with tempfile.TemporaryDirectory() as folder:
        outcome = run_forked(lambda: _imported(Path(folder, "index")), seconds=300, errors=Path(folder, "stderr"))
    if outcome.end != "returned":
        raise RuntimeError(f"an index cannot be built here: {outcome.message}")
    for name in outcome.value:
        with contextlib.suppress(ImportError):  # modules that are made at run time have no file to import from
            importlib.import_module(name)
    HashEmbeddings().encode([BAIKAL.text])
    if threading.active_count() > 1 or len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError("an imported package has started threads; children could wait for them for ever")


def _imported(directory: Path) -> list[str]:
    three(directory)
    add_next(directory)
    digest_of(directory)
    problems_of(directory)
    return list(sys.modules)
