"""Models as people read them."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.statistics import SIGNIFICANT
from training.finetune.card import TrainingRecord, render_card
from training.models.catalogue import Model
from training.models.comparison import Compared, metrics_of

_HEADLINES = ("ndcg@10", "f1", "mrr@10", "auroc", "pearson")  # the metric a list shows: the first that a model has
_WIDTH = 160  # columns where the output is no terminal
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)


def print_list(models: Sequence[Model]) -> None:
    """A row a model."""
    table = Table(title=f"{len(models)} models")
    for column in ("name", "task", "base", "data", "metric", "format", "MB", "path"):
        table.add_column(column, justify="right" if column == "MB" else "left", overflow="fold")
    for model in models:
        table.add_row(*_row(model))
    _console().print(table)
    for model in models:
        if model.problem:
            _console().print(f"{model.name}: {model.problem}")


def print_model(model: Model) -> None:
    """Facts, then the model card."""
    facts = {
        "name": model.name,
        "path": str(model.path),
        "format": ", ".join(model.formats) or "unknown",
        "MB": _megabytes(model),
        "origin": "shipped" if model.shipped else "trained or added",
    }
    width = max(map(len, facts))
    lines = [f"{name:<{width}}  {value}" for name, value in facts.items()]
    if model.problem:
        lines.append(f"{'record':<{width}}  {model.problem}")
    card = _FRONT.sub("", model.card or (render_card(model.record) if model.record else "")).strip()
    sys.stdout.write("\n".join([*lines, "", card or "It has no card and no record of its training."]) + "\n")


def print_comparison(first: Model, second: Model, compared: Compared) -> None:
    """Facts, options that differ, and metrics with their difference."""
    console = _console()
    console.print(_sides("facts", first, second, compared.facts))
    if compared.options:
        console.print(_sides("options that differ", first, second, compared.options))
    if compared.metrics:
        console.print(_metrics(first, second, compared))
    for line in compared.warnings:
        console.print(f"Their metrics do not compare: {line}.")


def _row(model: Model) -> tuple[str, ...]:
    record = model.record
    return (
        model.name,
        record.task.value if record else "?",
        (record.base or "–") if record else "?",
        _data(record) if record else "?",
        _headline(model),
        " ".join(model.formats) or "?",
        _megabytes(model),
        str(model.path),
    )


def _data(record: TrainingRecord) -> str:
    """``"sberquad.jsonl and 2 more, 51 200 rows"``."""
    files = [file for file in record.data if file.role == "train"]
    if not files:
        return ""
    more = f" and {len(files) - 1} more" if len(files) > 1 else ""
    return f"{files[0].name}{more}, {sum(file.rows for file in files)} rows"


def _megabytes(model: Model) -> str:
    return f"{model.size / 1e6:.3g}"


def _headline(model: Model) -> str:
    """``"ndcg@10 .412 → .587"``, as far as it is known."""
    after = metrics_of(model)
    record = model.record
    wanted = (str(record.options.get("metric", "")) if record else "", *_HEADLINES, *after)
    name = next((name for name in wanted if name in after), None)
    if name is None:
        return ""
    before = record.metrics.before.get(name) if record and not model.export else None
    return f"{name} {'' if before is None else f'{before:.3f} → '}{after[name]:.3f}"


def _sides(title: str, first: Model, second: Model, rows: Mapping[str, tuple[Any, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    for column in ("", first.name, second.name):
        table.add_column(column, overflow="fold")
    for name, values in rows.items():
        table.add_row(name, *("" if value is None else str(value) for value in values))
    return table


def _metrics(first: Model, second: Model, compared: Compared) -> Table:
    table = Table(title=f"metrics; difference is {second.name} minus {first.name}", title_justify="left")
    table.add_column("")
    columns = (first.name, second.name, "difference", *(("95 %", "p") if compared.differences else ()))
    for column in columns:
        table.add_column(column, justify="right")
    for name, (left, right) in compared.metrics.items():
        cells = ["" if value is None else f"{value:.4f}" for value in (left, right)]
        cells.append("" if left is None or right is None else f"{right - left:+.4f}")
        if compared.differences:
            one = compared.differences.get(name)
            sure = "*" if one and one.p <= SIGNIFICANT else ""
            cells += [f"{one.low:+.4f} {one.high:+.4f}", f"{one.p:.4f}{sure}"] if one else ["", ""]
        table.add_row(name, *cells)
    return table


def _console() -> Console:
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else _WIDTH)
