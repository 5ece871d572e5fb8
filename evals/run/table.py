"""A run's figures as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.statistics import SIGNIFICANT
from evals.summary import headline_metrics

_MOST_COMPARISONS = 12


def print_summary(summary: dict[str, Any], console: Console) -> None:
    """Print the table of variants, what was left out, and the significant differences."""
    variants: dict[str, dict[str, Any]] = summary["variants"]
    shown = [name for name in headline_metrics(summary["cutoffs"]) if any(name in one for one in variants.values())]
    console.print(_variant_table(summary, shown))
    for line in _notes(summary, shown):
        console.print(line, soft_wrap=True, markup=False)
    console.print()
    print_comparisons(summary["comparisons"], console)


def print_comparisons(comparisons: Sequence[dict[str, Any]], console: Console) -> None:
    """Print the differences that stand after Holm's correction, largest first, and how many do not."""
    if not comparisons:
        return
    found = sorted(
        (one for one in comparisons if one["p_holm"] <= SIGNIFICANT), key=lambda one: -abs(one["difference"])
    )
    title = f"{len(found)} of {len(comparisons)} paired differences are significant (Holm by metric, {SIGNIFICANT})"
    if not found:
        console.print(title)
        return
    console.print(comparison_table(found[:_MOST_COMPARISONS], title))
    if len(found) > _MOST_COMPARISONS:
        console.print(f"{len(found) - _MOST_COMPARISONS} more in summary.json and report.html")


def comparison_table(comparisons: Sequence[dict[str, Any]], title: str) -> Table:
    """One row a comparison: means, difference with its interval, corrected p-value, wins, losses and ties."""
    table = Table(title=title)
    for column in ("metric", "baseline", "candidate"):
        table.add_column(column)
    for column in ("means", "difference", "95 % interval", "p, Holm", "wins", "losses", "ties"):
        table.add_column(column, justify="right")
    for one in comparisons:
        table.add_row(*_cells(one))
    return table


def _cells(one: dict[str, Any]) -> list[str]:
    return [
        one["metric"],
        one["baseline"],
        one["candidate"],
        f"{one['baseline_mean']:.3f} → {one['candidate_mean']:.3f}",
        f"{one['difference']:+.3f}",
        f"{one['low']:+.3f} … {one['high']:+.3f}",
        f"{one['p_holm']:.4f}",
        *(str(one[name]) for name in ("wins", "losses", "ties")),
    ]


def _variant_table(summary: dict[str, Any], shown: Sequence[str]) -> Table:
    variants: dict[str, dict[str, Any]] = summary["variants"]
    dataset = summary["dataset"]
    title = f"{dataset['name']}: {dataset['questions']} questions, {summary['depth']} candidates each"
    table = Table(title=escape(title))
    table.add_column("variant", no_wrap=True)
    for name in (*shown, "p95, ms"):
        table.add_column(name.replace("passage_", "passage "), justify="right")
    best = {name: max(one.get(name, 0.0) for one in variants.values()) for name in shown}
    for variant, values in variants.items():
        cells = [_cell(values.get(name), best[name]) for name in shown]
        table.add_row(variant, *cells, f"{1000 * values['latency']['total']['p95']:.0f}")
    return table


def _cell(value: float | None, best: float) -> str:
    if value is None:
        return ""
    return f"[bold]{value:.3f}[/bold]" if value == best else f"{value:.3f}"


def _notes(summary: dict[str, Any], shown: Sequence[str]) -> list[str]:
    dataset, threshold = summary["dataset"], summary["threshold"]
    lines = []
    if threshold and "em" in shown:
        lines.append(
            f"em and f1 judge what the user gets: an answer of a confidence below {threshold:g} is withheld"
            " and scores 0; before that it is em_forced and f1_forced in summary.json"
        )
    depth = summary["depth"]
    if deeper := [k for k in summary["cutoffs"] if k > depth]:
        lines.append(
            f"only {depth} candidates were fetched (--depth): metrics at {', '.join(map(str, deeper))} see no"
            " more than those"
        )
    if without := dataset["questions"] - dataset["with_documents"]:
        lines.append(f"questions without a gold document: {without}, left out of the retrieval metrics")
    if threshold is not None and (without := dataset["questions"] - dataset["with_answers"]):
        lines.append(
            f"questions without a gold answer: {without} ({dataset['unanswerable']} of them unanswerable), "
            "left out of the answer metrics"
        )
    if guessed := dataset["guessed_passages"]:
        lines.append(f"questions whose gold passages were told by the words of the answer alone: {guessed}, a guess")
    if missing := dataset["missing_documents"]:
        lines.append(f"gold documents that are not in the index: {missing}, counted as not found")
    if missing := dataset["missing_chunks"]:
        lines.append(f"gold chunks that are not in the index: {missing}, counted as not found (another chunking?)")
    return lines
