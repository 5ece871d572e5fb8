"""The fuzzing harness: what it must notice, shown on targets that go wrong on purpose."""

from __future__ import annotations

import itertools
import time

import pytest

from benchmarks.fuzzing import __main__ as command
from benchmarks.fuzzing import watch as watching
from benchmarks.fuzzing.campaign import Outcome, keep, run_target
from benchmarks.fuzzing.engines import fuzz
from benchmarks.fuzzing.mutation import Mutator
from benchmarks.fuzzing.repetition import repetitions
from benchmarks.fuzzing.target import Budget, Target, bytes_of, foreseen, text_of
from benchmarks.fuzzing.targets import CATALOGUE
from benchmarks.fuzzing.watch import Finding, Watch
from retrievers.errors import InputError

SEEDS = bytes_of("Байкал — озеро, 1642 м.", "")


def target_of(check, **options) -> Target:
    return Target(check, SEEDS, bytes_of("а", "[", "]"), **options)


def breaking(data: bytes) -> None:
    if b"[" in data:
        raise KeyError("скобка")


def test_an_error_is_found_once_with_its_smallest_input_and_its_place():
    watch = Watch(target_of(breaking), measured=False)
    for data in (b"a[b]c", b"ok", b"[", b"[["):
        watch.run(data)
    (finding,) = watch.found.values()
    assert (finding.kind, finding.count, finding.data) == ("error", 3, b"[")
    assert finding.what.startswith("KeyError: 'скобка' at tests/benchmarks/test_fuzzing.py:")
    assert watch.inputs == 4


def test_an_error_that_is_no_exception_is_found_too():
    class PanicError(BaseException):
        pass

    def panic(data: bytes) -> None:
        raise PanicError(data)

    watch = Watch(target_of(panic), measured=False)
    watch.run(b"x")
    assert [one.kind for one in watch.found.values()] == ["error"]


def test_errors_of_the_toolkit_are_what_it_promises():
    with foreseen():
        raise InputError("\ud800")
    with pytest.raises(ValueError, match="other"), foreseen():
        raise ValueError("other")


def test_work_beyond_the_budget_is_found_and_broken_off():
    def endless(data: bytes) -> None:
        while data:
            pass

    budget = Budget(seconds=0.01, seconds_per_megabyte=0.0)
    watch = Watch(target_of(endless, budget=budget))
    watch.run(b"")
    assert not watch.found
    watch.run(b"x")
    (finding,) = watch.found.values()
    assert finding.kind == "slow"
    assert "for 1 bytes, where 0.01 s are allowed" in finding.what


def test_waiting_is_no_work():
    watch = Watch(target_of(lambda _: time.sleep(0.2), budget=Budget(seconds=0.1)))
    watch.run(b"x")
    assert not watch.found


def test_memory_beyond_the_budget_is_found(monkeypatch):
    peaks = iter([100, 100 + 7 * 2**20, 200 + 7 * 2**20, 300 + 7 * 2**20])
    monkeypatch.setattr(watching, "_peak_memory", lambda: next(peaks))
    watch = Watch(target_of(len, budget=Budget(seconds=60.0, memory=2**20, memory_per_byte=2**10)))
    for _ in range(2):
        watch.run(b"x" * 1_024)
    (finding,) = watch.found.values()
    assert finding.what == "7 MiB for 1,024 bytes, where 2 are allowed"
    assert finding.count == 1
    assert watch.grown == 7 * 2**20 + 100


@pytest.mark.parametrize("engine", ["mutate", "repeat", "hypothesis"])
def test_every_engine_runs_so_many_inputs_and_finds_what_is_there(engine):
    watch = Watch(target_of(breaking, longest=300), measured=False)
    fuzz(engine, watch, 60, seed=1)
    assert watch.inputs == 60
    assert len(watch.found) == 1


def test_mutations_are_the_same_for_the_same_seed_and_stay_small():
    def drawn(seed: int) -> list[bytes]:
        mutator = Mutator(SEEDS, bytes_of("[["), seed)
        return [mutator.next() for _ in range(500)]

    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)
    assert len(set(drawn(3))) > 400
    assert max(map(len, drawn(3))) <= 8_192
    assert any(b"[[" in data for data in drawn(3))


def test_repetitions_try_every_piece_by_itself_first():
    made = list(itertools.islice(repetitions(SEEDS, bytes_of("ёж"), 1_000, seed=0), 200))
    assert made[0] == "ёж".encode() * 250
    assert all(len(data) < 2_200 for data in made)
    assert len(set(made)) > 150


def test_text_survives_as_bytes():
    (data,) = bytes_of("а\ud800\0\U0010ffff")
    assert text_of(data) == "а\ud800\0\U0010ffff"
    assert text_of(b"\xff\xd0") == "\ufffd\ufffd"


def test_a_target_runs_in_a_process_of_its_own():
    outcome = run_target("filters", "mutate", 30, seed=0)
    assert (outcome.inputs, outcome.findings) == (30, ())


def test_a_process_that_dies_is_a_finding():
    outcome = run_target("filters", "no-such-engine", 5, seed=0)
    assert [one.kind for one in outcome.findings] == ["died"]
    assert outcome.errors == 1


def test_atheris_runs_in_a_process_of_its_own():
    pytest.importorskip("atheris", reason="atheris has no wheel for this Python")
    outcome = run_target("filters", "atheris", 200, seed=0)
    assert (outcome.inputs, outcome.findings) == (200, ())


def test_the_command_prints_what_was_found_and_keeps_the_inputs(monkeypatch, tmp_path, capsys):
    def run(name: str, engine: str, runs: int, seed: int) -> Outcome:
        finding = Finding("error", "KeyError: [x] at rag/a.py:1", b"\xff[", 2)
        return Outcome(name, engine, runs, 1.5, 2**20, 3.0, (finding,) if name == "filters" else ())

    monkeypatch.setattr(command, "run_target", run)
    arguments = ["--target", "filters", "--target", "plan-file", "--engine", "mutate", "--engine", "repeat"]
    assert command.main([*arguments, "--runs", "1000", "--findings", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    large = CATALOGUE["filters"].large + CATALOGUE["plan-file"].large
    assert f"{2_000 + large:,} inputs" in shown
    assert "filters (mutate), 2 inputs: KeyError: [x] at rag/a.py:1" in shown
    assert {path.name for path in tmp_path.iterdir()} == {"filters-mutate-error-0", "filters-repeat-error-0"}
    assert (tmp_path / "filters-mutate-error-0").read_bytes() == b"\xff["
    assert command.main(["--target", "plan-file", "--engine", "mutate"]) == 0


def test_the_command_refuses_what_it_cannot_run(monkeypatch, capsys):
    assert command.main(["--runs", "0"]) == 2
    assert "--runs" in capsys.readouterr().err
    monkeypatch.setattr(command, "available", lambda engine: engine != "atheris")
    assert command.main(["--engine", "atheris"]) == 2
    assert "pip install atheris" in capsys.readouterr().err


def test_nothing_is_kept_where_nothing_was_found(tmp_path):
    keep([Outcome("filters", "mutate", 10, 0.0, 0, 1.0)], tmp_path / "new")
    assert list((tmp_path / "new").iterdir()) == []
