"""Rewards of a run's records, for people and trainers: ``python -m evals.rewards DIR --format trl --out FILE``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from evals.records import PASSAGES_FILE, Passage, QuestionRecord, by_variant, read_passages, read_records
from evals.rewards.formats.base import ExportOptions, LeftOut
from evals.rewards.formats.registry import FORMATS
from evals.rewards.rows import examples
from evals.rewards.weights import load_weights
from rag.command import run_command
from retrievers.errors import InputError

_DEFAULTS = ExportOptions()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 2 for foreseeable mistakes, among them an export without any row; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    return run_command(lambda: _export(arguments))


def _export(arguments: argparse.Namespace) -> int:
    weights = load_weights(arguments.weights)
    records = _records(arguments.records, arguments.variant)
    options = ExportOptions(arguments.threshold, arguments.margin, arguments.split)
    chosen, left_out = FORMATS[arguments.format], LeftOut()
    rows = list(chosen.rows(examples(records, _passages(arguments.records), weights), options, left_out))
    if left_out.reasons:
        sys.stderr.write(f"left out: {left_out}\n")
    if not rows:
        raise InputError(
            f"{arguments.records}: none of {len(records)} records makes a row of format {arguments.format}"
        )
    chosen.write(arguments.out, rows)
    sys.stdout.write(f"{len(rows)} rows of {len(records)} records written to {arguments.out}\n")
    return 0


def _records(path: Path, variants: Sequence[str]) -> list[QuestionRecord]:
    records = read_records(path)
    known = by_variant(records)
    unknown = [variant for variant in variants if variant not in known]
    if unknown:
        raise InputError(f"--variant {unknown[0]!r}: {path} has none of that name; it has {', '.join(known)}")
    return [record for record in records if not variants or record.variant in variants]


def _passages(path: Path) -> dict[str, Passage]:
    """Passages beside the records; without that file no format that shows passages has rows, and says so."""
    beside = (path if path.is_dir() else path.parent) / PASSAGES_FILE
    return read_passages(beside) if beside.is_file() else {}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.rewards",
        description="Turn the records of an evaluation into rewards, rows of trainers among them.",
    )
    parser.add_argument(
        "records", type=Path, metavar="DIR|FILE", help="directory of python -m evals.run, or its questions.jsonl"
    )
    parser.add_argument("--format", choices=FORMATS, required=True, help="what to write")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="file to write")
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="this variant only; repeat for more (default: all)",
    )
    parser.add_argument("--weights", type=Path, metavar="FILE", help="TOML file of weights (default: the shipped one)")
    parser.add_argument(
        "--threshold", type=float, default=_DEFAULTS.threshold, metavar="X",
        help=f"kto: desirable from this reward on; trl-prm: right from this F1 on (default: {_DEFAULTS.threshold})",
    )  # fmt: skip
    parser.add_argument(
        "--margin", type=float, default=_DEFAULTS.margin, metavar="X",
        help=f"dpo: least difference between the rewards of a pair (default: {_DEFAULTS.margin})",
    )  # fmt: skip
    parser.add_argument(
        "--split", default=_DEFAULTS.split, metavar="NAME",
        help=f"verl, search-r1: the part these rows are (default: {_DEFAULTS.split})",
    )  # fmt: skip
    return parser


if __name__ == "__main__":
    sys.exit(main())
