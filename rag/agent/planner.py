"""What takes a question apart."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from langchain_core.runnables import RunnableConfig

from rag.agent.plan import Plan


@runtime_checkable
class Planner(Protocol):
    """Makes a plan of a question; one that cannot be taken apart stays one step.

    A planner never fails for what the question says or a model answers: it degrades to :meth:`Plan.single` with a note.
    """

    def plan(self, question: str, config: RunnableConfig | None = None) -> Plan:
        """The plan of ``question``, in Russian."""
        ...
