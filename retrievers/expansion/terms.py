"""Expansion by single index terms, each with a weight of its own, searched with by BM25."""

from __future__ import annotations

from abc import ABC
from collections import Counter
from collections.abc import Sequence

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document

from retrievers.bm25 import BM25Retriever
from retrievers.documents import score_of, with_score
from retrievers.expansion.base import ExpandingRetriever
from retrievers.expansion.report import Addition, Expansion
from retrievers.filters import Where
from retrievers.lexical import call_filter


def term_weights(question: Sequence[str], question_weight: float, added: Sequence[Addition]) -> dict[str, float]:
    """What each term counts: ``term_weights(["кит"], 1, [Addition("кит", 0.5)]) == {"кит": 1.5}``.

    Args:
        question: its terms, with repetitions.
        question_weight: of each of them.
        added: further terms.
    """
    weights = {term: question_weight * count for term, count in Counter(question).items()}
    for addition in added:
        weights[addition.text] = weights.get(addition.text, 0.0) + addition.weight
    return weights


class TermExpandingRetriever(ExpandingRetriever, ABC):
    """Base of retrievers that add weighted terms to a question's own.

    Args:
        retriever: BM25 over the chunks.
    """

    retriever: BM25Retriever

    def _search(
        self,
        expansion: Expansion,
        k: int,
        where: Where | None,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002
    ) -> list[Document]:
        own = self.retriever.analyzer(expansion.question)
        weights = term_weights(own, expansion.question_weight, expansion.added)
        found = self.retriever.search_weighted(weights, k, call_filter(where, self.retriever.filter))
        child = self.retriever.component
        return [with_score(hit, self.component, score_of(hit, child), rank) for rank, hit in enumerate(found, start=1)]
