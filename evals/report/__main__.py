"""Write a run's report anew: ``python -m evals.report DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.report.page import write_report
from rag.command import run_command


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m evals.report", description="Write report.html from the files of a finished run."
    )
    parser.add_argument("directory", type=Path, metavar="DIR", help="what python -m evals.run wrote (its --out)")
    arguments = parser.parse_args(argv)
    return run_command(lambda: _write(arguments.directory))


def _write(directory: Path) -> int:
    sys.stdout.write(f"{write_report(directory)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
