"""What the retrievers of this package share: a question is expanded, the callbacks are told, and it is searched."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from pydantic import ConfigDict, Field

from retrievers.expansion.report import Expansion, aannounce, announce
from retrievers.filters import CheckedWhere, Where
from retrievers.lexical import call_filter, call_k


class ExpandingRetriever(BaseRetriever, ABC):
    """Base of retrievers that search with more than the question.

    Each run tells its callbacks what the question was expanded to, as a custom event (see
    :mod:`retrievers.expansion.report`); :meth:`expand` tells it without searching.

    Args:
        k: how many chunks.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of the score and rank in the metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str

    def expand(self, question: str, config: RunnableConfig | None = None, *, filter: Where | None = None) -> Expansion:
        """What ``question`` is expanded to; ``filter`` as of a search, for methods that look at passages first."""
        return self._expand(question, call_filter(filter, self.filter), config)

    async def aexpand(
        self, question: str, config: RunnableConfig | None = None, *, filter: Where | None = None
    ) -> Expansion:
        """Async twin of :meth:`expand`."""
        return await self._aexpand(question, call_filter(filter, self.filter), config)

    @abstractmethod
    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:
        """Expand a question; ``config`` traces what is asked of others."""

    async def _aexpand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:
        return await run_in_executor(config, partial(self._expand, question, where, config))

    @abstractmethod
    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        """The best ``k`` chunks for an expanded question."""

    async def _asearch(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        return await run_in_executor(None, partial(self._search, expansion, k, where, run_manager.get_sync()))

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        expansion = self._expand(query, where, {"callbacks": run_manager.get_child("expand")})
        announce(expansion, run_manager)
        return self._search(expansion, count, where, run_manager)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        expansion = await self._aexpand(query, where, {"callbacks": run_manager.get_child("expand")})
        await aannounce(expansion, run_manager)
        return await self._asearch(expansion, count, where, run_manager)
