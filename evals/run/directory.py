"""A run on disk: what was measured so far, and whether it is the same run."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.files import LineAppender, drop_torn_line, read_json, remove_leftovers, write_json, writing
from evals.records import PASSAGES_FILE, QUESTIONS_FILE, Passage, QuestionRecord, read_records, write_rows
from rag.errors import IndexLockedError
from rag.index.locks import writer_lock
from retrievers.errors import InputError

RUN_FILE = "run.json"
SUMMARY_FILE = "summary.json"
JUDGED = "judged"  # key of the summary under which evals.judged leaves its means
_LOCK_FILE = ".lock"


@dataclass(frozen=True, slots=True)
class RunDirectory:
    """Where a run keeps its records.

    Every record is appended to ``questions.jsonl`` as soon as it is there, so that a killed run loses at most the
    questions being asked; the same command continues it.

    Args:
        path: of the directory.
    """

    path: Path

    @contextmanager
    def begin(self, configuration: dict[str, Any]) -> Iterator[list[QuestionRecord]]:
        """Make the directory, or find what an earlier run of the same ``configuration`` left, and keep others out.

        Yields:
            The records measured already.

        Raises:
            InputError: the directory holds something else, or a run of another configuration (nothing is touched then),
                another process is at work in it, or it cannot be written to.
        """
        if not self._usable():
            raise InputError(f"{self.path} exists and holds no run; choose another directory with --out")
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        with only_process(self.path):
            for name in (RUN_FILE, QUESTIONS_FILE, PASSAGES_FILE, SUMMARY_FILE):
                remove_leftovers(self.path / name)
            self._require_same(configuration)
            yield self._measured()

    def _usable(self) -> bool:
        if not self.path.exists() or (self.path / RUN_FILE).exists():
            return True
        # A run killed before its first file was whole leaves its lock alone, or with a temporary file.
        return self.path.is_dir() and all(
            file.name == _LOCK_FILE or file.name.startswith(f".{RUN_FILE}") for file in self.path.iterdir()
        )

    def _require_same(self, configuration: dict[str, Any]) -> None:
        file = self.path / RUN_FILE
        if not file.exists():
            write_json(file, configuration)
        elif differing := _differences(read_json(file), configuration):
            raise InputError(
                f"{self.path} holds a run with another {', '.join(differing)}; choose another directory with --out,"
                " or remove this one"
            )

    def _measured(self) -> list[QuestionRecord]:
        path = self.path / QUESTIONS_FILE
        with writing(path):
            drop_torn_line(path)
        return read_records(path) if path.exists() and path.stat().st_size else []

    def appender(self) -> LineAppender:
        """A context in which records are appended."""
        return LineAppender(self.path / QUESTIONS_FILE)

    def finish(self, records: Sequence[QuestionRecord], passages: Sequence[Passage], summary: dict[str, Any]) -> None:
        """Write the records in their lasting order, the passages and the summary; judgements in it stay."""
        write_rows(self.path / QUESTIONS_FILE, records)
        write_rows(self.path / PASSAGES_FILE, passages)
        file = self.path / SUMMARY_FILE
        judged = read_json(file).get(JUDGED) if file.exists() else None
        write_json(file, summary if judged is None else {**summary, JUDGED: judged})


@contextmanager
def only_process(directory: Path) -> Iterator[None]:
    """Keep other processes from writing a run's directory; the lock goes with its process, however that ends.

    Raises:
        InputError: another process holds it, or the directory cannot be written to.
    """
    with ExitStack() as held:
        try:
            with writing(directory / _LOCK_FILE):
                held.enter_context(writer_lock(directory / _LOCK_FILE))
        except IndexLockedError as error:
            raise InputError(f"another process is at work in {directory}; wait for it, or choose another") from error
        yield


def read_summary(directory: Path) -> dict[str, Any]:
    """Read ``summary.json`` of a finished run.

    Raises:
        InputError: the directory holds no finished run.
    """
    path = directory / SUMMARY_FILE
    if not path.is_file():
        raise InputError(f"{directory} holds no finished run (no {SUMMARY_FILE}); make one with python -m evals.run")
    return read_json(path)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    # Compared as JSON: a tuple and a list are the same there.
    plain = json.loads(json.dumps(new))
    return sorted(key for key in old.keys() | plain.keys() if old.get(key) != plain.get(key))
