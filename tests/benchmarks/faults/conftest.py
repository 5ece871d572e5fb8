from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.faults.shim import build_shim, preloaded, why_not

Preloaded = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def run_preloaded(tmp_path_factory: pytest.TempPathFactory) -> Preloaded:
    """Runs Python code with the shim: ``run_preloaded(code, *arguments)``."""
    reason = why_not()
    if reason:
        pytest.skip(reason)
    library = build_shim(tmp_path_factory.mktemp("shim"))
    root = Path(__file__).parents[3]

    def run(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments],
            env={**preloaded(library), "PYTHONPATH": str(root)},
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )

    return run
