"""What the retrievers over an inverted file share: postings with weights and the LangChain adapter.

Rows are the numbers of chunks in the order the index was built from, which is the order of the chunk store.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Protocol

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from numpy.typing import NDArray
from pydantic import ConfigDict, Field, SkipValidation, model_validator

from retrievers.analysis import Analyzer
from retrievers.documents import with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where, matches, validate
from retrievers.selection import Rows, Scores, ranked_rows


@dataclass(frozen=True, slots=True)
class Postings:
    """An inverted file: for every term the rows that hold it, each with a weight (a sparse matrix by columns).

    Args:
        weights: array of shape (n_postings,), float32.
        rows: array of shape (n_postings,), the row each weight belongs to, ascending within a term.
        starts: array of shape (n_terms + 1,), where each term's postings begin.
        n_rows: number of rows, those without any term included.
    """

    weights: NDArray[np.float32]
    rows: NDArray[np.int32]
    starts: NDArray[np.int64]
    n_rows: int

    def __post_init__(self) -> None:
        """Refuse arrays that do not belong together."""
        if len(self.weights) != len(self.rows) or not len(self.starts) or self.starts[-1] != len(self.rows):
            raise InputError(
                f"expected postings of one length, got {len(self.weights)} weights, {len(self.rows)} rows "
                f"and columns up to {self.starts[-1] if len(self.starts) else 'nothing'}"
            )

    def accumulate(self, weighted_terms: Sequence[tuple[int, float]]) -> Scores:
        """Sum of the terms' weights by row, each times its query weight; array of shape (n_rows,)."""
        scores = np.zeros(self.n_rows, dtype=np.float32)
        for term, factor in weighted_terms:
            start, stop = self.starts[term], self.starts[term + 1]
            weights = self.weights[start:stop]
            # Rows of one term are distinct; add.at is twice as fast here as scores[rows] += weights.
            np.add.at(scores, self.rows[start:stop], weights if factor == 1 else weights * np.float32(factor))
        return scores


def call_k(k: int | None, default: int) -> int:
    """Number of results of one call: its own ``k`` or the retriever's.

    Raises:
        InputError: below one.
    """
    if k is None:
        return default
    if k < 1:
        raise InputError(f"expected k of at least 1, got {k}")
    return k


def call_filter(where: Where | None, default: Where | None) -> Where | None:
    """Filter of one call, validated, or the retriever's; a call's filter replaces the stored one.

    Raises:
        InputError: a malformed filter.
    """
    if where is None:
        return default
    validate(where)
    return where


class TermIndex(Protocol):
    """An index that scores its rows for a list of query terms."""

    def __len__(self) -> int:
        """Number of rows."""
        ...

    def scores(self, terms: Sequence[str]) -> Scores:
        """Array of shape (n_rows,): higher is better, 0 for rows that hold none of ``terms``."""
        ...

    def top(self, terms: Sequence[str], k: int) -> tuple[Rows, Scores]:
        """The first ``k`` rows of positive scores and the scores, best first, equal ones in row order."""
        ...


class LexicalRetriever(BaseRetriever, ABC):
    """Base of retrievers over a :class:`TermIndex` and the chunks it was built from.

    Only the returned chunks are read from ``chunks`` (with a filter also the better ones that it excludes).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    chunks: Annotated[Sequence[Document], SkipValidation] = Field(repr=False)
    analyzer: Callable[[str], list[str]] = Field(default_factory=Analyzer)
    k: int = Field(default=10, ge=1)
    filter: CheckedWhere | None = None
    component: str

    @model_validator(mode="after")
    def _rows_are_chunks(self) -> LexicalRetriever:
        if len(self._index()) != len(self.chunks):
            raise InputError(
                f"expected an index of these {len(self.chunks)} chunks, got one of {len(self._index())} rows"
            )
        return self

    @abstractmethod
    def _index(self) -> TermIndex:
        """The index of the concrete class."""

    def search(self, query: str, k: int, where: Where | None = None) -> list[tuple[int, float]]:
        """Rows and scores of the best ``k`` chunks that satisfy ``where``, best first."""
        terms, index = self.analyzer(query), self._index()
        if not terms or not len(index):
            return []
        return pairs(*index.top(terms, k)) if where is None else self.matching(index.scores(terms), k, where)

    def matching(self, scores: Scores, k: int, where: Where) -> list[tuple[int, float]]:
        """Rows and scores of the best ``k`` chunks that satisfy ``where``; ``scores`` of shape (n_rows,)."""
        found: list[tuple[int, float]] = []
        for row in ranked_rows(scores, first=4 * k):
            if matches(self.chunks[row].metadata, where):
                found.append((row, float(scores[row])))
                if len(found) == k:
                    break
        return found

    def documents(self, hits: Sequence[tuple[int, float]]) -> list[Document]:
        """Chunks of rows and scores, best first, each with its score and rank."""
        return [
            with_score(self.chunks[row], self.component, score, rank) for rank, (row, score) in enumerate(hits, start=1)
        ]

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        return self.documents(self.search(query, call_k(k, self.k), call_filter(filter, self.filter)))

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
    ) -> list[Document]:
        return await run_in_executor(
            None,
            partial(self._get_relevant_documents, query, run_manager=run_manager.get_sync(), k=k, filter=filter),
        )


def pairs(rows: Rows, scores: Scores) -> list[tuple[int, float]]:
    """Rows and scores as pairs of plain numbers."""
    return list(zip(rows.tolist(), scores.tolist(), strict=True))


def unique_columns(terms: Sequence[str], vocabulary: dict[str, int]) -> dict[int, int]:
    """Known terms as columns with how often each stands in the query, in order of first appearance."""
    counts: dict[int, int] = {}
    for term in terms:
        column = vocabulary.get(term)
        if column is not None:
            counts[column] = counts.get(column, 0) + 1
    return counts
