"""Measuring many questions on the workers of Ray."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from evals.records import QuestionRecord
from evals.run.workers import Measurer, Plan, Task
from rag.ray_session import import_ray
from retrievers.errors import ToolkitError

# Questions under way for each worker: the one it is asking, and the next.
_AHEAD = 2


def measure_on_ray(plan: Plan, tasks: Sequence[Task], *, jobs: int, gpus: float = 0.0) -> Iterator[QuestionRecord]:
    """Yield a record for each task, as they get done; the records are those of :func:`evals.run.workers.measure_all`.

    Every worker opens the index once, so its directory must be there under the same path on every machine.

    Args:
        plan: what is measured.
        tasks: questions and variants.
        jobs: workers, one core each; no more than the cluster has, or those beyond would wait for ever.
        gpus: of each worker.

    Raises:
        ToolkitError: of the first question that failed, or a worker died; what was yielded before stands.
    """
    ray = import_ray()
    remote = ray.remote(num_cpus=1, num_gpus=gpus, max_restarts=0)(Measurer)
    plan = replace(plan, index=plan.index.absolute())  # workers stand in directories of their own
    actors = [remote.remote(plan) for _ in range(min(jobs, len(tasks)))]
    try:
        yield from _completed(ray, actors, tasks)
    except ray.exceptions.RayActorError as error:
        raise ToolkitError(
            "a worker of Ray that measured died, perhaps for want of memory; what was measured is kept: run the "
            "command again with fewer --jobs"
        ) from error
    finally:
        for actor in actors:
            ray.kill(actor)


def _completed(ray: Any, actors: Sequence[Any], tasks: Sequence[Task]) -> Iterator[QuestionRecord]:
    waiting = iter(tasks)
    running: dict[Any, Any] = {}
    for _ in range(_AHEAD):
        given = zip(actors, islice(waiting, len(actors)), strict=False)
        running |= {actor.measure.remote(task): actor for actor, task in given}
    while running:
        (done,), _ = ray.wait(list(running), num_returns=1)
        actor = running.pop(done)
        running |= {actor.measure.remote(task): actor for task in islice(waiting, 1)}
        result = ray.get(done)
        if isinstance(result, str):
            raise ToolkitError(result)
        yield result
