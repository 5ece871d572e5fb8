"""Break off every operation on an index at every write, and see what is left of it.

python -m benchmarks.faults [--points all|N] [--operations add remove …] [--failures killed …] [--folder DIR]

For each operation it is counted first how often the process writes, syncs, renames or removes anything; then, at each
of those calls (or at N spread over them), a fresh process is killed, or finds the disk full, broken or closed to it.
Afterwards the index must be the old one or the new one, whole, with everything that was acknowledged; the next writer
must work and leave nothing behind. From the order of the calls it is told too whether a power cut could undo anything.
Exit code 1 where any of it does not hold. Linux and a C compiler are needed.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.faults.campaign import Failure, Report, run_operation
from benchmarks.faults.operations import OPERATIONS
from benchmarks.faults.shim import Shim, build_shim, is_loaded, preloaded, why_not
from benchmarks.faults.warm import warm_up

_MEMORY = Path("/dev/shm")  # files in memory, where the system has that: nothing waits for a disk there


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign; 1 where anything was violated, 2 where it cannot run here."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(given)
    if is_loaded():
        return _campaign(arguments)
    reason = why_not()
    if reason:
        print(f"error: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.faults", *given]
        return subprocess.run(command, env=preloaded(build_shim(Path(folder))), check=False).returncode


def _campaign(arguments: argparse.Namespace) -> int:
    warm_up()
    console = Console(width=140)
    table = Table("operation", "failure", *("boundaries", "tried", "old", "new", "violated", "seconds"))
    violations: list[str] = []
    tried = 0
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for operation in OPERATIONS:
            if arguments.operations and operation.name not in arguments.operations:
                continue
            work = Path(folder).resolve() / operation.name
            report = run_operation(operation, arguments.failures, arguments.points, work, Shim())
            _add(table, report)
            violations += report.violations
            tried += sum(row.trials for row in report.rows)
            print(f"{operation.name}: {len(report.stage.log)} boundaries", file=sys.stderr)
    console.print(table)
    for violation in violations:
        console.print(violation, markup=False, soft_wrap=True)
    console.print(f"{tried} faults, {len(violations)} violations")
    return 1 if violations else 0


def _add(table: Table, report: Report) -> None:
    for row in report.rows:
        counts = (row.boundaries, row.trials, row.old, row.new, len(row.failed))
        table.add_row(row.operation, row.failure, *map(str, counts), f"{row.seconds:.0f}")
    order = "broken" if report.order else "safe"
    table.add_row(report.stage.operation.name, "power cut", str(len(report.stage.log)), "", "", "", order, "")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults", description="Break off every operation on an index at every write."
    )
    parser.add_argument("--points", type=_points, default=None, metavar="all|N", help="faults of a kind (default: all)")
    names = [one.name for one in OPERATIONS]
    parser.add_argument("--operations", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    kinds = list(Failure)
    parser.add_argument(
        "--failures",
        nargs="+",
        type=Failure,
        choices=kinds,
        default=kinds,
        metavar="NAME",
        help=f"of {', '.join(kinds)}",
    )
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    parser.add_argument("--folder", type=Path, default=memory, metavar="DIR", help="where to work (default: in memory)")
    return parser


def _points(value: str) -> int | None:
    return None if value == "all" else int(value)


if __name__ == "__main__":
    sys.exit(main())
