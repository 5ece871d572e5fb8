"""Searching for the agent: every way of asking the index, counted against the budget, and none twice."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig

from rag.agent.budget import Meter
from rag.chain import Filter, RagChain
from retrievers.analysis import fold

AS_ASKED = "question"  # the way that searches for the question as it stands
_REMEMBERED = 1_000  # searches kept; fifty chunks each, whose texts the index shares


class Searcher:
    """A chain's search in several ways, with a memory.

    Args:
        chain: its retriever is the first way; its compressor orders what any way finds.
        ways: other retrievers by name, in the order in which they are tried.

    The memory holds for one generation of an index: an agent is built anew over a changed one, as a chain is.
    """

    def __init__(self, chain: RagChain, ways: Mapping[str, BaseRetriever]) -> None:
        self._chains = {AS_ASKED: chain} | {
            name: chain.model_copy(update={"retriever": retriever}) for name, retriever in ways.items()
        }
        self._memory: OrderedDict[tuple[str, ...], tuple[Document, ...]] = OrderedDict()
        self._lock = threading.Lock()

    def forget(self) -> None:
        """Forget every search."""
        with self._lock:
            self._memory.clear()

    @property
    def ways(self) -> Sequence[str]:
        """Names of the ways, the question as it stands first."""
        return list(self._chains)

    def search(
        self, query: str, way: str, meter: Meter, *, where: Filter | None = None, config: RunnableConfig | None = None
    ) -> tuple[Document, ...]:
        """Passages for ``query``, best first, as the chain's own search orders them.

        Raises:
            Stopped: the budget is spent.
        """
        key = (way, " ".join(fold(query).split()), _key(where))
        with self._lock:
            known = self._memory.get(key)
            if known is not None:
                self._memory.move_to_end(key)
        if known is not None:
            meter.check()
            meter.cached += 1
            return known
        meter.count_search()
        found = self._chains[way].search(query, config, filter=where).documents
        with self._lock:
            self._memory[key] = found
            while len(self._memory) > _REMEMBERED:
                self._memory.popitem(last=False)
        return found


def _key(where: Filter | None) -> str:
    value: Any = where
    return json.dumps(value, sort_keys=True, ensure_ascii=False, default=str)
