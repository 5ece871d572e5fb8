"""How long work tells what it has done."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

Item = TypeVar("Item")

# Called with the stage, how many of its items are done, and how many there are (None while that is unknown).
Progress = Callable[[str, int, int | None], None]


def silent(stage: str, done: int, total: int | None) -> None:
    """Progress that nobody watches."""


def watched(
    items: Iterable[Item], stage: str, progress: Progress, total: int | None = None, *, done: int = 0
) -> Iterator[Item]:
    """The same items, each reported once it was taken.

    Args:
        items: to pass on.
        stage: they are part of.
        progress: is told.
        total: of the stage, None while that is unknown: then it is what was done at the end.
        done: items of the stage before these.
    """
    for done, item in enumerate(items, start=done + 1):  # noqa: B020 - counts on from what was done
        yield item
        progress(stage, done, total)
    progress(stage, done, done if total is None else total)


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress as bars on stderr, one a stage; silent when stderr is no terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<10}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True)) as bars:
        tasks = {}

        def show(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total)
            bars.update(tasks[stage], completed=done, total=total)

        yield show
