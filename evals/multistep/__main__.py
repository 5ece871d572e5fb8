"""Compose multi-step questions of facts, and check them: ``python -m evals.multistep compose FOLDER --pages FILE``."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from evals.multistep.build import SETS, VERDICTS, Built, build, count, differing, write_sets
from evals.multistep.checks import Pages, both_on_first_page, check_drafts, check_facts, check_gaps
from evals.multistep.pages import read_pages
from evals.multistep.verdicts import write_unread
from rag.command import run_command

EXIT_PROBLEMS = 1
_MOST_SHOWN = 40
Command = Callable[[argparse.Namespace], int]


def compose(arguments: argparse.Namespace) -> int:
    """Write the sets of a folder's facts, templates and verdicts, if all that a machine can check holds."""
    built = build(arguments.folder)
    if built.unread:
        return _tell_unread(built, arguments.unread)
    if problems := _problems(built, read_pages(arguments.pages)):
        return _tell(problems)
    out = arguments.out or arguments.folder
    write_sets(built, out)
    for name in SETS:
        _print(f"{out / name}.jsonl: {len(built.judged[name].drafts)} questions")
    return 0


def check(arguments: argparse.Namespace) -> int:
    """Compose anew, check against the pages, and compare with the sets that stand in the folder byte for byte."""
    built = build(arguments.folder)
    pages = read_pages(arguments.pages)
    problems = _problems(built, pages)
    problems += [f"{draft.question.qid}: nobody has read «{draft.question.question}»" for draft in built.unread]
    with tempfile.TemporaryDirectory() as scratch:
        write_sets(built, Path(scratch))
        problems += [
            f"{arguments.folder / name}.jsonl is not what its facts, templates and verdicts make"
            for name in differing(arguments.folder, Path(scratch))
        ]
    if problems:
        return _tell(problems)
    _print_counts(built)
    on_first = both_on_first_page(built.judged["two_step"].drafts, pages)
    _print(f"two-step questions whose answer stands on their first page too: {on_first}")
    return 0


def main(argv: list[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 1 when a check fails or a question is unread; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = _parser().parse_args(argv)
    command: Command = arguments.command
    return run_command(lambda: command(arguments))


def _problems(built: Built, pages: Pages) -> list[str]:
    return [
        *check_facts(built.entities, pages),
        *check_gaps(built.entities, pages),
        *check_drafts(built.drafts, built.entities),
    ]


def _tell_unread(built: Built, file: Path | None) -> int:
    unread = built.unread
    if file is None:
        problems = [f"{draft.question.qid}: nobody has read «{draft.question.question}»" for draft in unread]
        return _tell([*problems[:_MOST_SHOWN], f"{len(unread)} unread; --unread FILE writes verdicts to fill in"])
    write_unread(file, unread)
    sys.stderr.write(f"{file}: {len(unread)} questions to read; append the verdicts to {VERDICTS} and compose again\n")
    return EXIT_PROBLEMS


def _tell(problems: list[str]) -> int:
    for problem in problems[:_MOST_SHOWN]:
        sys.stderr.write(f"error: {problem}\n")
    if (more := len(problems) - _MOST_SHOWN) > 0:
        sys.stderr.write(f"and {more} more\n")
    return EXIT_PROBLEMS


def _print_counts(built: Built) -> None:
    for name in SETS:
        _print(name)
        for heading, counts in count(built.judged[name]).items():
            _print(f"  {heading}: {', '.join(f'{what} {many}' for what, many in counts.items()) or 'none'}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m evals.multistep", description="Compose multi-step questions of facts, and check them."
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for function in (compose, check):
        added = commands.add_parser(function.__name__, help=function.__doc__, description=function.__doc__)
        added.set_defaults(command=function)
        added.add_argument(
            "folder", type=Path, metavar="FOLDER", help="with facts.toml, templates.toml, verdicts.jsonl"
        )
        added.add_argument(
            "--pages",
            type=Path,
            required=True,
            metavar="FILE",
            help="the pages (doc_id, title, text), .jsonl or packed",
        )
        if function is compose:
            added.add_argument("--out", type=Path, metavar="DIR", help="where the sets go (default: FOLDER)")
            added.add_argument("--unread", type=Path, metavar="FILE", help="where verdicts to fill in go")
    return parser


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    sys.exit(main())
