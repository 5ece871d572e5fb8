"""Callbacks of transformers' trainers: a progress bar on stderr, silent when that is no terminal."""

from __future__ import annotations

import sys
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


def callback(kind: type, *arguments: Any) -> Any:
    """An object of ``kind`` as a callback of transformers, which is imported no sooner than here."""
    from transformers import TrainerCallback

    return type(kind.__name__, (kind, TrainerCallback), {})(*arguments)


class ProgressBar:
    """Updates made, the time left, and the last value of the metric that chooses the best weights.

    Args:
        metric: its name.
    """

    def __init__(self, metric: str) -> None:
        self._metric = metric
        self._progress = Progress(
            TextColumn("Training"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._bar = self._progress.add_task("Training", total=None, note="")

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Start the bar where the run starts, which is not 0 when it goes on from a checkpoint."""
        self._progress.update(self._bar, total=state.max_steps, completed=state.global_step)
        self._progress.start()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """One update more."""
        self._progress.update(self._bar, completed=state.global_step)

    def on_evaluate(self, args: Any, state: Any, control: Any, metrics: dict[str, float], **_: Any) -> None:  # noqa: ARG002
        """Show the metric."""
        value = metrics.get(f"eval_{self._metric}")
        if value is not None:
            self._progress.update(self._bar, note=f"{self._metric} {value:.3f}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """Stop the bar."""
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was; a second time does nothing."""
        self._progress.stop()
