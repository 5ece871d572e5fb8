"""What the routes of one service share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.serve.cache import GenerationCache
from rag.serve.observing.metrics import Metrics
from rag.serve.options import ServeOptions
from rag.serve.snapshots import Snapshot, Snapshots
from rag.serve.work import Workers

if TYPE_CHECKING:
    from rag.chain import Candidates
    from rag.serve.replies import AnswerReply

_WATCHED_EVERY = 1.0  # seconds between two looks for an update by another process
_WAITING_WRITERS = 8
_SEARCHES = 200  # kept; about 100 KB each


@dataclass(slots=True)
class Service:
    """An index being served; it is started once (:meth:`running`).

    Args:
        snapshots: the index as requests see it.
        options: limits and choices.
        workers: for searching and reading.
        writers: for changes of the index, one after the other.
        answers: given already; emptied when another generation takes over.
        searches: made already, likewise: whoever chooses passages has searched before.
        metrics: what is counted.
        ready: whether requests are welcome: not before the start, not while stopping.
    """

    snapshots: Snapshots
    options: ServeOptions
    workers: Workers = field(init=False)
    writers: Workers = field(init=False)
    answers: GenerationCache[AnswerReply] = field(init=False)
    searches: GenerationCache[Candidates] = field(init=False)
    metrics: Metrics = field(init=False)
    ready: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        options = self.options
        self.workers = Workers(options.workers, options.waiting, options.timeout, "work")
        self.writers = Workers(1, _WAITING_WRITERS, options.upload_timeout, "write")
        generation = self.snapshots.generation
        self.answers = GenerationCache(options.cached, generation)
        self.searches = GenerationCache(_SEARCHES, generation)
        self.metrics = Metrics(self.workers, self.writers, self.snapshots)
        self.snapshots.on_switch.append(self._forget)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watch the index while the block runs, then end all work and close the index."""
        watching = asyncio.create_task(self._watch())
        self.ready = True
        try:
            yield
        finally:
            self.stop()
            watching.cancel()
            await asyncio.to_thread(self._close)

    def stop(self) -> None:
        """Take nothing new and tell everything at work to stop."""
        self.ready = False
        self.workers.stop()
        self.writers.stop()

    def _forget(self, snapshot: Snapshot) -> None:
        self.answers.turn_to(snapshot.generation)
        self.searches.turn_to(snapshot.generation)

    def _close(self) -> None:
        self.workers.close()
        self.writers.close()
        self.snapshots.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCHED_EVERY)
            await asyncio.to_thread(self.snapshots.refresh_if_changed)
