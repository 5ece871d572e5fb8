"""The page: what stands on it, and how it is written."""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.files import atomic_write
from evals.report import facts, figures, plots, russian
from evals.report.failing import TITLES, failure_counts, failures_by_variant
from evals.report.loading import Run, load_run
from evals.report.tables import (
    Table,
    abstention_table,
    answer_table,
    citation_table,
    comparison_table,
    cutoff_tables,
    judged_table,
    other_table,
    retrieval_table,
    speed_table,
)
from evals.scoring import PASSAGE_PREFIX
from retrievers.errors import MissingExtraError

if TYPE_CHECKING:
    from jinja2 import Environment

REPORT_FILE = "report.html"


def write_report(directory: Path) -> Path:
    """Write ``report.html`` of a finished run: one file that loads nothing from anywhere.

    Args:
        directory: with ``summary.json``, ``questions.jsonl`` and ``passages.jsonl``.

    Returns:
        Path of the page. Equal files give an equal page.

    Raises:
        InputError: a file is missing or broken.
        MissingExtraError: the extra ``eval`` is not installed.
    """
    environment = _environment()
    plots.require_plots()
    page = environment.get_template("report.html").render(_content(load_run(directory)))
    path = directory / REPORT_FILE
    with atomic_write(path) as file:
        file.write(page)
    return path


def _environment() -> Environment:
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
    except ImportError as error:
        raise MissingExtraError("The report", "eval") from error
    environment = Environment(
        loader=PackageLoader("evals.report"),
        autoescape=True,  # questions and passages are data, whatever they hold
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": russian.counted,
        "integer": russian.integer,
        "decimal": russian.decimal,
    }
    return environment


def _content(run: Run) -> dict[str, Any]:
    script = _template_text("filter.js")
    counts = failure_counts(run)
    return {
        "run": run,
        "nouns": russian,
        "style": _template_text("style.css"),
        "script": script,
        "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        "facts": list(facts.measured(run)),
        "left_out": list(facts.left_out(run)),
        "asked": list(facts.asked(run)),
        "by_document": retrieval_table(run, "", "Поиск по\u00a0документам"),
        "by_passage": retrieval_table(run, PASSAGE_PREFIX, "Поиск по\u00a0отрывкам"),
        "by_document_full": cutoff_tables(run, ""),
        "by_passage_full": cutoff_tables(run, PASSAGE_PREFIX),
        "tables": _answer_tables(run),
        "speed": speed_table(run),
        "curves": list(figures.curves(run)),
        "duels": list(figures.duels(run)),
        "comparisons": _comparison_tables(run),
        "latency": list(figures.latency(run)),
        "abstention": list(figures.abstention(run)),
        "failures": failures_by_variant(run),
        "failure_plot": figures.failures(run, counts),
        "failure_counts": counts,
        "failure_titles": TITLES,
    }


def _template_text(name: str) -> str:
    return resources.files("evals.report").joinpath("templates", name).read_text(encoding="utf-8")


def _answer_tables(run: Run) -> list[Table]:
    tables = (answer_table(run), abstention_table(run), citation_table(run), judged_table(run), other_table(run))
    return [table for table in tables if table]


def _comparison_tables(run: Run) -> list[Table]:
    metrics = dict.fromkeys(one.metric for one in run.summary.comparisons)
    return [
        comparison_table([one for one in run.summary.comparisons if one.metric == metric], metric) for metric in metrics
    ]
