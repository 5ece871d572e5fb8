"""A streaming pipeline of Ray Data that is fed item by item and gives the results in order.

The process that writes an index feeds it: it has the files, and it knows which documents are done already. It puts an
item only while fewer than a fixed number are under way, so neither it nor the workers ever hold more, whatever the
length of the input. A queue carries the items to the one reading task of a dataset; a pool of actors works on
them, each with a model of its own that is loaded once; Ray Data keeps the results in order.
"""

from __future__ import annotations

import json
import warnings
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rag.errors import InputError, ModelUnavailableError, RagIndexError, ToolkitError
from rag.ray_session import import_ray

if TYPE_CHECKING:
    import pyarrow as pa

Item = TypeVar("Item")
Work = Callable[[bytes], bytes]

# Under way for each actor: one being worked on, one waiting beside it, one on the way in or out.
_AHEAD = 3
# A worker that dies ends the build: the document that was too large for one would be so for the next, for ever, and
# what was finished is kept for the next try.
_NO_RETRIES = {"max_restarts": 0, "max_task_retries": 0}
_RETURNED: dict[str, type[ToolkitError]] = {
    error.__name__: error for error in (InputError, ModelUnavailableError, RagIndexError)
}


@dataclass(frozen=True, slots=True)
class Pool:
    """Actors of a pipeline.

    Args:
        size: how many.
        cpus: that each counts for.
        gpus: that each has.
    """

    size: int
    cpus: float
    gpus: float = 0.0


class Stream(Protocol):
    """See :func:`in_order`."""

    def __call__(
        self,
        items: Iterable[tuple[Item, bytes | None]],
        make: Callable[..., Work],
        arguments: tuple[Any, ...],
        pool: Pool,
    ) -> Generator[tuple[Item, bytes | None]]:
        """Yield each item with what was made of its payload."""
        ...


def in_order(
    items: Iterable[tuple[Item, bytes | None]], make: Callable[..., Work], arguments: tuple[Any, ...], pool: Pool
) -> Generator[tuple[Item, bytes | None]]:
    """What the workers make of each payload, beside the item it belongs to, in the order of the items.

    Args:
        items: taken as they are needed, with their payloads; one without a payload goes by the workers.
        make: called in every actor when its first payload comes; gives what turns payloads into results.
        arguments: of ``make``.
        pool: of actors; it begins with the first payload.

    Raises:
        RagIndexError: a worker died or failed.
        InputError: the arguments cannot travel to another process.
        ToolkitError: what a worker raised on purpose.
    """
    waiting: deque[tuple[Item, bool]] = deque()
    pipeline: _Pipeline | None = None
    try:
        for item, payload in items:
            if payload is not None:
                pipeline = pipeline or _Pipeline(make, arguments, pool)
                pipeline.put(payload)
            waiting.append((item, payload is not None))
            while waiting and (len(waiting) >= _AHEAD * pool.size or not waiting[0][1]):
                yield _next(pipeline, *waiting.popleft())
        if pipeline is not None:
            pipeline.put(None)
        while waiting:
            yield _next(pipeline, *waiting.popleft())
    finally:
        if pipeline is not None:
            pipeline.close()


def _next(pipeline: _Pipeline | None, item: Item, sent: bool) -> tuple[Item, bytes | None]:
    return item, pipeline.take() if pipeline is not None and sent else None


