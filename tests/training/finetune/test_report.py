from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree

import pytest

from training.finetune.ranking import Measured
from training.finetune.report import Report, print_report, write_report

BEFORE = Measured({"ndcg@10": 0.25, "pearson": 0.1}, {"ndcg@10": [0.0] * 15 + [1.0] * 5})
AFTER = Measured({"ndcg@10": 0.75, "pearson": 0.5}, {"ndcg@10": [1.0] * 15 + [0.0] * 5})
POINTS = ({"step": 5, "ndcg@10": 0.5, "loss": 2.0}, {"step": 10, "ndcg@10": 0.75, "loss": 1.0})
REPORT = Report("русская модель", "ndcg@10", BEFORE, AFTER, points=POINTS, facts={"updates": 10, "device": "cpu"})


def test_lines_hold_differences_and_p_values_where_questions_are_known() -> None:
    ndcg, pearson = REPORT.lines
    assert (ndcg.name, ndcg.before, ndcg.after, ndcg.difference) == ("ndcg@10", 0.25, 0.75, 0.5)
    # 20 questions, each differing by 1, the signs summing to 10: P(|S| >= 10) of 20 fair signs is .0414
    assert ndcg.p == pytest.approx(0.0414, abs=0.01)
    assert pearson.p is None


def test_the_table_is_printed_and_written_with_all_numbers_beside_it(tmp_path, capsys) -> None:
    print_report(REPORT)
    printed = capsys.readouterr().out
    assert "русская модель" in printed
    assert "+0.500" in printed
    assert "Updates 10, device cpu." in printed
    write_report(tmp_path, REPORT)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert "| pearson | 0.100 | 0.500 | +0.400 |  |" in text
    numbers = json.loads((tmp_path / "metrics.json").read_text(encoding="utf-8"))
    assert numbers["course"] == [dict(point) for point in POINTS]
    assert numbers["questions"]["after"]["ndcg@10"] == AFTER.questions["ndcg@10"]


def test_a_reranker_s_table_has_its_first_stage() -> None:
    report = Report("x", "ndcg@10", BEFORE, AFTER, baseline=Measured({"ndcg@10": 0.6}))
    assert [line.baseline for line in report.lines] == [0.6, None]
    assert report.metrics().baseline == {"ndcg@10": 0.6}


@pytest.mark.parametrize(("first", "harms"), [(0.8, True), (0.75, True), (0.6, False)])
def test_a_reranker_that_is_worse_than_no_reranker_is_called_so(capsys, first: float, harms: bool) -> None:
    print_report(Report("x", "ndcg@10", BEFORE, AFTER, baseline=Measured({"ndcg@10": first})))
    assert ("reranking with this model does harm" in capsys.readouterr().out) is harms


@pytest.mark.parametrize(
    ("before", "after", "remark"),
    [
        ([0.5, 0.5], [0.5, 0.25], "did not improve ndcg@10"),
        ([0.5, 0.5], [0.75, 0.5], "may be chance (p 1.00)"),
    ],
)
def test_a_doubtful_gain_is_called_so(tmp_path, before, after, remark: str) -> None:
    sides = [Measured({"ndcg@10": sum(values) / 2}, {"ndcg@10": values}) for values in (before, after)]
    write_report(tmp_path, Report("x", "ndcg@10", *sides))
    assert remark in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_the_plot_is_drawn_with_and_without_a_first_measurement(tmp_path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib of the extra train is not installed")
    write_report(tmp_path, REPORT)
    first = (tmp_path / "report.svg").read_bytes()
    assert ElementTree.fromstring(first).tag.endswith("svg")
    write_report(tmp_path, Report("x", "ndcg@10", Measured({}), AFTER, points=POINTS[:1]))
    assert (tmp_path / "report.svg").read_bytes() != first
    write_report(tmp_path, Report("x", "ndcg@10", Measured({}), AFTER))  # stopped before the first evaluation
