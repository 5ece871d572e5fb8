"""What the routes of one service share."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rag.serve.cache import GenerationCache
from rag.serve.observing.metrics import Metrics
from rag.serve.options import ServeOptions
from rag.serve.snapshots import Snapshot, Snapshots
from rag.serve.work import Workers

if TYPE_CHECKING:
    from rag.chain import Candidates
    from rag.serve.answers.replies import AnswerReply, SpanReply

_WATCHED_EVERY = 1.0  # seconds between two looks for an update by another process
_WAITING_WRITERS = 8
_LOOKUPS = 2  # threads; what they do takes milliseconds, and most of it is reading a file
_SEARCHES = 200  # kept
_KEPT_CHARACTERS = 16 * 2**20  # in each of the caches: 32 MB, where they are Cyrillic ones


@dataclass(slots=True)
class Service:
    """An index being served; it is started once (:meth:`running`).

    Args:
        snapshots: the index as requests see it.
        options: limits and choices.
        workers: for searching and reading.
        lookups: for what is only looked up, so that it does not wait for those.
        writers: for changes of the index, one after the other.
        answers: given already; emptied when another generation takes over.
        searches: made already, likewise: whoever chooses passages has searched before.
        spans: read already in what searches found, likewise: whoever goes back to a question sees the same again.
        metrics: what is counted.
        ready: whether requests are welcome: not before the start, not while stopping.
    """

    snapshots: Snapshots
    options: ServeOptions
    workers: Workers = field(init=False)
    lookups: Workers = field(init=False)
    writers: Workers = field(init=False)
    answers: GenerationCache[AnswerReply] = field(init=False)
    searches: GenerationCache[Candidates] = field(init=False)
    spans: GenerationCache[Sequence[SpanReply | None]] = field(init=False)
    metrics: Metrics = field(init=False)
    ready: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        options = self.options
        self.workers = Workers(options.workers, options.waiting, options.timeout, "work")
        self.lookups = Workers(_LOOKUPS, options.waiting, options.timeout, "lookup")
        self.writers = Workers(1, _WAITING_WRITERS, options.upload_timeout, "write")
        generation = self.snapshots.generation
        self.answers = GenerationCache(options.cached, _KEPT_CHARACTERS, _size_of_answer, generation)
        self.searches = GenerationCache(_SEARCHES, _KEPT_CHARACTERS, _size_of_search, generation)
        self.spans = GenerationCache(_SEARCHES, _KEPT_CHARACTERS, _size_of_spans, generation)
        self.metrics = Metrics(self._pools, self.snapshots)
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
        for pool in self._pools.values():
            pool.stop()

    @property
    def _pools(self) -> dict[str, Workers]:
        return {"work": self.workers, "lookup": self.lookups, "write": self.writers}

    def _forget(self, snapshot: Snapshot) -> None:
        for cache in (self.answers, self.searches, self.spans):
            cache.turn_to(snapshot.generation)

    def _close(self) -> None:
        for pool in self._pools.values():
            pool.close()
        self.snapshots.close()

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(_WATCHED_EVERY)
            await asyncio.to_thread(self.snapshots.refresh_if_changed)


def _size_of_answer(reply: AnswerReply) -> int:
    return len(reply.model_dump_json())


def _size_of_search(found: Candidates) -> int:
    return sum(len(one.page_content) + len(repr(one.metadata)) for one in found.documents)


def _size_of_spans(spans: Sequence[SpanReply | None]) -> int:
    return sum(len(one.text) for one in spans if one is not None)
