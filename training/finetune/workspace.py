"""Where a run keeps what it has not finished, so that a model's folder appears whole or not at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.files import read_json, write_json, writing
from evals.run.directory import only_process
from retrievers.errors import InputError

_RUN = "run.json"


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folder beside ``out`` that a run works in, ``<out>.unfinished``; it is gone when the model is there.

    Args:
        out: folder of the model to be.
    """

    out: Path

    @property
    def folder(self) -> Path:
        """What the run keeps: checkpoints, and the model while it is written."""
        return self.out.with_name(f"{self.out.name}.unfinished")

    @property
    def model(self) -> Path:
        """Where the model is written before it takes its name."""
        return self.folder / "model"

    def require_free(self) -> None:
        """Tell before any work is done that the result would have no place.

        Raises:
            InputError: ``out`` is a file, or a folder with something in it.
        """
        if self.out.exists() and not (self.out.is_dir() and not any(self.out.iterdir())):
            raise InputError(f"--out {self.out} exists already; choose another folder, or remove this one")

    @contextmanager
    def open(self, configuration: dict[str, Any], *, fresh: bool) -> Iterator[Path]:
        """Make the folder, or go on in what an interrupted run of the same configuration left there.

        Args:
            configuration: everything that decides the run's result, for JSON.
            fresh: throw away what is there.

        Yields:
            The folder.

        Raises:
            InputError: another process is at work in it, it is of another configuration, or cannot be written to.
        """
        self.require_free()
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
        with only_process(self.folder):
            if fresh:
                self._empty()
            self._require_same(json.loads(json.dumps(configuration)))
            shutil.rmtree(self.model, ignore_errors=True)
            try:
                yield self.folder
            except BaseException:
                if not any(self.folder.glob("checkpoint-*")):  # nothing to go on from
                    shutil.rmtree(self.folder, ignore_errors=True)
                raise

    def publish(self) -> None:
        """Give the written model its name and remove the rest."""
        with writing(self.out):
            for path in self.model.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)  # safetensors are written for their owner alone
            if self.out.exists():
                self.out.rmdir()
            self.model.replace(self.out)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _empty(self) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif not path.name.startswith("."):  # the lock is held
                path.unlink()

    def _require_same(self, configuration: dict[str, Any]) -> None:
        file = self.folder / _RUN
        if not file.exists():
            write_json(file, configuration)
            return
        old = read_json(file)
        differing = sorted(key for key in old.keys() | configuration if old.get(key) != configuration.get(key))
        if differing:
            raise InputError(
                f"{self.folder} holds an interrupted run with another {', '.join(differing)}: give the same flags to "
                "go on from it, or --fresh to throw it away"
            )
