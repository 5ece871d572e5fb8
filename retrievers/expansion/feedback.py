"""Pseudo-relevance feedback: the words of the first passages found are searched with, without any language model."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence

from langchain_core.runnables import RunnableConfig
from pydantic import BaseModel, ConfigDict, Field

from retrievers.documents import score_of, search_text
from retrievers.expansion.report import Addition, Expansion
from retrievers.expansion.terms import TermExpandingRetriever
from retrievers.filters import Where
from retrievers.hybrid import child_options


class FeedbackOptions(BaseModel):
    """How much of the first passages goes into the second search.

    Args:
        documents: first passages that are looked at.
        terms: their terms that are taken.
        question_weight: share of the question's own terms in the second search; 1 changes nothing.
        max_share: a term that a larger share of all chunks holds is not taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    documents: int = Field(default=10, ge=1, le=100)
    terms: int = Field(default=10, ge=1, le=100)
    question_weight: float = Field(default=0.8, gt=0.0, le=1.0)
    max_share: float = Field(default=0.1, gt=0.0, le=1.0)


def relevance_terms(
    passages: Sequence[tuple[Sequence[str], float]], count: int, usable: Callable[[str], bool] = lambda _: True
) -> dict[str, float]:
    """The terms that the first passages most probably have in common with other good ones.

    Lavrenko and Croft 2001, "Relevance-Based Language Models" (SIGIR): a term's probability in each passage, averaged
    by how well the passage answers. The retriever's scores stand in for the query likelihoods, as they do in Anserini.

    Args:
        passages: terms and score (≥ 0) of each passage found.
        count: how many terms.
        usable: whether a term may be taken.

    Returns:
        Probability by term, best first; they add up to 1.
    """
    relevance: dict[str, float] = defaultdict(float)
    for terms, score in passages:
        for term, frequency in Counter(terms).items():
            relevance[term] += score * frequency / len(terms)
    ranked = sorted(relevance.items(), key=lambda item: -item[1])
    best = [(term, value) for term, value in ranked if value > 0 and usable(term)][:count]
    total = sum(value for _, value in best)
    return {term: value / total for term, value in best}


class FeedbackRetriever(TermExpandingRetriever):
    """Chunks that BM25 ranks highest for the question and the words of what it found first.

    The relevance model RM3 (Abdul-Jaleel et al. 2004, "UMass at TREC 2004: Novelty and HARD"): the question's terms
    mixed with those of :func:`relevance_terms`. All weights add up to the number of the question's terms, so that
    scores stay on BM25's scale. The offline twin of the methods that ask a language model: it helps where good passages
    share words that the question lacks, and hurts where the first passages are about something else.

    Args:
        retriever: BM25 over the chunks.
        options: how much of the first passages is taken.
    """

    options: FeedbackOptions = FeedbackOptions()
    component: str = "feedback"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:
        found = self.retriever.invoke(question, config, **child_options(self.options.documents, where))
        analyzer, component = self.retriever.analyzer, self.retriever.component
        passages = [(analyzer(search_text(hit)), score_of(hit, component)) for hit in found]
        terms = relevance_terms(passages, self.options.terms, self._is_rare)
        if not terms or self.options.question_weight == 1:
            return Expansion(self.component, question)
        mass = (1 - self.options.question_weight) * len(analyzer(question))
        added = tuple(Addition(term, mass * share) for term, share in terms.items())
        return Expansion(self.component, question, added, question_weight=self.options.question_weight)

    def _is_rare(self, term: str) -> bool:
        index = self.retriever.index
        return index.document_frequency(term) <= self.options.max_share * len(index)
