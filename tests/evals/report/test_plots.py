from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from evals.report import plots
from evals.report.plots import Curve, Interval

for _package in ("jinja2", "matplotlib"):
    pytest.importorskip(_package, reason=f"{_package} of the extra eval is not installed")

DRAWN = {
    "curves": lambda: plots.cutoff_curves({"bm25": [0.5, 0.75], "hybrid": [0.6, 0.8]}, [1, 5], "hit", "curve"),
    "intervals": lambda: plots.interval_plot(
        [Interval("bm25", -0.1, -0.2, -0.05, "p = 0,01", True), Interval("dense", 0.0, 0.0, 0.0, "p = 1", False)],
        "intervals",
        "разность",
    ),
    "outcomes": lambda: plots.outcome_plot({"bm25": (3, 10, 4), "dense": (0, 17, 0)}, "outcomes"),
    "latency": lambda: plots.latency_plot({"bm25": [0.001, 0.002, 0.1], "dense": [0.01]}, "total"),
    "latency of nothing": lambda: plots.latency_plot({"bm25": [0.0, 0.0]}, "total"),
    "risk": lambda: plots.risk_plot({"bm25": Curve([0.5, 1.0], [0.1, 0.4], (0.5, 0.1)), "dense": Curve([1.0], [0.2])}),
    "reliability": lambda: plots.reliability_plot([0.1, 0.9], [0.2, 1.0], [10, 3]),
    "failures": lambda: plots.failure_plot({"bm25": [1, 2], "dense": [0, 0]}, ["первый", "второй"], 10),
}


@pytest.mark.parametrize("name", DRAWN)
def test_a_plot_is_one_svg_in_the_pages_colours(name) -> None:
    svg = DRAWN[name]()
    assert ET.fromstring(svg.replace("xlink:", "")).tag == "svg"
    assert set(re.findall(r"var\((--[\w-]+)\)", svg)) >= {"--ink"}
    assert not re.search(r"#0[ab]0[ab]", svg)
    assert "xmlns" not in svg
    assert "metadata" not in svg
    assert svg == DRAWN[name]()


def test_no_two_of_many_variants_look_alike() -> None:
    series = [plots._series(index) for index in range(14)]
    assert len({tuple(sorted(one.items())) for one in series}) == 14
    svg = plots.cutoff_curves({f"variant {index}": [index / 14, 1.0] for index in range(14)}, [1, 5], "hit", "curve")
    assert all(f">variant {index}<" in svg for index in range(14))


def test_russian_letters_stay_letters() -> None:
    svg = DRAWN["outcomes"]()
    assert "вопросов" in svg
    assert "поровну" in svg


def test_names_are_no_formulas_and_no_markup() -> None:
    svg = plots.outcome_plot({"a_$x^2$<b>": (1, 1, 1)}, "outcomes")
    assert "a_$x^2$&lt;b&gt;" in svg


def test_a_readers_own_style_changes_nothing(monkeypatch) -> None:
    import matplotlib as mpl

    expected = DRAWN["curves"]()
    with mpl.rc_context({"axes.facecolor": "red", "font.size": 30}):
        assert DRAWN["curves"]() == expected
        assert mpl.rcParams["font.size"] == 30
