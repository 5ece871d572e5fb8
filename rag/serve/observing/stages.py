"""Stages of a chain and of the agent, told from the names of LangChain's runs."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

STAGES = frozenset({"retrieve", "rerank", "select", "generate", "plan", "step"})


class RunFollower(BaseCallbackHandler):
    """Is told when any run of a job that may be a stage begins and ends, in the order in which things happen."""

    run_inline = True

    @abstractmethod
    def begin(self, run_id: UUID, parent: UUID | None, name: str | None) -> None:
        """A run begins; it is a stage if its name is one of :data:`STAGES`."""

    @abstractmethod
    def end(self, run_id: UUID, error: BaseException | None) -> None:
        """A run ends, or fails; what caught that goes on."""

    def on_chain_start(self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **named: Any) -> None:
        """A stage may begin."""
        self.begin(run_id, parent_run_id, named.get("name"))

    def on_retriever_start(self, *_: Any, run_id: UUID, parent_run_id: UUID | None = None, **named: Any) -> None:
        """A search may begin."""
        self.begin(run_id, parent_run_id, named.get("name"))

    def on_chain_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A stage may end."""
        self.end(run_id, None)

    def on_retriever_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """A search may end."""
        self.end(run_id, None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """A stage may have failed."""
        self.end(run_id, error)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **_: Any) -> None:
        """A search may have failed."""
        self.end(run_id, error)
