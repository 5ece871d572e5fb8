"""A run on disk: what was measured so far, and whether it is the same run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from evals.files import read_json, write_json
from evals.records import PASSAGES_FILE, QUESTIONS_FILE, Passage, QuestionRecord, dump_record, read_records, write_rows
from retrievers.errors import InputError

RUN_FILE = "run.json"
SUMMARY_FILE = "summary.json"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where a run keeps its records.

    Every record is appended to ``questions.jsonl`` as soon as it is there, so that a killed run loses at most the
    questions being asked; the same command continues it.

    Args:
        path: of the directory.
    """

    path: Path

    def begin(self, configuration: dict[str, Any]) -> list[QuestionRecord]:
        """Make the directory, or find what an earlier run of the same ``configuration`` left.

        Returns:
            The records measured already.

        Raises:
            InputError: the directory holds something else, or a run of another configuration; nothing is touched.
        """
        file = self.path / RUN_FILE
        if not file.exists():
            if self.path.exists() and (not self.path.is_dir() or any(self.path.iterdir())):
                raise InputError(f"{self.path} exists and holds no run; choose another directory with --out")
            write_json(file, configuration)
            return []
        if differing := _differences(read_json(file), configuration):
            raise InputError(
                f"{self.path} holds a run with another {', '.join(differing)}; choose another directory with --out,"
                " or remove this one"
            )
        return self._measured()

    def _measured(self) -> list[QuestionRecord]:
        path = self.path / QUESTIONS_FILE
        if not path.exists():
            return []
        whole, newline, torn = path.read_bytes().rpartition(b"\n")
        if torn:  # the write that the kill interrupted
            path.write_bytes(whole + newline)
        return read_records(path) if whole else []

    def appender(self) -> _Appender:
        """A context in which records are appended."""
        return _Appender(self.path / QUESTIONS_FILE)

    def finish(self, records: Sequence[QuestionRecord], passages: Sequence[Passage], summary: dict[str, Any]) -> None:
        """Write the records in their lasting order, the passages and the summary."""
        write_rows(self.path / QUESTIONS_FILE, records)
        write_rows(self.path / PASSAGES_FILE, passages)
        write_json(self.path / SUMMARY_FILE, summary)


def read_summary(directory: Path) -> dict[str, Any]:
    """Read ``summary.json`` of a finished run.

    Raises:
        InputError: the directory holds no finished run.
    """
    path = directory / SUMMARY_FILE
    if not path.is_file():
        raise InputError(f"{directory} holds no finished run (no {SUMMARY_FILE}); make one with python -m evals.run")
    return read_json(path)


class _Appender:
    """Appends records, each flushed to the operating system before the next question is taken."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO

    def __enter__(self) -> Self:
        self._file = self._path.open("a", encoding="utf-8", newline="\n")
        return self

    def append(self, record: QuestionRecord) -> None:
        """Add one record."""
        self._file.write(dump_record(record))
        self._file.flush()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    # Compared as JSON: a tuple and a list are the same there.
    plain = json.loads(json.dumps(new))
    return sorted(key for key in old.keys() | plain.keys() if old.get(key) != plain.get(key))
