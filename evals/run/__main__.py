"""Measure pipelines on an evaluation file: ``python -m evals.run rubq_eval.jsonl``."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from evals.dataset import read_questions
from evals.run.arguments import build_parser, run_options
from rag.command import run_command
from retrievers.errors import InputError, MissingExtraError


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and measure; see ``--help``."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: Namespace) -> int:
    from rich.console import Console

    from evals.run.runner import evaluate
    from evals.run.table import print_summary
    from rag.demo import open_named_or_demo
    from rag.index.engine_flags import check_address, opened_cluster
    from rag.index.progress import progress_bar
    from rag.profile import parse_assignments

    read_questions(arguments.file)  # before an index is opened or built
    if arguments.jobs is not None and arguments.jobs < 1:
        raise InputError(f"--jobs: expected at least 1, got {arguments.jobs}")
    check_address(arguments.engine, arguments.address)
    index, profile = open_named_or_demo(arguments.index, arguments.profile, parse_assignments(arguments.set))
    with index:
        options = run_options(arguments, profile.name)
        with opened_cluster(arguments.engine, arguments.address) as cluster, progress_bar() as progress:
            directory, summary = evaluate(
                arguments.file,
                index,
                options,
                out=arguments.out,
                jobs=arguments.jobs,
                cluster=cluster,
                progress=progress,
            )
    console = Console(highlight=False, width=None if sys.stdout.isatty() else 180)
    print_summary(summary, console)
    _report(directory)
    console.print(f"written to {directory}", soft_wrap=True, markup=False)
    return 0


def _report(directory: Path) -> None:
    """Write the page; the figures stand without it where its packages are missing."""
    from evals.report import write_report

    try:
        write_report(directory)
    except MissingExtraError as error:
        sys.stderr.write(f"no report.html: {error}; then python -m evals.report {directory}\n")


if __name__ == "__main__":
    sys.exit(main())
