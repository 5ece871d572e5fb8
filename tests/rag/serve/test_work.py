"""Jobs in threads: what they bring, when they are refused, and that every way of leaving one stops it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from langchain_core.runnables import RunnableLambda

from rag.serve.problems import Code, Problem
from rag.serve.work import Job, StoppedError, Workers


class Gate:
    """Work that waits until it may go on, and says how it ended."""

    def __init__(self) -> None:
        self.begun, self.open, self.ended = threading.Event(), threading.Event(), threading.Event()
        self.stopped = False

    def __call__(self, job: Job, *_: Any) -> str:
        self.begun.set()
        assert self.open.wait(10)
        try:
            job.check()
        except StoppedError:
            self.stopped = True
            raise
        finally:
            self.ended.set()
        return "готово"


@pytest.fixture
def make() -> Iterator[Callable[..., Workers]]:
    made: list[Workers] = []

    def workers(threads: int = 1, waiting: int = 0, timeout: float = 10) -> Workers:
        made.append(Workers(threads, waiting, timeout, "test"))
        return made[-1]

    yield workers
    for one in made:
        one.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


def work_in(workers: Workers, work: Callable[..., Any]) -> asyncio.Task[Any]:
    return asyncio.create_task(workers.run(work))


async def test_what_work_brings_is_returned_from_a_thread_of_that_name(make):
    name = await make().run(lambda _: threading.current_thread().name)
    assert name.startswith("test")


async def test_what_work_raises_is_raised(make):
    def broken(_: Job) -> None:
        raise KeyError("нет")

    with pytest.raises(KeyError, match="нет"):
        await make().run(broken)


async def test_a_time_limit_inside_the_work_is_not_taken_for_the_jobs_own(make):
    def late(_: Job) -> None:
        raise TimeoutError("сокет молчит")

    with pytest.raises(TimeoutError, match="сокет"):
        await make().run(late)


async def test_whoever_finds_no_place_is_told_when_to_come_back(make):
    workers, gate = make(waiting=1), Gate()
    tasks = [work_in(workers, gate), work_in(workers, lambda _: "второй")]
    await until(lambda: workers.running == 1 and workers.waiting == 1)
    with pytest.raises(Problem) as refused:
        await workers.run(lambda _: None)
    assert refused.value.code is Code.BUSY
    assert int(refused.value.headers()["Retry-After"]) >= 1
    gate.open.set()
    assert await asyncio.gather(*tasks) == ["готово", "второй"]
    assert (workers.running, workers.waiting) == (0, 0)


async def test_a_job_that_takes_too_long_is_stopped_and_holds_its_place_until_it_has(make):
    workers, gate = make(timeout=0.05), Gate()
    with pytest.raises(Problem) as late:
        await workers.run(gate)
    assert late.value.code is Code.TIMEOUT
    assert workers.running == 1
    gate.open.set()
    await until(lambda: workers.running == 0)
    assert gate.stopped


async def test_cancelling_whoever_waits_stops_the_work_and_frees_its_place(make):
    workers, gate = make(), Gate()
    task = work_in(workers, gate)
    await until(gate.begun.is_set)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    gate.open.set()
    await until(lambda: workers.running == 0)
    assert gate.stopped
    assert await workers.run(lambda _: "следующий") == "следующий"


async def test_a_job_that_has_not_begun_gives_up_its_place_at_once(make):
    workers, gate = make(waiting=1), Gate()
    first, second = work_in(workers, gate), work_in(workers, lambda _: pytest.fail("nobody waits for this"))
    await until(lambda: workers.waiting == 1)
    second.cancel()
    await until(lambda: workers.waiting == 0)
    assert not gate.ended.is_set()
    third = work_in(workers, lambda _: "третий")
    gate.open.set()
    assert await asyncio.gather(first, third) == ["готово", "третий"]


async def test_the_stages_of_a_runnable_check_the_job(make):
    reached: list[str] = []
    gate = Gate()

    def chain(job: Job) -> str:
        stage = RunnableLambda(lambda text: reached.append(text) or text)
        stage.invoke("первая", job.config)
        gate.begun.set()
        assert gate.open.wait(10)
        return stage.invoke("вторая", job.config)

    workers = make()
    task = work_in(workers, chain)
    await until(gate.begun.is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gate.open.set()
    await until(lambda: workers.running == 0)
    assert reached == ["первая"]


async def test_stopping_tells_those_who_wait_and_refuses_others(make):
    workers, gate = make(waiting=1), Gate()
    tasks = [work_in(workers, gate), work_in(workers, lambda _: "не начата")]
    await until(lambda: gate.begun.is_set() and workers.waiting == 1)
    workers.stop()
    gate.open.set()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    with pytest.raises(Problem) as refused:
        await workers.run(lambda _: None)
    assert [one.code for one in (*ended, refused.value)] == [Code.UNAVAILABLE] * 3
    assert gate.stopped


async def test_parts_come_in_order_and_then_the_end(make):
    def count(_: Job, emit: Callable[[int], None]) -> None:
        for number in range(5):
            emit(number)

    assert [part async for part in make().stream(count)] == [0, 1, 2, 3, 4]


async def test_what_fails_after_some_parts_is_raised_after_them(make):
    def broken(_: Job, emit: Callable[[int], None]) -> None:
        emit(1)
        raise KeyError("нет")

    parts = make().stream(broken)
    assert await anext(parts) == 1
    with pytest.raises(KeyError):
        await anext(parts)


async def test_silence_is_told_and_nothing_is_lost_by_it(make):
    gate = Gate()

    def slow(job: Job, emit: Callable[[str], None]) -> None:
        emit(gate(job))

    came = []
    async for part in make().stream(slow, silence=0.01):
        came.append(part)
        if came.count(None) == 3:
            gate.open.set()
    assert [part for part in came if part is not None] == ["готово"]
    assert came[:3] == [None, None, None]


async def test_closing_a_stream_stops_its_work(make):
    workers, gate = make(), Gate()

    def slow(job: Job, emit: Callable[[str], None]) -> None:
        emit("начало")
        emit(gate(job))

    parts = workers.stream(slow)
    assert await anext(parts) == "начало"
    await parts.aclose()
    gate.open.set()
    await until(lambda: workers.running == 0)
    assert gate.stopped


async def test_a_stream_has_its_time_limit_whatever_task_asks_for_its_parts(make):
    workers, gate = make(timeout=0.1), Gate()

    def slow(job: Job, emit: Callable[[str], None]) -> None:
        emit("начало")
        gate(job)

    parts = workers.stream(slow, silence=0.02)
    assert await asyncio.create_task(anext(parts)) == "начало"

    async def silent() -> None:
        while await asyncio.create_task(anext(parts)) is None:
            pass

    with pytest.raises(Problem) as late:
        await silent()
    assert late.value.code is Code.TIMEOUT
    gate.open.set()
    await until(lambda: workers.running == 0)


async def test_nobody_hears_of_what_failed_after_its_client_left(make, caplog):
    workers, gate = make(), Gate()

    def broken(_: Job) -> None:
        gate.begun.set()
        assert gate.open.wait(10)
        raise KeyError("нет")

    task = work_in(workers, broken)
    await until(gate.begun.is_set)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    gate.open.set()
    await until(lambda: workers.running == 0)
    del task
    assert "never retrieved" not in caplog.text
