"""When the stages of a chain and of the agent begin and end, told from the runs' names."""

from __future__ import annotations

import threading
import time
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from rag.serve.events import Event, Tell
from rag.serve.observing.tracing import STAGES


class StageTeller(BaseCallbackHandler):
    """Tells ``stage`` events. A stage inside another of the same name is a part of it.

    Args:
        tell: is given the events, in whichever thread a stage runs.
    """

    run_inline = True  # in the order in which things happen

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._begun: dict[UUID, tuple[str, float]] = {}
        self._lock = threading.Lock()

    def on_chain_start(self, *_: Any, run_id: UUID, **named: Any) -> None:
        """A stage may begin."""
        self._begin(run_id, named.get("name"))

    def on_retriever_start(self, *_: Any, run_id: UUID, **named: Any) -> None:
        """A search may begin."""
        self._begin(run_id, named.get("name"))

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A stage may end."""
        self._end(run_id)

    def on_retriever_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A search may end."""
        self._end(run_id)

    def on_chain_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A stage may have failed; what caught that goes on."""
        self._end(run_id)

    def on_retriever_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A search may have failed."""
        self._end(run_id)

    def _begin(self, run_id: UUID, name: str | None) -> None:
        with self._lock:
            if name not in STAGES or any(name == begun for begun, _ in self._begun.values()):
                return
            self._begun[run_id] = (name, time.perf_counter())
        self._tell(Event("stage", {"stage": name, "state": "start"}))

    def _end(self, run_id: UUID) -> None:
        with self._lock:
            begun = self._begun.pop(run_id, None)
        if begun is not None:
            name, started = begun
            seconds = round(time.perf_counter() - started, 6)
            self._tell(Event("stage", {"stage": name, "state": "done", "seconds": seconds}))
