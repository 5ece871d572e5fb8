"""What the tests of training data share: files written in a line, and the command run as a user runs it."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from training.data.__main__ import main


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command; arguments may be paths."""

    def run_it(*arguments: object) -> Ran:
        code = main([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run_it


@pytest.fixture
def refused(run: Callable[..., Ran], tmp_path: Path) -> Callable[..., str]:
    """Run the command on something it must refuse: exit code 2, one line of explanation, nothing written."""

    def run_it(*arguments: object) -> str:
        before = sorted(tmp_path.rglob("*"))
        ran = run(*arguments)
        assert ran.code == 2
        assert ran.out == ""
        assert ran.err.startswith("error: ")
        assert ran.err.count("\n") == 1
        assert sorted(tmp_path.rglob("*")) == before
        return ran.err

    return run_it


@pytest.fixture
def write_lines() -> Callable[..., Path]:
    """Write a file of lines: text as it is, anything else as JSON; .gz is packed."""

    def write(path: Path, lines: Iterable[object]) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(
            (line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in lines
        ).encode()
        path.write_bytes(gzip.compress(content, mtime=0) if path.suffix == ".gz" else content)
        return path

    return write


@pytest.fixture
def read_lines() -> Callable[[Path], list[dict[str, Any]]]:
    """Objects of a JSON Lines file."""
    return lambda path: [json.loads(line) for line in path.read_text("utf-8").splitlines()]
