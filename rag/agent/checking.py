"""The self-check: whether what a step read is enough to take its answer."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.agent.finding import FoundAnswer
from rag.agent.trace import Verdict
from retrievers.documents import search_text


@dataclass(frozen=True, slots=True)
class Check:
    """A verdict and what it rests on; ``coverage`` is None where there was nothing to cover with."""

    verdict: Verdict
    coverage: float | None = None

    @property
    def passed(self) -> bool:
        """The answer may be taken."""
        return self.verdict is Verdict.ENOUGH


@dataclass(frozen=True)
class EvidenceCheck:
    """Looks at a step's answer and passages.

    Args:
        analyzer: text to terms.
        idf: weight of a term, 0 for one that no document has.
        min_confidence: an answer below it is not enough.
        min_coverage: share of the question's terms, weighted by idf, that the passages must hold together.
    """

    analyzer: Callable[[str], list[str]]
    idf: Callable[[str], float]
    min_confidence: float
    min_coverage: float

    def check(self, query: str, passages: Sequence[Document], answers: Sequence[FoundAnswer]) -> Check:
        """The verdict over a step's best answer."""
        if not passages:
            return Check(Verdict.NO_PASSAGES)
        covered = coverage(query, passages, self.analyzer, self.idf)
        if not answers:
            return Check(Verdict.NO_ANSWER, covered)
        if answers[0].confidence < self.min_confidence:
            return Check(Verdict.LOW_CONFIDENCE, covered)
        if covered < self.min_coverage:
            return Check(Verdict.LOW_COVERAGE, covered)
        return Check(Verdict.ENOUGH, covered)


def coverage(
    query: str,
    passages: Sequence[Document],
    analyzer: Callable[[str], list[str]],
    idf: Callable[[str], float],
) -> float:
    """Share of the query's aspects that the passages hold together, weighted by idf, in [0, 1].

    A term that no document of the index has cannot be covered and is left out; 1.0 where no term is left.
    """
    weights = {term: idf(term) for term in analyzer(query)}
    total = math.fsum(weights.values())
    if not total:
        return 1.0
    present = {term for passage in passages for term in analyzer(search_text(passage))}
    return math.fsum(weight for term, weight in weights.items() if term in present) / total
