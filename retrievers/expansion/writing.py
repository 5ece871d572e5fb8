"""What writes queries: the protocols that the retrievers of this package ask, whoever stands behind them.

A writer never fails for what a question says or a model answers: it gives fewer rewrites, or an empty passage. What it
raises is that it cannot be asked at all (a server that is down).
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from langchain_core.runnables import RunnableConfig


@runtime_checkable
class Rewriter(Protocol):
    """Asks the same question in other words."""

    def rewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:
        """At most ``n`` rewrites of ``question``, unscreened; ``config`` traces what is asked of a model."""
        ...

    async def arewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:
        """Async twin of :meth:`rewrites`."""
        ...


@runtime_checkable
class PassageWriter(Protocol):
    """Writes a passage as could answer a question, true or not: it is searched with and never shown."""

    def passage(self, question: str, config: RunnableConfig | None = None) -> str:
        """A passage, ``""`` where none came."""
        ...

    async def apassage(self, question: str, config: RunnableConfig | None = None) -> str:
        """Async twin of :meth:`passage`."""
        ...


@runtime_checkable
class QueryWriter(Rewriter, PassageWriter, Protocol):
    """Both."""
