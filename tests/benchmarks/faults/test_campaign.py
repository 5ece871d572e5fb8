"""A sample of the campaign: every operation is killed, and finds the disk full and broken, at some of its writes."""

from __future__ import annotations

import json
import os

import pytest

from benchmarks.faults.campaign import Failure, points
from benchmarks.faults.shim import Boundary, Kind
from tests.benchmarks.faults.conftest import Preloaded

SAMPLE = """
import json, sys, tempfile
from pathlib import Path
from benchmarks.faults.campaign import Failure, run_operation
from benchmarks.faults.operations import OPERATIONS
from benchmarks.faults.shim import Shim
from benchmarks.faults.warm import warm_up

warm_up()
chosen, said = json.loads(sys.argv[2]), {}
with tempfile.TemporaryDirectory(dir=sys.argv[1]) as folder:
    for operation in OPERATIONS:
        if operation.name in chosen:
            kinds = [Failure.KILL, *map(Failure, chosen[operation.name])]
            report = run_operation(operation, kinds, 1, Path(folder).resolve() / operation.name, Shim())
            said[operation.name] = {
                "tried": sum(row.trials for row in report.rows),
                "old": sum(row.old for row in report.rows),
                "new": sum(row.new for row in report.rows),
                "violations": report.violations,
            }
print(json.dumps(said))
"""
# Beside a kill in the middle, one before the switch and one after it. The whole campaign takes all operations.
CHOSEN = {
    "first build": [Failure.FULL],
    "change": [Failure.TEAR],
    "remove": [Failure.DENIED, Failure.BROKEN_ONCE],
    "compact": [],
    "find again": [],
}


@pytest.fixture(scope="module")
def said(run_preloaded: Preloaded, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    done = run_preloaded(SAMPLE, str(memory or tmp_path_factory.mktemp("faults")), json.dumps(CHOSEN))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def test_nothing_is_mixed_lost_or_left_behind(said: dict[str, dict[str, object]]) -> None:
    assert {name: found["violations"] for name, found in said.items() if found["violations"]} == {}


def test_the_sample_has_kills_on_both_sides_of_the_switch(said: dict[str, dict[str, int]]) -> None:
    assert said.keys() == CHOSEN.keys()
    for name, found in said.items():
        assert found["old"] >= 1, name
        assert found["new"] >= 1, name
        assert found["tried"] == found["old"] + found["new"], name


def log(count: int) -> list[Boundary]:
    kinds = [Kind.WRITE if number % 2 else Kind.SYNC for number in range(count)]
    calls = [Boundary(number, kind, "index/x") for number, kind in enumerate(kinds, start=1)]
    calls[count // 2] = Boundary(count // 2 + 1, Kind.RENAME, "index/CURRENT.json.new", "index/CURRENT.json")
    return calls


def test_points_are_spread_and_kills_stand_around_the_switch() -> None:
    assert points(log(10), Failure.KILL, None) == list(range(1, 11))
    assert points(log(100), Failure.KILL, 2) == [26, 51, 52, 76]
    assert points(log(100), Failure.TEAR, 2) == [26, 76]
    assert points(log(10), Failure.TEAR, None) == [2, 4, 8, 10]
    assert points(log(4), Failure.FULL, 100) == [1, 2, 3, 4]