class _Pipeline:
    """A dataset at work: one result is taken for each item put, in the same order."""

    def __init__(self, make: Callable[..., Work], arguments: tuple[Any, ...], pool: Pool) -> None:
        ray = import_ray()
        self._failures = (ray.exceptions.RayError, StopIteration)
        # The queue and its reader stay on this machine: what it holds is lost only when this process is, too.
        here = ray.util.scheduling_strategies.NodeAffinitySchedulingStrategy(
            ray.get_runtime_context().get_node_id(), soft=False
        )
        self._queue = ray.util.queue.Queue(actor_options={"num_cpus": 0, "scheduling_strategy": here})
        # The reading task, begun again, would find the queue empty.
        reading = {"num_cpus": 0, "max_retries": 0, "scheduling_strategy": here}
        with warnings.catch_warnings(), ray.data.DataContext.current(_context(ray)):
            # Of Ray's own defaults, and of the retries, which have no named parameters yet.
            warnings.simplefilter("ignore")
            dataset = ray.data.read_datasource(
                _fed(ray, self._queue), override_num_blocks=1, ray_remote_args=reading
            ).map_batches(
                _Worker,
                fn_constructor_args=(make, arguments),
                compute=ray.data.ActorPoolStrategy(min_size=1, max_size=pool.size, initial_size=pool.size),
                batch_size=1,
                batch_format="pyarrow",
                num_cpus=pool.cpus,
                num_gpus=pool.gpus or None,
                **_NO_RETRIES,
            )
            self._results = iter(dataset.iter_batches(batch_size=1, batch_format="pyarrow", prefetch_batches=0))

    def put(self, payload: bytes | None) -> None:
        """Send an item to the workers; None after the last."""
        try:
            self._queue.put(payload)
        except self._failures as error:
            raise _died(error) from error

    def take(self) -> bytes:
        """The next result."""
        try:
            (row,) = next(self._results).to_pylist()
        except self._failures as error:
            raise _died(error) from error
        except TypeError as error:  # what Ray raises for it, with a page of findings
            raise InputError(
                "what the workers need cannot travel to them, most likely an encoder of the caller's own "
                f"({str(error).splitlines()[0][:200]}); use the local engine"
            ) from error
        if row["failure"]:
            kind, message = json.loads(row["failure"])
            raise _RETURNED.get(kind, ToolkitError)(message)
        return bytes(row["item"])

    def close(self) -> None:
        """End the workers, whatever they are at."""
        close = getattr(self._results, "close", None)
        if close is not None:
            close()
        del self._results
        self._queue.shutdown(force=True)


class _Worker:
    """An actor's work on one item at a time."""

    def __init__(self, make: Callable[..., Work], arguments: tuple[Any, ...]) -> None:
        self._make = make
        self._arguments = arguments
        self._work: Work | None = None

    def __call__(self, table: pa.Table) -> pa.Table:
        """A table of one payload to a table of one result, or of a foreseeable failure.

        Failures travel as text: not every exception survives the way between processes.
        """
        (row,) = table.to_pylist()
        try:
            if self._work is None:
                self._work = self._make(*self._arguments)
            return _table(self._work(row["item"]))
        except ToolkitError as error:
            return _table(b"", json.dumps([type(error).__name__, str(error)]))


def _context(ray: Any) -> Any:
    """Settings of the dataset; the caller's own datasets keep theirs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of Ray's own defaults
        context = ray.data.DataContext.get_current().copy()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    # A block is one item, however small: the next stage begins with it at once and gives it back alone.
    context.target_min_block_size = context.target_max_block_size = 1
    return context


def _fed(ray: Any, queue: Any) -> Any:
    """A source of data that reads a queue until None comes."""

    def read() -> Iterator[pa.Table]:
        while (item := queue.get()) is not None:
            yield _table(item)

    class Fed(ray.data.Datasource):  # type: ignore[misc]
        """One reading task of unknown length."""

        def estimate_inmemory_data_size(self) -> None:
            """Unknown."""

        def get_read_tasks(self, *_: Any, **__: Any) -> list[Any]:
            """The one."""
            unknown = ray.data.block.BlockMetadata(num_rows=None, size_bytes=None, input_files=None, exec_stats=None)
            return [ray.data.ReadTask(read, unknown)]

    return Fed()


def _table(item: bytes, failure: str = "") -> pa.Table:
    """A row of bytes: Arrow guesses no types, so what the bytes mean cannot change on the way."""
    import pyarrow as pa

    schema = pa.schema([("item", pa.large_binary()), ("failure", pa.string())])
    return pa.table({"item": [item], "failure": [failure]}, schema=schema)


def _died(error: BaseException) -> RagIndexError:
    reason = str(error).strip().splitlines()[-1:] or [type(error).__name__]
    return RagIndexError(
        "a worker of Ray died or failed, perhaps for want of memory; what was finished is kept: run the command again "
        f"({type(error).__name__}: {reason[0].strip()[:300]})"
    )
