"""Targets one after another, each in its own process, and what came of them."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.fuzzing.watch import ROOT, Finding

_TOLD = 2_000  # characters of a dead process's last words


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one target did under one engine.

    Args:
        target: its name.
        engine: the engine's.
        inputs: run.
        slowest: most processor seconds a megabyte, of inputs of four kilobytes and more.
        grown: bytes by which the process grew.
        seconds: that it took, on the clock.
        findings: what went wrong, each with its smallest input.
    """

    target: str
    engine: str
    inputs: int
    slowest: float
    grown: int
    seconds: float
    findings: tuple[Finding, ...] = ()

    @property
    def errors(self) -> int:
        """Inputs that raised what nobody foresaw, or ended the process."""
        return sum(one.count for one in self.findings if one.kind in {"error", "died"})


def run_target(target: str, engine: str, runs: int, seed: int) -> Outcome:
    """Fuzz one target in a process of its own; one that dies is an outcome too."""
    with tempfile.TemporaryDirectory(prefix="rag-fuzzing-") as folder:
        last = Path(folder, "last")
        command = [sys.executable, "-m", "benchmarks.fuzzing.worker", target, engine, str(runs), str(seed), str(last)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return _outcome(target, engine, done.stdout)
        what = f"ended with code {done.returncode}: {done.stderr.strip()[-_TOLD:]}"
        data = last.read_bytes() if last.exists() else b""
        size = int.from_bytes(data[:8], "little")
        return Outcome(target, engine, 0, 0.0, 0, 0.0, (Finding("died", what, data[8 : 8 + size]),))


def keep(outcomes: Sequence[Outcome], folder: Path) -> None:
    """Write the inputs of findings, a file each, named by target and kind."""
    folder.mkdir(parents=True, exist_ok=True)
    for outcome in outcomes:
        for number, finding in enumerate(outcome.findings):
            (folder / f"{outcome.target}-{outcome.engine}-{finding.kind}-{number}").write_bytes(finding.data)


def _outcome(target: str, engine: str, report: str) -> Outcome:
    told = json.loads(report)
    findings = tuple(
        Finding(one["kind"], one["what"], base64.b64decode(one["data"]), one["count"]) for one in told["findings"]
    )
    return Outcome(target, engine, told["inputs"], told["slowest"], told["grown"], told["seconds"], findings)
