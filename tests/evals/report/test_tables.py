from __future__ import annotations

import json

import pytest

from evals.report.loading import ComparisonSummary, Run, RunSummary, load_run
from evals.report.tables import (
    abstention_table,
    judged_table,
    leaders,
    other_table,
    retrieval_table,
    speed_table,
)


def comparison(baseline: str, candidate: str, p_holm: float, metric: str = "hit@1") -> dict[str, object]:
    return {
        "metric": metric, "baseline": baseline, "candidate": candidate, "questions": 10, "difference": 0.1,
        "low": 0.05, "high": 0.2, "p_holm": p_holm, "wins": 3, "losses": 1, "ties": 6,
    }  # fmt: skip


def run_of(variants: dict[str, dict[str, object]], comparisons: list[dict[str, object]] | None = None) -> Run:
    dataset = {
        "name": "x", "questions": 10, "answerable": 10, "with_answers": 10, "unanswerable": 0, "multi_document": 0,
        "with_passage": 0,
    }  # fmt: skip
    summary = RunSummary.model_validate(
        {
            "dataset": dataset,
            "cutoffs": [1],
            "depth": 50,
            "k": 5,
            "variants": {name: {"questions": 10, **values} for name, values in variants.items()},
            "comparisons": comparisons or [],
        }
    )
    return Run(summary, {name: [] for name in variants}, {})


THREE = {"a": {"hit@1": 0.9}, "b": {"hit@1": 0.88}, "c": {"hit@1": 0.2}}


def test_the_best_is_marked_with_all_that_are_not_significantly_worse() -> None:
    run = run_of(THREE, [comparison("b", "a", 0.4), comparison("a", "c", 0.05), comparison("b", "c", 0.01)])
    assert leaders(run, "hit@1") == ("a", {"b"})
    table = retrieval_table(run, "", "Поиск")
    assert table is not None
    marks = {name: (cells[0].best, cells[0].level) for name, cells in table.rows}
    assert marks == {"a": (True, False), "b": (False, True), "c": (False, False)}


@pytest.mark.parametrize(
    ("comparisons", "why"),
    [
        ([], "nothing was tested"),
        ([comparison("a", "b", 0.4)], "c was not compared with the best"),
        ([comparison("a", "b", 0.4), comparison("a", "c", 0.06)], "no difference stands"),
        ([comparison("a", "b", 0.01, "hit@5"), comparison("a", "c", 0.01, "hit@5")], "another metric was tested"),
    ],
)
def test_nothing_is_marked_where(comparisons, why) -> None:
    assert leaders(run_of(THREE, comparisons), "hit@1") == (None, frozenset()), why


def test_a_comparison_turns_round() -> None:
    one = ComparisonSummary.model_validate(comparison("a", "b", 0.01))
    turned = one.against("b")
    assert (turned.baseline, turned.candidate) == ("b", "a")
    assert (turned.difference, turned.low, turned.high) == (-0.1, -0.2, -0.05)
    assert (turned.wins, turned.losses, turned.ties) == (1, 3, 6)
    assert turned.against("a") == one
    assert one.against("a") is one


def test_counts_and_intervals_stand_under_their_figures() -> None:
    run = run_of({"a": {"hit@1": 0.9, "counts": {"hit@1": 9}, "intervals": {"hit@1": [0.7, 1.0]}}, "b": {}})
    table = retrieval_table(run, "", "Поиск")
    assert table is not None
    assert table.columns[0].note == "n\u00a0=\u00a09"
    (_, first), (_, second) = table.rows
    assert (first[0].text, first[0].note) == ("0,900", "[0,700;\u00a01,000]")
    assert (second[0].text, second[0].note) == ("—", "")


def test_metrics_of_a_judge_have_a_table_of_their_own() -> None:
    run = run_of({"a": {"hit@1": 0.9, "faithfulness": 0.8, "counts": {"faithfulness": 7}}})
    table = other_table(run)
    assert table is not None
    assert [(column.title, column.note) for column in table.columns] == [("faithfulness", "n\u00a0=\u00a07")]
    assert other_table(run_of(THREE)) is None


def test_stages_stand_in_the_order_in_which_they_run() -> None:
    stages = {name: {"p50": 0.1, "p95": 0.25, "mean": 0.1} for name in ("total", "generate", "plan", "retrieve")}
    run = run_of({"a": {"latency": stages, "throughput": 4.0, "tokens": {"input_tokens": 812.4}}, "b": {}})
    table = speed_table(run)
    assert table is not None
    assert [title for title, _ in table.groups] == [
        "поиск, мс", "чтение и ответ, мс", "plan, мс", "всего, мс", "скорость", "токенов на вопрос",
    ]  # fmt: skip
    assert [cell.text for cell in table.rows[0][1]] == [*["100", "250"] * 4, "4,0", "812"]
    assert {cell.text for cell in table.rows[1][1]} == {"—"}


def test_every_figure_of_abstention_has_its_column(make_run) -> None:
    table = abstention_table(load_run(make_run()))
    assert table is not None
    titles = [column.title for column in table.columns]
    assert len(titles) == 8
    assert titles[1:5] == [
        "вопросов с ответом (покрытие)",
        "точность ответов",
        "отказов там, где ответа нет",
        "отказов там, где ответ есть\u00a0↓",
    ]
    assert all(cell.text != "—" for _, cells in table.rows for cell in cells)


def test_judged_means_stand_beside_what_was_not_judged(make_run) -> None:
    directory = make_run()
    assert judged_table(load_run(directory)) is None
    path = directory / "summary.json"
    mean = {"mean": 0.75, "judged": 2, "unjudged": {"abstained": 1, "no number": 2}}
    nobody = {"mean": None, "judged": 0, "unjudged": {"abstained": 5}}
    judged = {"judge": {"model": "судья"}, "variants": {"bm25": {"faithfulness": mean, "context_recall": nobody}}}
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | {"judged": judged}), "utf-8")
    table = judged_table(load_run(directory))
    assert table is not None
    assert table.caption == "Оценка языковой моделью судья"
    [(variant, (first, second))] = table.rows
    assert (variant, first.text, first.note) == ("bm25", "0,750", "n\u00a0=\u00a02, без\u00a0оценки\u00a03")
    assert (second.text, second.note) == ("—", "n\u00a0=\u00a00, без\u00a0оценки\u00a05")
