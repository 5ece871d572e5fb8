"""Models by name: ``python -m training.models list``, ``show NAME``, ``compare A B``, ``add DIR --name NAME``."""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rag.command import run_command
from retrievers.named_models import APPLICATION, ROOT_VARIABLE, models_root


def list_(arguments: argparse.Namespace) -> int:
    """List models: trained or added ones, and those that ship with the packages."""
    from training.models.catalogue import all_models, as_json
    from training.models.tables import print_list

    models = all_models(arguments.root)
    if arguments.json:
        sys.stdout.write("".join(f"{as_json(model)}\n" for model in models))
    else:
        print_list(models)
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Show a model: where it lies, and its card."""
    from training.models.catalogue import as_json, find_model
    from training.models.tables import print_model

    model = find_model(arguments.name, arguments.root)
    if arguments.json:
        sys.stdout.write(f"{as_json(model)}\n")
    else:
        print_model(model)
    return 0


def compare(arguments: argparse.Namespace) -> int:
    """Compare two models: facts, options that differ, metrics, with a paired test where both kept each question's."""
    from training.models.catalogue import find_model
    from training.models.comparison import compare_models
    from training.models.tables import print_comparison

    first, second = (find_model(name, arguments.root) for name in (arguments.first, arguments.second))
    compared = compare_models(first, second)
    if arguments.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(compared), ensure_ascii=False, default=str) + "\n")
    else:
        print_comparison(first, second, compared)
    return 0


def add(arguments: argparse.Namespace) -> int:
    """Copy a model under the root; profiles then use it by name."""
    from training.models.adding import add_model

    root = arguments.root[0] if arguments.root else None
    folder = add_model(arguments.source, arguments.name, root=root, replace=arguments.force)
    sys.stdout.write(f"{arguments.name} is in {folder}\n")
    if root is not None and root.resolve() != models_root().resolve():
        sys.stderr.write(
            f"profiles look for names in {models_root()}; set {ROOT_VARIABLE}={root} for them to find it\n"
        )
    return 0


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(
        prog="python -m training.models",
        description="List, show, compare and name models. A profile uses a named one as compressor.model, "
        "index.encoder.model or generator.model.",
        epilog=f"Named models lie in ${ROOT_VARIABLE}, or in {APPLICATION}/models of the user's data directory.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, function: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        added.set_defaults(command=function)
        return added

    listing, showing, comparing = command("list", list_), command("show", show), command("compare", compare)
    showing.add_argument("name", metavar="NAME", help="name of a model, or a folder")
    comparing.add_argument("first", metavar="A", help="name of a model, or a folder")
    comparing.add_argument("second", metavar="B", help="name of another, or a folder")
    for reading in (listing, showing, comparing):
        reading.add_argument(
            "--root", action="append", type=Path, default=[], metavar="DIR",
            help="directory of model folders, in place of the usual one; repeatable",
        )  # fmt: skip
        reading.add_argument("--json", action="store_true", help="print JSON")
    adding = command("add", add)
    adding.add_argument("source", type=Path, metavar="MODEL", help="folder of a model, or its one file of weights")
    adding.add_argument("--name", required=True, metavar="NAME", help="letters, digits and ._-")
    adding.add_argument("--root", nargs=1, type=Path, default=[], metavar="DIR", help="in place of the usual one")
    adding.add_argument("--force", action="store_true", help="replace a model of that name")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    command: Callable[[argparse.Namespace], int] = arguments.command
    return run_command(lambda: command(arguments))


if __name__ == "__main__":
    sys.exit(main())
