"""Plots as SVG text that takes the page's colours, so that they follow its light or dark scheme.

matplotlib draws with placeholder colours; in the SVG each becomes a CSS variable of the page. Text stays text: every
browser has Cyrillic letters, and the file stays small. Equal data give equal bytes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from evals.report import russian
from retrievers.errors import MissingExtraError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = 7  # series colours of the page's style sheet; more series repeat them with another line and marker

_WIDTH = 5.0  # inches; about the width that a plot has on a narrow screen, so that its letters stay readable
_INK, _GRID, _PAPER = "#0a0a01", "#0a0a02", "#0a0a03"
_SERIES = tuple(f"#0b0b{index:02x}" for index in range(COLOURS))
_VARIABLES = {_INK: "--ink", _GRID: "--grid", _PAPER: "--paper"} | {
    colour: f"--series-{index + 1}" for index, colour in enumerate(_SERIES)
}
_MARKERS = ("o", "s", "^", "D", "v", "P", "X")
_LINES = ("-", "--", ":", "-.")
_BINS = 30
_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "text.parse_math": False,  # names of variants are no formulas
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _INK,
    "axes.facecolor": "none",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10.5,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
    "legend.frameon": False,
    "legend.fontsize": 9,
}


@dataclass(frozen=True, slots=True)
class Interval:
    """A difference with its 95 % interval; ``note`` stands beside it."""

    name: str
    value: float
    low: float
    high: float
    note: str
    significant: bool


@dataclass(frozen=True, slots=True)
class Curve:
    """A line through points, and one of them marked.

    Args:
        x: ascending.
        y: of the same length.
        mark: a point ``(x, y)``, None for none.
    """

    x: Sequence[float]
    y: Sequence[float]
    mark: tuple[float, float] | None = None


def require_plots() -> None:
    """Say at once when the packages are missing.

    Raises:
        MissingExtraError: the extra ``eval`` is not installed.
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError as error:
        raise MissingExtraError("The report", "eval") from error


def cutoff_curves(values: Mapping[str, Sequence[float]], cutoffs: Sequence[int], metric: str, name: str) -> str:
    """A metric over its cut-offs, a line a variant.

    Args:
        values: by variant, one a cut-off.
        cutoffs: ascending.
        metric: named on the axis.
        name: of the plot, unique on its page.
    """
    with _axes(name, 3.2 + _legend_height(values)) as (figure, axes):
        places = range(len(cutoffs))  # evenly spaced: the small cut-offs are those that matter
        for index, (variant, column) in enumerate(values.items()):
            axes.plot(places, column, label=variant, clip_on=False, **_series(index))
        axes.set_xticks(places, [str(k) for k in cutoffs])
        axes.set_xlabel("k")
        axes.set_ylabel(f"{metric}@k")
        _comma(axes, "y", 2)
        _legend(figure, values)
        return _svg(figure, name)


def interval_plot(rows: Sequence[Interval], name: str, label: str) -> str:
    """Differences with their intervals around zero, a row each."""
    with _axes(name, 1.3 + 0.34 * len(rows)) as (figure, axes):
        axes.axvline(0, color=_INK, linewidth=1)
        for place, row in enumerate(rows):
            colour = _SERIES[0] if row.significant else _INK
            axes.plot([row.low, row.high], [place, place], color=colour, linewidth=2)
            fill = colour if row.significant else _PAPER
            axes.plot([row.value], [place], "o", color=colour, markerfacecolor=fill, markersize=6)
            axes.annotate(
                row.note, (1.02, place), xycoords=("axes fraction", "data"), va="center", annotation_clip=False
            )
        axes.set_xlabel(label)
        axes.xaxis.set_major_locator(_few_ticks())
        _comma(axes, "x", None)
        _name_rows(axes, [row.name for row in rows])
        return _svg(figure, name)


