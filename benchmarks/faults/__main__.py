"""Break off every operation on an index at every write, damage every file, and see what is left.

python -m benchmarks.faults [--points all|N] [--operations add remove …] [--failures killed …] [--folder DIR]
python -m benchmarks.faults --damage [--flips N]

For each operation it is counted first how often the process writes, syncs, renames or removes anything; then, at each
of those calls (or at N spread over them), a fresh process is killed, or finds the disk full, broken or closed to it.
Afterwards the index must be the old one or the new one, whole, with everything that was acknowledged; the next writer
must work and leave nothing behind. From the order of the calls it is told too whether a power cut could undo anything.

With ``--damage`` every file of an index is removed, cut, zeroed and has bits flipped: the index must answer or refuse,
naming what is damaged, ``verify`` must name the file, and ``repair`` must bring everything back or name what is lost.

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
from rich.progress import track
from rich.table import Table

from benchmarks.faults.campaign import Failure, Report, run_operation
from benchmarks.faults.damage import Wounds, hurts, sound_index
from benchmarks.faults.operations import INDEXES, OPERATIONS
from benchmarks.faults.shim import Shim, build_shim, is_loaded, preloaded, why_not
from benchmarks.faults.warm import warm_up

_MEMORY = Path("/dev/shm")  # files in memory, where the system has that: nothing waits for a disk there


def main(argv: Sequence[str] | None = None) -> int:
    """Run the campaign; 1 where anything was violated, 2 where it cannot run here."""
    given = list(sys.argv[1:] if argv is None else argv)
    arguments = _parser().parse_args(given)
    if is_loaded():
        return _run(arguments)
    reason = why_not()
    if reason:
        print(f"error: {reason}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.faults", *given]
        return subprocess.run(command, env=preloaded(build_shim(Path(folder))), check=False).returncode


def _run(arguments: argparse.Namespace) -> int:
    warm_up()
    console = Console(width=140)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        campaign = _damage if arguments.damage else _faults
        tried, violations = campaign(arguments, Path(folder).resolve(), console)
    for violation in violations:
        console.print(violation, markup=False, soft_wrap=True)
    console.print(f"{tried} tried, {len(violations)} violations")
    return 1 if violations else 0


def _faults(arguments: argparse.Namespace, folder: Path, console: Console) -> tuple[int, list[str]]:
    violations: list[str] = []
    tried = 0
    for operation in OPERATIONS:
        if not arguments.operations or operation.name in arguments.operations:
            work = folder / operation.name
            report = run_operation(operation, arguments.failures, arguments.points, work, Shim())
            console.print(_table(report))  # at once: a campaign takes hours
            violations += report.violations
            tried += sum(row.trials for row in report.rows)
    return tried, violations


def _table(report: Report) -> Table:
    order = "would undo something" if report.order else "would undo nothing"
    title = f"{report.stage.operation.name}: {len(report.stage.log)} boundaries; a power cut {order}"
    table = Table(
        "failure", "possible", "tried", "old", "new", "violated", "seconds", title=title, title_justify="left"
    )
    for row in report.rows:
        counts = (row.boundaries, row.trials, row.old, row.new, len(row.failed))
        table.add_row(row.failure, *map(str, counts), f"{row.seconds:.0f}")
    return table


def _damage(arguments: argparse.Namespace, folder: Path, console: Console) -> tuple[int, list[str]]:
    columns = ("damages", "as before", "refuses", "otherwise", "named by verify", "documents lost", "violated")
    table = Table("index", "file", *columns)
    violations: list[str] = []
    tried = 0
    for name, prepare in INDEXES.items():
        sound = sound_index(prepare, folder / name)
        wounds = Wounds()
        for hurt in track([*hurts(sound.directory, arguments.flips)], name, console=Console(stderr=True)):
            wounds.take(sound, hurt)
        for file, counts in wounds.rows():
            table.add_row(name, file, *map(str, counts))
        violations += wounds.violations
        tried += wounds.tried
    console.print(table)
    return tried, violations


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.faults",
        description="Break off every operation on an index at every write, damage every file, and see what is left.",
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
    parser.add_argument("--damage", action="store_true", help="damage files instead")
    parser.add_argument("--flips", type=int, default=8, metavar="N", help="flipped bits a file (default: 8)")
    memory = _MEMORY if os.access(_MEMORY, os.W_OK) else None
    parser.add_argument("--folder", type=Path, default=memory, metavar="DIR", help="where to work (default: in memory)")
    return parser


def _points(value: str) -> int | None:
    return None if value == "all" else int(value)


if __name__ == "__main__":
    sys.exit(main())
