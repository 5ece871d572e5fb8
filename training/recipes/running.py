"""Runs a recipe step by step: each in a process of its own, what is finished skipped."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib
import io
import json
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.files import read_json, write_json, writing
from retrievers.errors import InputError
from training.finetune.workspace import Workspace
from training.recipes.recipe import CORPUS, OUT, QUESTIONS, Recipe

_STATE = ".steps"  # folder of what is finished, inside the output folder


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step with everything filled in.

    Args:
        name: of the step.
        command: module to run.
        arguments: of it.
        makes: what it writes.
    """

    name: str
    command: str
    arguments: tuple[str, ...]
    makes: Path

    @property
    def shown(self) -> str:
        """As one types it."""
        return shlex.join(["python", "-m", self.command, *self.arguments])

    def digest(self, before: str) -> str:
        """Changes with anything the step does, and with ``before``: the digest of the step before it."""
        return hashlib.sha256(json.dumps([before, self.command, *self.arguments]).encode()).hexdigest()


Run = Callable[[PlannedStep], int]


def plan(recipe: Recipe, out: Path, inputs: Mapping[str, Path]) -> list[PlannedStep]:
    """The steps with their placeholders filled in.

    Raises:
        InputError: an input is missing, unknown or not there.
    """
    if unknown := sorted(set(inputs) - set(recipe.inputs)):
        raise InputError(f"--input {unknown[0]}: the recipe has no such input; it has {_listing(recipe.inputs)}")
    if missing := {name: what for name, what in recipe.inputs.items() if name not in inputs}:
        wanted = "; ".join(f"--input {name}=PATH ({what})" for name, what in missing.items())
        raise InputError(f"the recipe needs what is not shipped: {wanted}")
    if absent := next((path for path in inputs.values() if not path.exists()), None):
        raise InputError(f"{absent}: no such file")
    return fill(recipe, out, inputs)


def fill(recipe: Recipe, out: Path, inputs: Mapping[str, Path]) -> list[PlannedStep]:
    """:func:`plan` without looking whether the inputs are there."""
    values = {OUT: str(out), **_shipped(), **{name: str(path) for name, path in inputs.items()}}
    planned: list[PlannedStep] = []
    for step in recipe.steps:
        makes = out / step.makes
        values[step.name] = str(makes)
        arguments = tuple(argument.format_map(values) for argument in step.arguments)
        planned.append(PlannedStep(step.name, step.command, arguments, makes))
    return planned


def check_flags(steps: Sequence[PlannedStep]) -> None:
    """Parse every step's arguments with its command's own parser, before the first is run.

    Raises:
        InputError: a command does not know them; says what its parser says.
    """
    for step in steps:
        said = io.StringIO()
        try:
            with contextlib.redirect_stderr(said):
                parser_of(step.command).parse_args(list(step.arguments))
        except SystemExit as error:
            reason = said.getvalue().strip().splitlines()[-1:] or [str(error)]
            raise InputError(f"step {step.name}: {reason[0]}") from error


def parser_of(command: str) -> argparse.ArgumentParser:
    """The parser of a command's flags: its module's ``build_parser``, or that of the package's ``__main__``.

    Raises:
        InputError: there is no such command.
    """
    for name in (command, f"{command}.__main__", f"{command}.arguments"):
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            continue
        build: Callable[[], argparse.ArgumentParser] | None = getattr(module, "build_parser", None)
        if build is not None:
            return build()
    raise InputError(f"{command} is no command of this toolkit")


def run_steps(steps: Sequence[PlannedStep], out: Path, *, run: Run, tell: Callable[[str], None]) -> int:
    """Run the steps that are not finished.

    A step is finished when it and all before it ended well with these very arguments, and what it made is there; when
    one is run, all behind it are, too. What a step made before is removed first: it is of another run of the recipe. A
    trainer's unfinished run stays, where it is of these arguments, and the trainer goes on with it.

    Args:
        steps: in order.
        out: folder of the recipe's outputs.
        run: runs one, returns its exit code.
        tell: told of each step.

    Returns:
        0, or the exit code of the step that failed, behind which nothing was run.

    Raises:
        InputError: the folder cannot be written to.
    """
    stale, digest = False, ""
    for number, step in enumerate(steps, start=1):
        digest = step.digest(digest)
        file = out / _STATE / f"{step.name}.json"
        state = read_json(file) if file.is_file() else {}
        if not stale and state == {"digest": digest, "finished": True} and step.makes.exists():
            tell(f"[{number}/{len(steps)}] {step.name}: finished before")
            continue
        stale = True
        with writing(out):
            if state.get("digest") != digest:
                _remove(Workspace(step.makes).folder)
            _remove(step.makes)
            step.makes.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, {"digest": digest, "finished": False})
        tell(f"[{number}/{len(steps)}] {step.name}: {step.shown}")
        if code := run(step):
            tell(f"step {step.name} ended with exit code {code}; the same command goes on with it")
            return code
        write_json(file, {"digest": digest, "finished": True})
    return 0


def run_in_process_of_its_own(step: PlannedStep) -> int:
    """Run a step as a user would; what it prints goes where this process prints.

    A signal to end this process ends the step, which would go on alone otherwise.

    Returns:
        Its exit code; 128 and the number of the signal where one ended it, as shells have it.
    """
    sys.stdout.flush()
    with subprocess.Popen([sys.executable, "-m", step.command, *step.arguments]) as child:
        before = signal.signal(signal.SIGTERM, lambda *_: child.terminate())
        try:
            code = child.wait()
        finally:
            signal.signal(signal.SIGTERM, before)
    return code if code >= 0 else 128 - code


def _shipped() -> dict[str, str]:
    """The demo data: folder of the corpus, file of the questions."""
    from rag.demo import demo_corpus

    corpus = demo_corpus()
    return {CORPUS: str(corpus), QUESTIONS: str(corpus.parents[2] / "rubq_eval.jsonl")}


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _listing(names: Mapping[str, str]) -> str:
    return ", ".join(names) or "none"
