"""CPU work off the event loop: so many threads, so many requests waiting, and everything can be stopped.

A request is a :class:`Job`. It ends early when its time is up, when its client has gone or when the service stops: the
job is told, and whatever works for it stops at its next check, which every stage of a chain makes by the job's
callbacks (:attr:`Job.config`) and everything else by :meth:`Job.check`.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from rag.serve.observing.tracing import stage_callbacks
from rag.serve.problems import Code, Problem, stopping

Result = TypeVar("Result")
Part = TypeVar("Part")
Emit = Callable[[Part], None]

_LONGEST_RETRY = 60  # seconds
_WEIGHT = 0.1  # of the newest job in the mean of their seconds


class StoppedError(Exception):
    """The job was told to stop; nobody waits for what it would have brought."""


class _Checking(BaseCallbackHandler):
    """Checks the job whenever a stage begins or a token comes."""

    raise_error = True  # callbacks swallow errors otherwise
    run_inline = True

    def __init__(self, job: Job) -> None:
        self._job = job

    def on_chain_start(self, *_: Any, **__: Any) -> None:
        """Before a chain or a stage of one."""
        self._job.check()

    def on_retriever_start(self, *_: Any, **__: Any) -> None:
        """Before a search."""
        self._job.check()

    def on_chat_model_start(self, *_: Any, **__: Any) -> None:
        """Before a language model is asked."""
        self._job.check()

    def on_llm_start(self, *_: Any, **__: Any) -> None:
        """Before a language model is asked."""
        self._job.check()

    def on_llm_new_token(self, *_: Any, **__: Any) -> None:
        """While it writes."""
        self._job.check()


@dataclass(slots=True, eq=False)
class Job:
    """One request's work.

    Args:
        cancel: set when it is to stop.
        callbacks: others that follow its stages, as tracing does.
    """

    cancel: threading.Event = field(default_factory=threading.Event)
    callbacks: tuple[BaseCallbackHandler, ...] = ()

    def check(self) -> None:
        """Stop here if nobody waits any more.

        Raises:
            StoppedError: so it is.
        """
        if self.cancel.is_set():
            raise StoppedError

    @property
    def config(self) -> RunnableConfig:
        """What runnables of this job are called with."""
        return {"callbacks": [_Checking(self), *self.callbacks]}


class Workers:
    """Threads for the work of requests, and a queue of known length before them.

    Args:
        threads: that work.
        waiting: jobs that may wait for one.
        timeout: seconds a job may take, waiting included.
        name: of the threads.
    """

    def __init__(self, threads: int, waiting: int, timeout: float, name: str) -> None:
        self._threads, self._most, self._timeout = threads, threads + waiting, timeout
        self._executor = ThreadPoolExecutor(threads, thread_name_prefix=name)
        self._jobs: set[Job] = set()  # touched by the event loop's thread alone
        self._seconds = 0.1
        self._stopping = False

    @property
    def running(self) -> int:
        """Jobs at work."""
        return min(len(self._jobs), self._threads)

    @property
    def waiting(self) -> int:
        """Jobs that wait for a thread."""
        return max(0, len(self._jobs) - self._threads)

    async def run(self, work: Callable[[Job], Result]) -> Result:
        """Do ``work`` in a thread and wait for it; cancelling the task that waits stops the work.

        Raises:
            Problem: busy, out of time, or stopping.
        """
        with self._admitted(work) as future:
            await asyncio.wait({future}, timeout=self._timeout)
            if not future.done():
                raise self._late()
            with _told_of_stopping():
                return future.result()

    async def stream(
        self, work: Callable[[Job, Emit[Part]], None], silence: float | None = None
    ) -> AsyncIterator[Part | None]:
        """Yield what ``work`` emits, as it comes; closing the iterator stops the work.

        Args:
            work: is given its job and what to emit with.
            silence: seconds without a part after which None is yielded.

        Raises:
            Problem: busy, out of time, or stopping.
        """
        loop, end = asyncio.get_running_loop(), object()
        parts: asyncio.Queue[Any] = asyncio.Queue()

        def emit(part: Any) -> None:
            # The loop may be closed by the time a job that was told to stop says its last word.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(parts.put_nowait, part)

        until = loop.time() + self._timeout
        with self._admitted(lambda job: work(job, emit)) as future:
            future.add_done_callback(lambda _: parts.put_nowait(end))
            while True:
                left = until - loop.time()
                if left <= 0:
                    raise self._late()
                # A limit around each wait and none around a yield: what it would cancel there is somebody else's.
                try:
                    async with asyncio.timeout(left if silence is None else min(left, silence)):
                        part = await parts.get()
                except TimeoutError:
                    if silence is not None:
                        yield None
                    continue
                if part is end:
                    break
                yield part
            with _told_of_stopping():
                await future

    def stop(self) -> None:
        """Admit nothing more and tell everything at work to stop."""
        self._stopping = True
        for job in tuple(self._jobs):  # a copy: whoever closes does so in a thread, and jobs end meanwhile
            job.cancel.set()

    def close(self) -> None:
        """Stop, and wait for the threads."""
        self.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    @contextlib.contextmanager
    def _admitted(self, work: Callable[[Job], Result]) -> Iterator[asyncio.Future[Result]]:
        """What a job brings, as long as somebody waits for it."""
        if self._stopping:
            raise stopping()
        if len(self._jobs) >= self._most:
            wait = math.ceil(self._seconds * len(self._jobs) / self._threads)
            raise Problem(
                Code.BUSY, "too many requests at once; try again later", retry_after=min(max(1, wait), _LONGEST_RETRY)
            )
        job = Job(callbacks=stage_callbacks())
        submitted = self._submitted(job, work)
        future = asyncio.wrap_future(submitted)
        # Looked at, so that the loop does not complain of what a job met that nobody waited for any more.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        try:
            yield future
        finally:
            job.cancel.set()  # whoever still works for it may stop
            submitted.cancel()  # one that has not begun gives up its place at once

    def _submitted(self, job: Job, work: Callable[[Job], Result]) -> Future[Result]:
        loop = asyncio.get_running_loop()

        def begin() -> Result:
            job.check()  # its client may have gone while it waited
            started = time.perf_counter()
            try:
                return work(job)
            finally:
                self._seconds += _WEIGHT * (time.perf_counter() - started - self._seconds)

        def ended(_: Future[Result]) -> None:
            # A job holds its place until its thread is free again, whether or not anybody waits for it.
            with contextlib.suppress(RuntimeError):  # the loop is closed, and nobody counts any more
                loop.call_soon_threadsafe(self._jobs.discard, job)

        self._jobs.add(job)
        submitted = self._executor.submit(begin)
        submitted.add_done_callback(ended)
        return submitted

    def _late(self) -> Problem:
        return Problem(Code.TIMEOUT, f"no answer within {self._timeout:g} seconds; ask for less, or try again later")


@contextlib.contextmanager
def _told_of_stopping() -> Iterator[None]:
    """A job that stopped while somebody waited for it was stopped by the service."""
    try:
        yield
    except (StoppedError, asyncio.CancelledError) as error:
        task = asyncio.current_task()
        if isinstance(error, asyncio.CancelledError) and task is not None and task.cancelling():
            raise
        raise stopping() from None
