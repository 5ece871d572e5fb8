"""What a run reached: a table on stdout, the same in ``report.md``, all numbers in ``metrics.json``, and a plot."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from evals.files import atomic_write, atomic_write_bytes, write_json
from evals.statistics import SIGNIFICANT, compare_pairs
from retrievers.checkpoints import require_packages
from training.finetune.card import Metrics
from training.finetune.ranking import Measured

METRICS_FILE = "metrics.json"
REPORT_FILE = "report.md"
PLOT_FILE = "report.svg"
_INK, _BEFORE, _AFTER, _BASELINE = "#333333", "#9aa5b1", "#1f6f8b", "#d8dee4"


@dataclass(frozen=True, slots=True)
class Line:
    """A metric's row of the table; ``p`` is that of the paired randomisation test over questions, None without one."""

    name: str
    baseline: float | None
    before: float | None
    after: float
    p: float | None

    @property
    def difference(self) -> float | None:
        """After minus before."""
        return None if self.before is None else self.after - self.before


@dataclass(frozen=True)
class Report:
    """Figures of one run.

    Args:
        name: of the model.
        metric: that chose the best weights.
        before: of the base.
        after: of the trained model.
        baseline: of the order that a reranker's candidates came in; empty for other models.
        points: metrics and loss while training, each with its ``step``.
        facts: of the run and its data, for people.
    """

    name: str
    metric: str
    before: Measured
    after: Measured
    baseline: Measured = field(default_factory=lambda: Measured({}))
    points: Sequence[Mapping[str, float]] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    @functools.cached_property
    def lines(self) -> list[Line]:
        """The table's rows, in the order of the metrics; the tests behind their p-values take a while."""
        p_values = _p_values(self.before, self.after)
        before, baseline = self.before.means, self.baseline.means
        return [
            Line(name, baseline.get(name), before.get(name), value, p_values.get(name))
            for name, value in self.after.means.items()
        ]

    def metrics(self) -> Metrics:
        """For the record beside the weights."""
        return Metrics(
            before=_rounded(self.before.means),
            after=_rounded(self.after.means),
            baseline=_rounded(self.baseline.means),
        )


def print_report(report: Report) -> None:
    """The table, to stdout."""
    header, rows = _cells(report)
    table = Table(title=report.name)
    for number, column in enumerate(header):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    console = Console(soft_wrap=True, highlight=False)
    console.print(table)
    for line in _remarks(report):
        console.print(line)


def write_report(folder: Path, report: Report) -> None:
    """Write ``report.md``, ``metrics.json`` and, where matplotlib is installed, ``report.svg``."""
    header, rows = _cells(report)
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    drawn = _has_matplotlib()
    with atomic_write(folder / REPORT_FILE) as stream:
        parts = [f"# {report.name}", table, *_remarks(report)]
        parts += [f"![{report.metric} while training; metrics before and after]({PLOT_FILE})"] if drawn else []
        stream.write("\n\n".join(parts) + "\n")
    write_json(
        folder / METRICS_FILE,
        {
            "metric": report.metric,
            "before": report.before.means,
            "after": report.after.means,
            "baseline": report.baseline.means,
            "p_values": {line.name: line.p for line in report.lines if line.p is not None},
            "course": [dict(point) for point in report.points],
            "facts": dict(report.facts),
            "questions": {"before": report.before.questions, "after": report.after.questions},
        },
    )
    if drawn:
        draw(folder / PLOT_FILE, report)


def draw(path: Path, report: Report) -> None:
    """The metric's course over the updates, and bars of all metrics before and after.

    Raises:
        MissingExtraError: matplotlib is not installed.
    """
    require_packages("The plot", "matplotlib", extra="train")
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.family": ["DejaVu Sans"], "font.size": 9, "text.parse_math": False}):
        figure = Figure(figsize=(10, 4), layout="constrained")
        course, bars = figure.subplots(1, 2, width_ratios=(1, 1.4))
        _draw_course(course, report)
        _draw_bars(bars, report)
        figure.suptitle(report.name)
        with atomic_write_bytes(path) as stream:
            figure.savefig(stream, format=path.suffix.removeprefix("."), metadata={"Date": None})


