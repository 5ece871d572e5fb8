"""Measure pipelines on an evaluation file: ``python -m evals.run rubq_eval.jsonl``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evals.dataset import read_questions
from evals.run.arguments import build_parser, run_options
from rag.command import run_command
from retrievers.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from rag.index import Index


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and measure; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: Namespace) -> int:
    from rich.console import Console

    from evals.run.runner import evaluate
    from evals.run.table import print_summary
    from rag.index.progress import progress_bar

    read_questions(arguments.file)  # before an index is opened or built
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError(f"--jobs: expected at least 1, got {arguments.jobs}")
    with _open_index(arguments) as index:
        options = run_options(arguments, arguments.profile or index.manifest.profile)
        with progress_bar() as progress:
            directory, summary = evaluate(
                arguments.file, index, options, out=arguments.out, jobs=arguments.jobs, progress=progress
            )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 180)
    print_summary(summary, console)
    _report(directory)
    console.print(f"written to {directory}", soft_wrap=True, markup=False)
    return 0


def _open_index(arguments: Namespace) -> Index:
    from rag.demo import open_demo_index
    from rag.index import open_index
    from rag.profile import DEFAULT_PROFILE, load_profile, parse_assignments

    if arguments.index is not None:
        return open_index(arguments.index)
    profile = load_profile(arguments.profile or DEFAULT_PROFILE, parse_assignments(arguments.set))
    return open_demo_index(profile)


def _report(directory: Path) -> None:
    """Write the page; the figures stand without it where its packages are missing."""
    from evals.report import write_report

    try:
        write_report(directory)
    except MissingExtraError as error:
        sys.stderr.write(f"no report.html: {error}; then python -m evals.report {directory}\n")


if __name__ == "__main__":
    sys.exit(main())