def outcome_plot(rows: Mapping[str, tuple[int, int, int]], name: str) -> str:
    """Questions won, tied and lost, a bar a variant.

    Args:
        rows: wins, ties and losses by variant.
        name: of the plot.
    """
    parts = (("лучше", _SERIES[2], ""), ("поровну", _GRID, ""), ("хуже", _SERIES[1], "////"))
    with _axes(name, 1.6 + 0.34 * len(rows)) as (figure, axes):
        for place, counts in enumerate(rows.values()):
            left = 0
            for (title, colour, hatch), count in zip(parts, counts, strict=True):
                axes.barh(place, count, 0.62, left, color=colour, hatch=hatch, edgecolor=_PAPER, label=title, lw=0)
                left += count
            axes.annotate(
                " / ".join(map(russian.integer, counts)),
                (1.02, place),
                xycoords=("axes fraction", "data"),
                va="center",
                annotation_clip=False,
            )
        axes.set_xlabel("вопросов")
        axes.margins(x=0)
        _name_rows(axes, list(rows))
        handles, _ = axes.get_legend_handles_labels()
        figure.legend(handles[: len(parts)], [title for title, *_ in parts], loc="outside lower center", ncols=3)
        return _svg(figure, name)


def latency_plot(seconds: Mapping[str, Sequence[float]], stage: str) -> str:
    """Distribution of a stage's time on a logarithmic axis, a row a variant, the median marked."""
    positive = {name: np.maximum(np.array(column), 1e-6) * 1000 for name, column in seconds.items()}
    low = min(float(column.min()) for column in positive.values())
    high = max(float(column.max()) for column in positive.values())
    edges = np.geomspace(low * 0.9, high * 1.1, _BINS + 1)
    with _axes(stage, 1.0 + 0.42 * len(positive)) as (figure, axes):
        for place, column in enumerate(positive.values()):
            counts = np.histogram(column, edges)[0]
            heights = place - 0.85 * counts / counts.max()  # rows grow downwards, so that up is less
            axes.stairs(heights, edges, baseline=place, fill=True, color=_SERIES[0], alpha=0.75)
            axes.plot([float(np.median(column))] * 2, [place, place - 0.85], color=_INK, linewidth=1.4)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(_log_ticks(high / low))
        axes.xaxis.set_major_formatter(lambda value, _: russian.milliseconds(value / 1000).removesuffix(",0"))
        axes.xaxis.set_minor_formatter(lambda *_: "")
        axes.set_xlabel("мс")
        _name_rows(axes, list(positive), space=0.95)
        return _svg(figure, f"latency-{stage}")


def risk_plot(curves: Mapping[str, Curve]) -> str:
    """Risk over coverage, a line a variant; the threshold's point is marked."""
    with _axes("risk", 3.4 + _legend_height(curves)) as (figure, axes):
        for index, (name, curve) in enumerate(curves.items()):
            style = _series(index)
            axes.plot(curve.x, curve.y, label=name, **(style | {"marker": ""}))
            if curve.mark:
                axes.plot(*curve.mark, **(style | {"markersize": 9, "markeredgecolor": _INK, "linestyle": ""}))
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("покрытие: доля вопросов, на которые дан ответ")
        axes.set_ylabel("риск: доля неверных ответов")
        _comma(axes, "x", 1)
        _comma(axes, "y", 1)
        _legend(figure, curves)
        return _svg(figure, "risk")


def reliability_plot(confidence: Sequence[float], accuracy: Sequence[float], counts: Sequence[int]) -> str:
    """Share of right answers over their confidence, against the diagonal of perfect calibration.

    Args:
        confidence: mean confidence of each bin that holds answers.
        accuracy: share of right answers in it.
        counts: answers in it.
    """
    with _axes("reliability", 3.6) as (figure, axes):
        axes.plot([0, 1], [0, 1], "--", color=_INK, linewidth=1)
        for x, y in zip(confidence, accuracy, strict=True):
            axes.plot([x, x], [x, y], color=_SERIES[1], linewidth=1.2)
        axes.plot(confidence, accuracy, "o", color=_SERIES[0], clip_on=False)
        for x, y, count in zip(confidence, accuracy, counts, strict=True):
            axes.annotate(russian.integer(count), (x, y), xytext=(5, 4), textcoords="offset points", fontsize=8)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.02)
        axes.set_xlabel("уверенность")
        axes.set_ylabel("доля верных ответов")
        _comma(axes, "x", 1)
        _comma(axes, "y", 1)
        return _svg(figure, "reliability")


