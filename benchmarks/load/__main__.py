"""Many clients at once while the index is being changed: latency, errors, torn reads, memory.

python -m benchmarks.load --index DIR --questions rubq_dev.jsonl [--clients 64] [--seconds 60] [--pause 2]

The index is copied, served by a process of its own on this machine, asked by all clients in every way it can be asked,
and changed by one more client all the while. A response is torn when its parts are of different versions of the
document that changes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import httpx
import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load.clients import Client, Marked, Observed
from evals.dataset import read_questions

_SAMPLED_EVERY = 1.0  # seconds between two readings of the server's memory
_MARKED = Marked()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where anything failed or was torn."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--index", type=Path, required=True, metavar="DIR", help="it is copied, not changed")
    parser.add_argument("--questions", type=Path, required=True, metavar="FILE")
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pause", type=float, default=2.0, help="seconds between two updates")
    arguments = parser.parse_args(argv)
    questions = [one.question for one in read_questions(arguments.questions)]
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "index")
        shutil.copytree(arguments.index, copy)
        with _server(copy) as (url, process):
            load = _Load(url, process, questions, arguments.pause)
            observed = asyncio.run(load.run(arguments.clients, arguments.seconds))
    _report(observed, load, arguments.clients, arguments.seconds)
    return 1 if observed.failures or observed.torn else 0


@contextlib.contextmanager
def _server(index: Path) -> Iterator[tuple[str, int]]:
    command = [sys.executable, "-m", "rag.serve", "--index", str(index), "--port", "0"]
    with (
        (index.parent / "log").open("wb") as log,
        subprocess.Popen(command, stderr=subprocess.PIPE, stdout=log, text=True, encoding="utf-8") as process,
    ):
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if found := re.search(r"http://\S+", line):
                    break
            else:
                raise SystemExit("the service did not start")
            draining = subprocess.Popen(["cat"], stdin=process.stderr, stdout=log)  # so that its log never blocks it
            try:
                yield found.group(), process.pid
            finally:
                process.terminate()
                process.wait()
                draining.wait()
        finally:
            process.kill()


class _Load:
    """Clients, the one that changes the index, and a look at the server's memory now and then."""

    def __init__(self, url: str, server: int, questions: Sequence[str], pause: float) -> None:
        self._url, self._server, self._questions, self._pause = url, server, questions, pause
        self.updates: list[float] = []
        self.memory: list[float] = []

    async def run(self, clients: int, seconds: float) -> Observed:
        """Load the service for so long."""
        observed = Observed()
        limits = httpx.Limits(max_connections=clients + 1, max_keepalive_connections=clients + 1)
        async with httpx.AsyncClient(base_url=self._url, timeout=180, limits=limits) as http:
            await self._update(http, 0)
            for question in self._questions[:20]:
                (await http.post("/api/answer", json={"question": question})).raise_for_status()
            until = asyncio.get_running_loop().time() + seconds
            async with self._sampled(), asyncio.TaskGroup() as group:
                for seed in range(clients):
                    group.create_task(Client(http, self._questions, _MARKED, observed, seed).run(until))
                group.create_task(self._updates(http, until, observed))
        return observed

    async def _updates(self, http: httpx.AsyncClient, until: float, observed: Observed) -> None:
        loop, version = asyncio.get_running_loop(), 1
        while loop.time() < until:
            started = loop.time()
            try:
                await self._update(http, version)
            except httpx.HTTPError as error:
                observed.failures[f"update: {type(error).__name__} {error}"] += 1
            else:
                self.updates.append(loop.time() - started)
            version += 1
            await asyncio.sleep(self._pause)

    async def _update(self, http: httpx.AsyncClient, version: int) -> None:
        response = await http.post("/api/documents", json={"documents": [_MARKED.written(version)]}, timeout=600)
        response.raise_for_status()

    @contextlib.asynccontextmanager
    async def _sampled(self) -> AsyncIterator[None]:
        async def sample() -> None:
            while True:
                status = Path(f"/proc/{self._server}/status").read_text()
                self.memory.append(int(status.partition("VmRSS:")[2].split()[0]) / 1024)
                await asyncio.sleep(_SAMPLED_EVERY)

        task = asyncio.create_task(sample())
        try:
            yield
        finally:
            task.cancel()


def _report(observed: Observed, load: _Load, clients: int, seconds: float) -> None:
    console, table = Console(), Table(title=f"{clients} clients, {seconds:g} seconds, milliseconds")
    for column in ("request", "answered", "p50", "p95", "p99", "max"):
        table.add_column(column, justify="right")
    rows = dict(sorted(observed.seconds.items()))
    rows["all"] = [seconds for values in rows.values() for seconds in values]
    for name, values in rows.items():
        if values:
            percentiles = (f"{1000 * np.percentile(values, q):.0f}" for q in (50, 95, 99, 100))
            table.add_row(name, str(len(values)), *percentiles)
    console.print(table)
    console.print(f"answers from the cache: {observed.cached}; told to wait: {observed.told_to_wait}")
    console.print(f"updates: {len(load.updates)}, seconds each: {', '.join(f'{one:.1f}' for one in load.updates)}")
    console.print(f"generations read: {len(observed.versions)}; torn responses: {len(observed.torn)}")
    third = max(1, len(load.memory) // 3)
    parts = [np.mean(load.memory[start : start + third]) for start in (0, third, 2 * third)]
    console.print("resident memory by thirds, MiB: " + ", ".join(f"{part:.0f}" for part in parts))
    for failure, count in [*observed.failures.most_common(10), *((torn, 1) for torn in observed.torn[:10])]:
        console.print(f"{count} x {failure}", markup=False)


if __name__ == "__main__":
    sys.exit(main())