def _draw_course(axes: Any, report: Report) -> None:
    measured = [(point["step"], point[report.metric]) for point in report.points if report.metric in point]
    if report.metric in report.before.means:
        measured.insert(0, (0, report.before.means[report.metric]))
    axes.plot([step for step, _ in measured], [value for _, value in measured], "o-", color=_AFTER)
    axes.set_xlabel("updates")
    axes.set_ylabel(report.metric)
    losses = [(point["step"], point["loss"]) for point in report.points if "loss" in point]
    if losses:
        other = axes.twinx()
        other.plot([step for step, _ in losses], [loss for _, loss in losses], "--", color=_BEFORE)
        other.set_ylabel("training loss (dashed)", color=_INK)


def _draw_bars(axes: Any, report: Report) -> None:
    lines = report.lines
    places = np.arange(len(lines))
    sides: list[tuple[str, list[float | None], str]] = [
        ("first stage", [line.baseline for line in lines], _BASELINE),
        ("before", [line.before for line in lines], _BEFORE),
        ("after", [line.after for line in lines], _AFTER),
    ]
    shown = [side for side in sides if any(value is not None for value in side[1])]
    width = 0.8 / len(shown)
    for number, (name, values, colour) in enumerate(shown):
        heights = [0.0 if value is None else value for value in values]
        axes.bar(places + (number - (len(shown) - 1) / 2) * width, heights, width, color=colour, label=name)
    axes.set_xticks(places, [line.name for line in lines], rotation=45, ha="right")
    axes.axhline(0, color=_INK, linewidth=0.6)
    axes.figure.legend(loc="outside upper right", ncols=len(shown), frameon=False)


def _cells(report: Report) -> tuple[list[str], list[list[str]]]:
    lines = report.lines
    baseline = any(line.baseline is not None for line in lines)
    header = ["metric", *(["first stage"] if baseline else []), "before", "after", "difference", "p"]
    rows = [
        [
            line.name,
            *([_figure(line.baseline)] if baseline else []),
            _figure(line.before),
            _figure(line.after),
            "" if line.difference is None else f"{line.difference:+.3f}",
            "" if line.p is None else "<.001" if line.p < 0.001 else f"{line.p:.3f}".lstrip("0"),
        ]
        for line in lines
    ]
    return header, rows


def _remarks(report: Report) -> list[str]:
    facts = ", ".join(f"{name} {value}" for name, value in report.facts.items() if value is not None)
    remarks = [f"{facts[:1].upper()}{facts[1:]}."] if facts else []
    line = next((line for line in report.lines if line.name == report.metric), None)
    if line is not None and line.difference is not None and line.difference <= 0:
        remarks.append(f"Training did not improve {report.metric}: the base is as good or better on this data.")
    elif line is not None and line.p is not None and line.p > SIGNIFICANT:
        remarks.append(f"The gain in {report.metric} may be chance (p {line.p:.2f}): more questions would tell.")
    if line is not None and line.baseline is not None and line.baseline >= line.after:
        remarks.append(f"The first stage alone has the better {report.metric}: reranking with this model does harm.")
    return remarks


def _p_values(before: Measured, after: Measured) -> dict[str, float]:
    names = [name for name in after.questions if len(before.questions.get(name, ())) == len(after.questions[name]) > 0]
    if not names:
        return {}
    columns = [side.questions[name] for side in (before, after) for name in names]
    pairs = [(at, at + len(names)) for at in range(len(names))]
    differences = compare_pairs(np.array(columns, np.float64).T, pairs, seed=0)
    return {name: difference.p for name, difference in zip(names, differences, strict=True)}


def _rounded(means: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 5) for name, value in means.items()}


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _has_matplotlib() -> bool:
    import importlib.util

    return importlib.util.find_spec("matplotlib") is not None
