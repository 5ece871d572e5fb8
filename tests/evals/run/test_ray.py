"""Measuring on Ray: the same records, and the same way on after a stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from evals.dataset import read_questions
from evals.records import read_records
from evals.run.__main__ import main
from evals.run.options import RunOptions, variants_of
from evals.run.ray_workers import measure_on_ray
from evals.run.workers import Measurer, Plan, Task, measure_all
from rag.index import Index, build_index, open_index
from rag.profile import load_profile
from retrievers.errors import ToolkitError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An index over a part of the demo corpus."""
    directory = tmp_path_factory.mktemp("index") / "demo"
    gold = {doc_id for question in read_questions(ROOT / "rubq_eval.jsonl")[:8] for doc_id in question.gold_doc_ids}
    texts = [path for path in sorted((ROOT / "rag" / "demo" / "corpus").rglob("*.md")) if path.stem in gold]
    build_index(texts, directory, load_profile().index, profile="offline")
    with open_index(directory) as opened:
        yield opened


@pytest.fixture(scope="module")
def plan(index: Index) -> Plan:
    options = RunOptions(retrievers=("bm25",), rerank=(False,), answers=True)
    variants = variants_of(options, options.resolve_profile())
    return Plan(index.directory, index.manifest.generation, tuple(variants), options.cutoffs, 0.5)


@pytest.fixture(scope="module")
def tasks(plan: Plan) -> list[Task]:
    questions = read_questions(ROOT / "rubq_eval.jsonl")[:8]
    return [(question, variant.name) for variant in plan.variants for question in questions]


def untimed(records: Any) -> list[dict[str, Any]]:
    rows = sorted((record.model_dump() for record in records), key=lambda row: str(row["qid"]))
    for row in rows:
        del row["timings"]
    return rows


def test_the_records_are_those_of_this_process(index: Index, plan: Plan, tasks: list[Task], ray_cluster: str) -> None:
    on_ray = list(measure_on_ray(plan, tasks, jobs=2))
    assert len(on_ray) == len(tasks)
    assert untimed(on_ray) == untimed(measure_all(plan, index, tasks, jobs=1))


def test_an_index_that_changed_is_told_by_the_workers(plan: Plan, tasks: list[Task]) -> None:
    result = Measurer(replace(plan, generation="000009-00000000")).measure(tasks[0])
    assert isinstance(result, str)
    assert "was changed while the run went on" in result


def test_an_address_without_ray_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(ROOT / "rubq_eval.jsonl"), "--address", "auto", "--out", str(tmp_path / "run")]) == 2
    assert "add --engine ray" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_on_ray(
    index: Index, tmp_path: Path, ray_cluster: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evals.run import ray_workers

    flags = [str(ROOT / "rubq_eval.jsonl"), "--limit", "8", "--index", str(index.directory), "--retrievers", "bm25"]
    flags += ["--compressor", "off", "--answers"]
    assert main([*flags, "--out", str(tmp_path / "whole"), "--jobs", "1"]) == 0
    asked: list[int] = []
    measured = ray_workers.measure_on_ray

    def stopped(plan: Plan, tasks: list[Task], **options: Any) -> Any:
        asked.append(len(tasks))
        for number, record in enumerate(measured(plan, tasks, **options)):
            if len(asked) == 1 and number == 3:
                raise ToolkitError("stopped")
            yield record

    monkeypatch.setattr(ray_workers, "measure_on_ray", stopped)
    on_ray = [*flags, "--out", str(tmp_path / "ray"), "--engine", "ray"]
    assert [main(on_ray), main(on_ray)] == [2, 0]
    assert asked == [8, 5]
    whole, resumed = (read_records(tmp_path / name) for name in ("whole", "ray"))
    assert untimed(resumed) == untimed(whole)
