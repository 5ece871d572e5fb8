"""What the steps of a recipe reached, in one table beside what was published."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.files import read_json, write_json
from training.export.report import PARITY
from training.finetune.card import RECORD, read_record
from training.recipes.baseline import MEASURED
from training.recipes.recipe import Recipe
from training.recipes.running import PlannedStep

RESULTS = "results.json"


@dataclass(frozen=True, slots=True)
class Reached:
    """Metrics of one thing that was measured: "triplet, before"."""

    what: str
    metrics: Mapping[str, float]


def read_results(steps: Sequence[PlannedStep]) -> list[Reached]:
    """What the steps measured, in their order; steps that measure nothing are passed over."""
    return [reached for step in steps for reached in _of_step(step)]


def write_results(out: Path, results: Sequence[Reached]) -> None:
    """Keep them as ``results.json``."""
    write_json(out / RESULTS, {reached.what: dict(reached.metrics) for reached in results})


def print_results(recipe: Recipe, results: Sequence[Reached]) -> None:
    """Print what was reached and, below it, what was published."""
    console = Console()
    shown = [name for name in recipe.metrics if any(name in reached.metrics for reached in results)]
    table = Table(title=escape(recipe.title))
    table.add_column("measured")
    for name in shown:
        table.add_column(name, justify="right")
    for reached in results:
        table.add_row(escape(reached.what), *(_figure(reached.metrics.get(name)) for name in shown))
    console.print(table)
    if recipe.published:
        published = Table(title="published")
        for column in ("what", "metric", "value"):
            published.add_column(column, justify="right" if column == "value" else "left")
        for one in recipe.published:
            published.add_row(escape(one.what), one.metric, f"{one.value:.3f}")
        console.print(published)


def _of_step(step: PlannedStep) -> Iterator[Reached]:
    if (step.makes / MEASURED).is_file():
        yield Reached(step.name, read_json(step.makes / MEASURED)["metrics"])
    elif (step.makes / PARITY).is_file():
        # An encoder's export ranks BM25's candidates, a trainer all passages: its rows compare with one another alone.
        for variant in read_json(step.makes / PARITY)["variants"]:
            yield Reached(f"{step.name}, {variant['name']}, of candidates", variant["metrics"])
    elif (step.makes / RECORD).is_file():
        yield from _of_model(step.name, step.makes)


def _of_model(name: str, folder: Path) -> Iterator[Reached]:
    metrics = read_record(folder).metrics
    for when, values in (("first stage", metrics.baseline), ("before", metrics.before), ("after", metrics.after)):
        if values:
            yield Reached(f"{name}, {when}", values)


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
