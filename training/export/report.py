"""What an export changed: a table on stdout, ``parity.json`` for programs, a section of the model card."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from evals.files import write_json
from training.export.options import ExportOptions
from training.export.parity import BATCHES, Agreement, Parity

PARITY = "parity.json"
_FORMAT = 1

_AGREEMENT: tuple[tuple[str, str, str], ...] = (
    ("largest difference of an output", "max_difference", "{:.2g}"),
    ("mean difference", "mean_difference", "{:.2g}"),
    ("mean cosine", "cosine", "{:.5f}"),
    ("lowest cosine", "lowest_cosine", "{:.5f}"),
    ("Kendall's tau of rankings", "kendall", "{:.4f}"),
    ("same passage first", "top_1", "{:.3f}"),
    ("shared of the first ten", "top_10", "{:.3f}"),
    ("same answer", "same_answer", "{:.3f}"),
)
_METRICS = ("hit@1", "recall@10", "mrr@10", "map@10", "ndcg@10", "pearson", "spearman")

Rows = list[list[str]]


def parity_rows(parity: Parity) -> tuple[list[str], Rows]:
    """Header and rows of the table; a column a variant."""
    header = ["", *(variant.name for variant in parity.variants)]
    rows = [
        [label, *(_agreed(variant.agreement, name, form) for variant in parity.variants)]
        for label, name, form in _AGREEMENT
    ]
    rows += [
        [name, *(f"{variant.metrics[name]:.3f}" if name in variant.metrics else "" for variant in parity.variants)]
        for name in _METRICS
    ]
    rows += [
        [f"{parity.unit} a second, {size} at once", *_speeds([variant.speed[size] for variant in parity.variants])]
        for size in BATCHES
    ]
    rows.append(["megabytes", *(f"{variant.size / 1e6:.2f}" for variant in parity.variants)])
    return header, [row for row in rows if any(row[1:])]


def print_parity(parity: Parity, name: str) -> None:
    """The table, and a line for each thing that is worse than allowed, to stdout."""
    header, rows = parity_rows(parity)
    table = Table(title=f"{name}: {parity.questions} questions, {parity.passages} passages, {_threads(parity)}")
    for number, column in enumerate(header):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(highlight=False, soft_wrap=True)
    console.print(table)
    for line in parity.failures:
        console.print(f"not as good as asked for: {line}")


def write_parity(folder: Path, parity: Parity, options: ExportOptions) -> None:
    """Write ``parity.json``."""
    write_json(
        folder / PARITY,
        {
            "format": _FORMAT,
            **dataclasses.asdict(parity),
            "options": options.model_dump(mode="json"),
            "processor": platform.processor() or platform.machine(),
        },
    )


def parity_markdown(parity: Parity) -> str:
    """The table as Markdown."""
    header, rows = parity_rows(parity)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{parity.questions} questions, {parity.passages} passages, {_threads(parity)}.\n\n{table}"


def export_facts(parity: Parity, options: ExportOptions) -> dict[str, Any]:
    """The section ``export`` of ``training.json``; metrics are those of evaluation data alone."""
    export = parity.variants[-1]
    return {
        "format": "onnx",
        "quantize": options.quantize.value,
        "optimize": options.optimize,
        "size": export.size,
        "metrics": {name: round(value, 5) for name, value in export.metrics.items()} if parity.judged else {},
        "agreement": dataclasses.asdict(export.agreement) if export.agreement else {},
        "speed": {str(batch): round(value, 2) for batch, value in export.speed.items()},
        "threads": parity.threads,
    }


def _agreed(agreement: Agreement | None, name: str, form: str) -> str:
    value = None if agreement is None else getattr(agreement, name)
    return "" if value is None else form.format(value)


def _speeds(values: Sequence[float]) -> list[str]:
    """Speeds, those of the exports with how many times the model's they are."""
    return [f"{values[0]:.0f}", *(f"{value:.0f} (×{value / values[0]:.2f})" for value in values[1:])]


def _threads(parity: Parity) -> str:
    return f"{parity.threads} thread{'s' if parity.threads > 1 else ''}"