def failure_plot(counts: Mapping[str, Sequence[int]], kinds: Sequence[str], questions: int) -> str:
    """Failures by kind, a stacked bar a variant.

    Args:
        counts: of each variant, in the order of ``kinds``.
        kinds: titles.
        questions: asked; where the axis ends.
    """
    with _axes("failures", 1.7 + 0.34 * len(counts) + 0.2 * len(kinds)) as (figure, axes):
        for place, row in enumerate(counts.values()):
            left = 0
            for index, count in enumerate(row):
                colour = _SERIES[index % COLOURS]
                axes.barh(
                    place, count, 0.62, left, color=colour, hatch="////" * (index % 2), edgecolor=_PAPER, lw=0,
                    label=kinds[index],
                )  # fmt: skip
                left += count
        axes.set_xlim(0, questions)
        axes.set_xlabel("вопросов")
        _name_rows(axes, list(counts))
        handles, _ = axes.get_legend_handles_labels()
        figure.legend(handles[: len(kinds)], list(kinds), loc="outside lower left", ncols=1)
        return _svg(figure, "failures")


@contextmanager
def _axes(salt: str, height: float) -> Iterator[tuple[Figure, Axes]]:
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context():
        mpl.rcdefaults()  # a reader's own matplotlibrc must not change the page
        settings: Any = mpl.rcParams  # typed by a list of every key
        settings.update(_STYLE | {"svg.hashsalt": salt})
        figure = Figure(figsize=(_WIDTH, height), layout="constrained")
        yield figure, figure.add_subplot()


def _series(index: int) -> dict[str, Any]:
    turn = index // COLOURS
    return {
        "color": _SERIES[index % COLOURS],
        "linestyle": _LINES[turn % len(_LINES)],
        "marker": _MARKERS[(index + turn) % len(_MARKERS)],
    }


def _legend_columns(names: Mapping[str, object]) -> int:
    return 1 if max(map(len, names)) > 24 else 2


def _legend_height(names: Mapping[str, object]) -> float:
    return 0.2 * -(-len(names) // _legend_columns(names))


def _legend(figure: Figure, names: Mapping[str, object]) -> None:
    figure.legend(loc="outside lower center", ncols=_legend_columns(names))


def _name_rows(axes: Axes, names: Sequence[str], space: float = 0.5) -> None:
    axes.set_yticks(range(len(names)), list(names))
    axes.set_ylim(len(names) - 0.5, -space)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False, axis="y")


def _comma(axes: Axes, axis: str, digits: int | None) -> None:
    def label(value: float, _: object) -> str:
        if digits is None:
            return russian.signed(round(value, 6), 3).rstrip("0").rstrip(",") or "0"
        return russian.decimal(value, digits)

    (axes.xaxis if axis == "x" else axes.yaxis).set_major_formatter(label)


def _few_ticks() -> Any:
    from matplotlib.ticker import MaxNLocator

    return MaxNLocator(5)


def _log_ticks(ratio: float) -> Any:
    """Ticks for an axis whose ends have this ratio: fewer a decade on a long one, so that labels keep apart."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1.0, 2.0, 5.0) if ratio < 1000 else (1.0,), numticks=12)


def _svg(figure: Figure, name: str) -> str:
    """The figure as an ``<svg>`` element for an HTML page: no declarations, no metadata, ids of its own."""
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    for pattern, replacement in _cleaning(name):
        text = re.sub(pattern, replacement, text, flags=re.DOTALL)
    return text


def _cleaning(name: str) -> list[tuple[str, str | Callable[[re.Match[str]], str]]]:
    prefix = re.sub(r"[^A-Za-z0-9_-]+", "-", name)
    return [
        (r"<metadata>.*?</metadata>\s*", ""),
        (r"<!--.*?-->\s*", ""),
        (r'\s+xmlns(?::\w+)?="[^"]*"', ""),  # HTML needs no declarations
        (r'(<svg[^>]*?) width="[^"]*"', r"\1"),
        (r'(<svg[^>]*?) height="[^"]*"', r'\1 aria-hidden="true" focusable="false"'),
        (r'\bid="', f'id="{prefix}-'),
        (r'href="#', f'href="#{prefix}-'),
        (r"url\(#", f"url(#{prefix}-"),
        ("|".join(_VARIABLES), lambda match: f"var({_VARIABLES[match.group()]})"),
        (r"\n\s*", "\n"),
    ]
