"""Measuring many questions, in one process or several."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from threadpoolctl import threadpool_limits

from evals.dataset import Question
from evals.records import QuestionRecord
from evals.run.options import Variant
from retrievers.errors import ToolkitError

if TYPE_CHECKING:
    from evals.run.measuring import Bench
    from rag.index import Index

# Questions handed to a worker ahead of time, so that none waits for the next one.
_AHEAD = 4

Task = tuple[Question, str]  # a question and the name of a variant


@dataclass(frozen=True, slots=True)
class Plan:
    """What a worker needs to measure: plain values, so that they reach another process.

    Args:
        index: directory of the index.
        generation: of the index; the workers must not measure a newer one.
        variants: pipelines measured.
        cutoffs: ranks k of the retrieval metrics.
        threshold: confidence below which an answer counts as withheld; None where nothing is answered.
    """

    index: Path
    generation: str
    variants: tuple[Variant, ...]
    cutoffs: tuple[int, ...]
    threshold: float | None

    def bench(self, index: Index) -> Bench:
        """The measuring bench over an open index."""
        from evals.run.measuring import Bench

        return Bench(index, self.variants, cutoffs=self.cutoffs, threshold=self.threshold)


class Measurer:
    """What another process measures with: it opens the index once, when the first question comes.

    Args:
        plan: what to measure.
    """

    def __init__(self, plan: Plan) -> None:
        threadpool_limits(1)
        self._plan = plan
        self._bench: Bench | None = None

    def measure(self, task: Task) -> QuestionRecord | str:
        """A record, or the message of a foreseeable failure: not every exception survives the way between processes."""
        try:
            if self._bench is None:
                self._bench = self._opened()
            return self._bench.measure(*task)
        except ToolkitError as error:
            return str(error)

    def _opened(self) -> Bench:
        from rag.index import open_index

        index = open_index(self._plan.index)
        if index.manifest.generation != self._plan.generation:
            raise ToolkitError(f"{self._plan.index} was changed while the run went on; run the command again")
        return self._plan.bench(index)


def measure_all(plan: Plan, index: Index, tasks: Sequence[Task], *, jobs: int) -> Iterator[QuestionRecord]:
    """Yield a record for each task, as they get done; with one job in the order of the tasks.

    Numerical libraries are held to one thread each: figures then do not depend on how many jobs there are, and the jobs
    do not fight for the cores.

    Raises:
        ToolkitError: of the first question that failed, or a worker was killed; what was yielded before stands.
    """
    if jobs == 1 or len(tasks) < jobs:
        bench = plan.bench(index)
        with threadpool_limits(1):
            for question, variant in tasks:
                yield bench.measure(question, variant)
        return
    context = multiprocessing.get_context("spawn")  # a forked process would share the index's open databases
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=_open, initargs=(plan,)) as pool:
        try:
            yield from _completed(pool, tasks, jobs * _AHEAD)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _completed(pool: ProcessPoolExecutor, tasks: Sequence[Task], ahead: int) -> Iterator[QuestionRecord]:
    waiting = iter(tasks)
    running = {pool.submit(_measure, task) for task in islice(waiting, ahead)}
    while running:
        done, running = wait(running, return_when=FIRST_COMPLETED)
        running |= {pool.submit(_measure, task) for task in islice(waiting, len(done))}
        yield from map(_result, done)


def _result(done: Future[QuestionRecord | str]) -> QuestionRecord:
    try:
        result = done.result()
    except BrokenProcessPool as error:
        raise ToolkitError(
            "a process that measured was killed, perhaps for want of memory; run the command again with fewer --jobs"
        ) from error
    if isinstance(result, str):
        raise ToolkitError(result)
    return result


# Of a worker process: what it measures with.
_measurer: Measurer | None = None


def _open(plan: Plan) -> None:
    global _measurer
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _measurer = Measurer(plan)


def _end_with_parent() -> None:
    # A worker whose parent was killed would wait for its next question for ever.
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _measure(task: Task) -> QuestionRecord | str:
    if _measurer is None:
        raise RuntimeError("the worker was not opened")
    return _measurer.measure(task)
