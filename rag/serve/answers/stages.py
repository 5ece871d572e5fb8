"""When the stages of a chain and of the agent begin and end, told from the runs' names."""

from __future__ import annotations

import threading
import time
from uuid import UUID

from rag.serve.events import Event, Tell
from rag.serve.observing.stages import STAGES, RunFollower


class StageTeller(RunFollower):
    """Tells ``stage`` events. A stage inside another of the same name is a part of it.

    Args:
        tell: is given the events, in whichever thread a stage runs.
    """

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._begun: dict[UUID, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def begin(self, run_id: UUID, parent: UUID | None, name: str | None) -> None:  # noqa: ARG002 - its depth is not told
        """A stage that is not inside another of its name is told."""
        with self._lock:
            if name not in STAGES or any(name == begun for begun, _ in self._begun.values()):
                return
            self._begun[run_id] = (name, time.perf_counter())
        self._tell(Event("stage", {"stage": name, "state": "start"}))

    def end(self, run_id: UUID, error: BaseException | None) -> None:  # noqa: ARG002 - what caught it goes on
        """The end of one that was told is told."""
        with self._lock:
            begun = self._begun.pop(run_id, None)
        if begun is not None:
            name, started = begun
            seconds = round(time.perf_counter() - started, 6)
            self._tell(Event("stage", {"stage": name, "state": "done", "seconds": seconds}))
