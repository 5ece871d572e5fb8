"""One target in a process of its own: what kills it kills nothing else. Reports on standard output, as JSON.

Started by the campaign (:mod:`benchmarks.fuzzing.campaign`).
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import logging
import mmap
import resource
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.engines import fuzz
from benchmarks.fuzzing.target import Target
from benchmarks.fuzzing.targets import opened
from benchmarks.fuzzing.watch import Watch

# Address space: what asks for more gets a MemoryError instead of the machine.
_MEMORY = 8 * 2**30
_LAST = 4 * 2**20


def main(argv: Sequence[str] | None = None) -> int:
    """Fuzz one target with one engine."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fuzzing.worker", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("engine")
    parser.add_argument("runs", type=int)
    parser.add_argument("seed", type=int)
    parser.add_argument("last", type=Path, help="file that holds the input being run")
    arguments = parser.parse_args(argv)
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, hard))
    logging.disable(logging.CRITICAL)
    told = sys.stdout
    with contextlib.redirect_stdout(sys.stderr), contextlib.ExitStack() as stack:
        if arguments.engine == "atheris":
            from benchmarks.fuzzing.engines.atheris import instrumented

            stack.enter_context(instrumented())
        target = stack.enter_context(opened(arguments.target))
        watch = Watch(_remembering(target, arguments.last, stack))
        _warm_up(target)
        warnings.simplefilter("error")  # a library that warns about a document tells the user nothing he can use
        started = time.perf_counter()
        fuzz(arguments.engine, watch, arguments.runs, arguments.seed)
        seconds = time.perf_counter() - started
    json.dump(_report(watch, seconds), told)
    return 0


def _warm_up(target: Target) -> None:
    """Dictionaries and parsers are loaded by the first inputs, which costs more than any later one may."""
    for data in target.seeds:
        with contextlib.suppress(Exception):
            target.check(data)


def _remembering(target: Target, path: Path, stack: contextlib.ExitStack) -> Target:
    """The target, with every input written down before it is run."""
    path.write_bytes(b"\0" * _LAST)
    file = stack.enter_context(path.open("r+b"))
    last = stack.enter_context(mmap.mmap(file.fileno(), _LAST))

    def check(data: bytes) -> None:
        kept = data[: _LAST - 8]
        last[: 8 + len(kept)] = len(kept).to_bytes(8, "little") + kept
        target.check(data)

    return Target(check, target.seeds, target.tokens, target.budget, target.longest)


def _report(watch: Watch, seconds: float) -> dict[str, Any]:
    return {
        "inputs": watch.inputs,
        "slowest": watch.slowest,
        "grown": watch.grown,
        "seconds": seconds,
        "findings": [
            {"kind": one.kind, "what": one.what, "count": one.count, "data": base64.b64encode(one.data).decode()}
            for one in watch.found.values()
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
