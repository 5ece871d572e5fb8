"""Experiments as recipes: ``python -m training.recipes``, ``show NAME``, ``run NAME --out DIR``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rag.command import run_command
from retrievers.errors import InputError
from training.recipes.recipe import Recipe, load_recipe, recipe_names
from training.recipes.results import print_results, read_results, write_results
from training.recipes.running import PlannedStep, check_flags, fill, plan, run_in_process_of_its_own, run_steps

Command = Callable[[argparse.Namespace], int]
_PLACE = Path("OUT")  # stands for the output folder where a recipe is only shown


def list_(arguments: argparse.Namespace) -> int:
    """List the recipes."""
    del arguments
    names = recipe_names()
    width = max(map(len, names))
    for name in names:
        recipe = load_recipe(name)
        _print(f"{name:<{width}}  {recipe.title}{'' if not recipe.inputs else ' (needs data and models of the hub)'}")
    return 0


def show(arguments: argparse.Namespace) -> int:
    """Print a recipe: what it is about, what it needs, its commands, and published figures."""
    recipe = load_recipe(arguments.name)
    _print(f"{recipe.title}\n\n{recipe.about.strip()}\n")
    for what in recipe.needs:
        _print(f"needs: {what}")
    for name, what in recipe.inputs.items():
        _print(f"--input {name}=PATH: {what}")
    if recipe.small:
        _print(f"small twin, on what is shipped: {recipe.small}")
    _print("")
    _print_commands(plan_to_show(recipe))
    if recipe.published:
        _print(f"\npublished ({recipe.source}):")
        for one in recipe.published:
            _print(f"  {one.what}: {one.metric} {one.value:.3f}")
    return 0


def run(arguments: argparse.Namespace) -> int:
    """Run a recipe; a run that was interrupted goes on, what is finished is skipped."""
    recipe = load_recipe(arguments.name)
    out = arguments.out
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out} is no folder")
    steps = plan(recipe, out, dict(arguments.input))
    check_flags(steps)
    if arguments.dry_run:
        _print_commands(steps)
        return 0
    code = run_steps(steps, out, run=run_in_process_of_its_own, tell=_tell)
    if code:
        return code
    results = read_results(steps)
    write_results(out, results)
    print_results(recipe, results)
    return 0


def plan_to_show(recipe: Recipe) -> list[PlannedStep]:
    """The steps with words where the user's folder and files will stand."""
    return fill(recipe, _PLACE, {name: Path(name.upper()) for name in recipe.inputs})


def build_parser() -> argparse.ArgumentParser:
    """The command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.recipes", description=__doc__)
    parser.set_defaults(command=list_)
    commands = parser.add_subparsers(metavar="COMMAND")

    def command(name: str, function: Command) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=function.__doc__, description=function.__doc__)
        added.set_defaults(command=function)
        return added

    command("list", list_)
    showing, running = command("show", show), command("run", run)
    for taking in (showing, running):
        taking.add_argument("name", metavar="NAME", help="recipe, or the path of a .toml file")
    running.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of everything it makes")
    running.add_argument(
        "--input", type=_named_path, action="append", default=[], metavar="NAME=PATH", help="a file the recipe needs"
    )
    running.add_argument("--dry-run", action="store_true", help="print the commands and stop")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command.

    Returns:
        0; the exit code of a step that failed; 2 for foreseeable mistakes; 130 after Ctrl-C.
    """
    arguments = build_parser().parse_args(argv)
    command: Command = arguments.command
    return run_command(lambda: command(arguments))


def _named_path(value: str) -> tuple[str, Path]:
    name, separator, path = value.partition("=")
    if not separator or not name or not path:
        raise argparse.ArgumentTypeError(f"expected NAME=PATH, got {value!r}")
    return name, Path(path)


def _print_commands(steps: Sequence[PlannedStep]) -> None:
    for step in steps:
        _print(step.shown)


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
