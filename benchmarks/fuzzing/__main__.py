"""Fuzz the parsers of the toolkit, and print what came of it.

    python -m benchmarks.fuzzing [--target NAME …] [--engine ENGINE …] [--runs N] [--findings DIR]

Each target runs in a process of its own under every engine named: ``mutate`` (seeds of the format, changed), ``repeat``
(large inputs of little variety, on which quadratic work shows), ``hypothesis`` and ``atheris`` (guided by coverage;
wheels exist for Linux and Python 3.11 to 3.13). An input that raises anything but the toolkit's own errors, or that
takes more time or memory than its size allows, is a finding; then the exit code is 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import track
from rich.table import Table

from benchmarks.fuzzing.campaign import Outcome, keep, run_target
from benchmarks.fuzzing.engines import ENGINES, available
from benchmarks.fuzzing.targets import CATALOGUE
from rag.command import run_command
from retrievers.errors import InputError

_DEFAULT_ENGINES = ("mutate", "repeat", "atheris")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a campaign."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fuzzing", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--target", action="append", choices=list(CATALOGUE), metavar="NAME", help="default: all")
    parser.add_argument(
        "--engine", action="append", choices=ENGINES, help=f"default: those installed of {', '.join(_DEFAULT_ENGINES)}"
    )
    parser.add_argument("--runs", type=int, default=None, metavar="N", help="inputs (default: each target's own)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--findings", type=Path, default=None, metavar="DIR", help="write their inputs here")
    parser.add_argument("--list", action="store_true", help="name the targets and end")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _campaign(arguments))


def _campaign(arguments: argparse.Namespace) -> int:
    console = Console(width=140)
    if arguments.list:
        console.print("\n".join(CATALOGUE))
        return 0
    engines = arguments.engine or [engine for engine in _DEFAULT_ENGINES if available(engine)]
    if missing := [engine for engine in engines if not available(engine)]:
        raise InputError(f"the engine {missing[0]} is not installed; bring it with: pip install {missing[0]}")
    if arguments.runs is not None and arguments.runs < 1:
        raise InputError(f"--runs: expected at least 1, got {arguments.runs}")
    work = [(name, engine, runs) for name in arguments.target or CATALOGUE for engine in engines
            if (runs := _runs(name, engine, arguments.runs))]  # fmt: skip
    progress = track(work, "fuzzing", console=Console(stderr=True), disable=not sys.stderr.isatty())
    outcomes = [run_target(name, engine, runs, arguments.seed) for name, engine, runs in progress]
    if arguments.findings is not None:
        keep(outcomes, arguments.findings)
    _print(outcomes, console)
    return int(any(outcome.findings for outcome in outcomes))


def _runs(name: str, engine: str, chosen: int | None) -> int:
    entry = CATALOGUE[name]
    if engine == "repeat":
        return min(entry.large, chosen) if chosen else entry.large
    return chosen or entry.runs


def _print(outcomes: Sequence[Outcome], console: Console) -> None:
    table = Table(title=f"{sum(one.inputs for one in outcomes):,} inputs")
    for column in ("target", "engine"):
        table.add_column(column, no_wrap=True)
    for column in ("inputs", "errors", "over budget", "slowest, s/MB", "grown, MiB", "seconds"):
        table.add_column(column, justify="right", no_wrap=True)
    for one in outcomes:
        over = sum(found.count for found in one.findings if found.kind in {"slow", "memory"})
        slowest = f"{one.slowest:.2f}" if one.slowest else ""
        cells = (f"{one.inputs:,}", one.errors, over, slowest, f"{one.grown / 2**20:.0f}", f"{one.seconds:.0f}")
        table.add_row(one.target, one.engine, *map(str, cells))
    console.print(table)
    for one in outcomes:
        for found in one.findings:
            shown = found.data if len(found.data) <= 120 else found.data[:120] + b"..."
            console.print(f"{one.target} ({one.engine}), {found.count} inputs: {escape(found.what)}", soft_wrap=True)
            console.print(f"    {len(found.data):,} bytes: {escape(repr(shown))}", soft_wrap=True, highlight=False)


if __name__ == "__main__":
    sys.exit(main())
