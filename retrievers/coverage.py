"""Coverage-aware selection: the set of chunks that together covers a question, instead of the best chunks one by one.

A question has weighted aspects (its terms, entities, sub-questions, and the documents that its best chunks lead to); a
chunk holds each aspect to a degree. A set is worth what it covers, each aspect paid once at its best chunk, plus a
modest sum of relevances. With terms as aspects, idf as weight and the saturated term frequency of BM25 as degree, a
single chunk is worth its BM25 score, and a second chunk about the same thing next to nothing: this is BM25 of a set.

Such values are monotone and submodular, so the greedy choice is worth at least (1 - 1/e) of the best set of its size
(Nemhauser, Wolsey, Fisher 1978, "An analysis of approximations for maximizing submodular set functions", Mathematical
Programming 14). Covering concepts plus relevance under a budget is the summarisation of Lin and Bilmes 2011, "A Class
of Submodular Functions for Document Summarization" (ACL). Gains only shrink as the set grows, so outdated ones are
upper bounds and few need recomputing: lazy greedy, Minoux 1978, "Accelerated greedy algorithms for maximizing
submodular set functions".
"""

from __future__ import annotations

import functools
import heapq
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun, Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables.config import run_in_executor
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field

from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Options
from retrievers.documents import doc_id_of, search_text, unique_by_chunk, with_score
from retrievers.errors import InputError
from retrievers.filters import CheckedWhere, Where, matches
from retrievers.hybrid import child_config, child_options, component_of
from retrievers.lexical import call_filter, call_k

Floats = NDArray[np.float64]
_BM25 = BM25Options()  # its k1 and b saturate term frequencies here too


class CoverageGain(StrEnum):
    """What a set covers of an aspect, from the degrees of its chunks.

    FACILITY: the highest degree (facility location). SATURATED: the sum of degrees, up to 1; several weak mentions
    make up for a strong one.
    """

    FACILITY = "facility"
    SATURATED = "saturated"


@dataclass(frozen=True)
class CoverageObjective:
    """Value of a set of candidates: what it covers of the weighted aspects plus its summed relevance.

    The value of no candidate is 0; it never falls as a set grows (monotone), and what a candidate adds never rises as
    the set grows (submodular).

    Args:
        weights: array of shape (n_aspects,), not negative.
        membership: array of shape (n_candidates, n_aspects), degrees in [0, 1].
        relevance: array of shape (n_candidates,), not negative, on the scale of the weights.
        gain: how degrees add up.
    """

    weights: Floats
    membership: Floats
    relevance: Floats
    gain: CoverageGain = CoverageGain.FACILITY

    def __post_init__(self) -> None:
        """Refuse shapes and values that break the guarantee."""
        if self.weights.ndim != 1 or self.membership.shape != (len(self.relevance), len(self.weights)):
            raise InputError(
                "expected weights (n_aspects,), membership (n_candidates, n_aspects) and relevance (n_candidates,), "
                f"got {self.weights.shape}, {self.membership.shape} and {self.relevance.shape}"
            )
        if not (np.all(self.membership >= 0) and np.all(self.membership <= 1)):
            raise InputError("expected membership in [0, 1]")
        for name, values in {"weights": self.weights, "relevance": self.relevance}.items():
            if not (np.all(values >= 0) and np.all(np.isfinite(values))):
                raise InputError(f"expected {name} to be finite and not negative")

    def __len__(self) -> int:
        """Number of candidates."""
        return len(self.relevance)

    def add(self, covered: Floats, candidate: int) -> Floats:
        """Coverage of every aspect, array of shape (n_aspects,), once ``candidate`` joins."""
        degrees = self.membership[candidate]
        joined: Floats = (
            np.maximum(covered, degrees) if self.gain is CoverageGain.FACILITY else np.minimum(covered + degrees, 1.0)
        )
        return joined

    def marginal(self, covered: Floats, candidate: int) -> float:
        """What ``candidate`` adds to a set that covers ``covered``."""
        return float((self.add(covered, candidate) - covered) @ self.weights + self.relevance[candidate])

    def value(self, chosen: Sequence[int]) -> float:
        """Value of a set of candidates."""
        covered = np.zeros(len(self.weights))
        for candidate in chosen:
            covered = self.add(covered, candidate)
        return float(covered @ self.weights + self.relevance[list(chosen)].sum())


def lazy_greedy(
    objective: CoverageObjective, k: int, epsilon: float = 0.0, chosen: Sequence[int] = ()
) -> list[tuple[int, float]]:
    """Candidates in the order of choice, each with what it added when it was chosen.

    See :func:`select_by_coverage`.
    """
    unknown = [candidate for candidate in chosen if not 0 <= candidate < len(objective)]
    if unknown:
        raise InputError(f"expected chosen candidates below {len(objective)}, got {unknown}")
    covered = np.zeros(len(objective.weights))
    picked: list[tuple[int, float]] = []
    for candidate in dict.fromkeys(chosen):
        picked.append((candidate, objective.marginal(covered, candidate)))
        covered = objective.add(covered, candidate)
    taken = {candidate for candidate, _ in picked}
    # (negated gain, candidate): the smallest is the best, equal gains go to the earlier candidate.
    bounds = [(-objective.marginal(covered, row), row) for row in range(len(objective)) if row not in taken]
    heapq.heapify(bounds)
    while bounds and len(picked) < k:
        candidate = bounds[0][1]
        current = (-objective.marginal(covered, candidate), candidate)
        if len(bounds) > 1 and current > min(bounds[1:3]):
            heapq.heapreplace(bounds, current)
            continue
        if -current[0] < epsilon:
            break
        heapq.heappop(bounds)
        picked.append((candidate, -current[0]))
        covered = objective.add(covered, candidate)
    return picked[:k]


def select_by_coverage(
    weights: ArrayLike,
    membership: ArrayLike,
    relevance: ArrayLike,
    *,
    k: int,
    gain: CoverageGain = CoverageGain.FACILITY,
    epsilon: float = 0.0,
    chosen: Sequence[int] = (),
) -> list[int]:
    """Choose up to ``k`` candidates that together cover the aspects best, greedily.

    The chosen set is worth at least (1 - 1/e), about 63 %, of the best set of its size (see the module's head for the
    sources), unless ``chosen`` takes that freedom away; then the bound holds for what is added to ``chosen``.

    Args:
        weights: aspect weights, array of shape (n_aspects,), not negative.
        membership: degree to which a candidate holds an aspect, array of shape (n_candidates, n_aspects) in [0, 1].
        relevance: what a candidate is worth by itself, array of shape (n_candidates,), not negative, on the scale of
            the weights; a candidate that covers nothing new adds this alone.
        k: how many.
        gain: how the degrees of several candidates add up.
        epsilon: stop before a candidate that adds less.
        chosen: candidates that are in the set from the start.

    Returns:
        Indices of candidates in the order of choice; equal gains go to the lower index.

    Raises:
        InputError: shapes that do not fit, or values out of range.

    >>> select_by_coverage([2, 1], [[1, 0], [1, 0], [0, 1]], [0.3, 0.2, 0.1], k=2)
    [0, 2]
    """
    aspects, worth = np.asarray(weights, np.float64), np.asarray(relevance, np.float64)
    degrees = np.asarray(membership, np.float64)
    if not degrees.size:  # an empty list has lost its shape
        degrees = degrees.reshape(len(worth), len(aspects))
    objective = CoverageObjective(aspects, degrees, worth, gain)
    return [candidate for candidate, _ in lazy_greedy(objective, k, epsilon, chosen)]


@dataclass(frozen=True, slots=True)
class Aspect:
    """Something the question asks about: terms that say it, with what each weighs; the aspect weighs their sum."""

    terms: dict[str, float]

    @property
    def weight(self) -> float:
        """Sum of the term weights."""
        return math.fsum(self.terms.values())


class NamedEntity(Protocol):
    """What is read of an entity, see ``retrievers.entities.Entity``."""

    @property
    def normal(self) -> str:
        """Dictionary form, "Байкал" for «Байкала»."""
        ...


EntityExtractor = Callable[[str], Sequence[NamedEntity]]


def question_aspects(
    question: str,
    *,
    analyzer: Callable[[str], list[str]],
    idf: Callable[[str], float],
    extract_entities: EntityExtractor | None = None,
    sub_questions: Sequence[str] = (),
) -> list[Aspect]:
    """Aspects of a question: each of its terms, each entity of several terms, each sub-question as a whole.

    An entity of one term is that term's aspect already. Terms weigh their idf.
    """
    aspects: dict[frozenset[str], Aspect] = {}

    def add(terms: Sequence[str]) -> None:
        weighted = {term: idf(term) for term in dict.fromkeys(terms)}
        if weighted:
            aspects.setdefault(frozenset(weighted), Aspect(weighted))

    for term in analyzer(question):
        add([term])
    for entity in extract_entities(question) if extract_entities else ():
        add(analyzer(entity.normal))
    for sub_question in sub_questions:
        terms = analyzer(sub_question)
        for term in terms:
            add([term])
        add(terms)
    return list(aspects.values())


class CoverageOptions(BaseModel):
    """How a set is chosen from a pool.

    Args:
        pool: candidates asked of the retriever.
        gain: how degrees of coverage add up over a set.
        relevance: worth of the most relevant candidate by itself, as a part of the worth of full coverage; relevance
            of the others is scaled between it and 0 for the least.
        epsilon: stop before a chunk that adds less, as a part of the worth of full coverage; above ``relevance`` no
            chunk is taken that covers nothing new. 0 fills up to ``k``.
        title_weight: occurrences in the body that one in the title or heading path is worth.
        bridges: how many of the pool's best are looked at for other documents they speak of, see
            :func:`bridge_membership`; 0 looks at none.
        bridge_weight: worth of following all bridges, as a part of the worth of full coverage.
        anchors: how many of the pool's best are taken as they stand before the choice begins.

    The defaults were chosen by measurement, over BM25 pools. Both pages of a question joined of two (161 over 841
    Wikipedia pages, ``… и …``) stand among five chunks for 88 in a hundred, by BM25 alone for 34; both articles of a
    question whose second subject the first article names (71 over the demo corpus) for 72, by BM25 alone for 63. A
    smaller ``relevance`` suits the former better, a larger ``bridge_weight`` the latter; from .5 on the first place of
    plain questions suffers, which otherwise gains (of 555 over Wikipedia 92 in a hundred, by BM25 alone 90).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    pool: int = Field(default=100, ge=1)
    gain: CoverageGain = CoverageGain.FACILITY
    relevance: float = Field(default=0.2, ge=0.0)
    epsilon: float = Field(default=0.0, ge=0.0)
    title_weight: float = Field(default=5.0, ge=0.0)
    bridges: int = Field(default=3, ge=0)
    bridge_weight: float = Field(default=0.2, ge=0.0)
    anchors: int = Field(default=0, ge=0)


def aspect_membership(
    aspects: Sequence[Aspect],
    documents: Sequence[Document],
    *,
    analyzer: Callable[[str], list[str]],
    title_weight: float = CoverageOptions.model_fields["title_weight"].default,
) -> Floats:
    """Degree to which each chunk holds each aspect, array of shape (n_documents, n_aspects) in [0, 1].

    For a term: BM25's saturated frequency, occurrences in title and headings counted ``title_weight`` times, so that a
    chunk about a thing is worth more than one that mentions it. For several terms: their weighted mean.
    """
    columns = {term: column for column, term in enumerate(dict.fromkeys(t for aspect in aspects for t in aspect.terms))}
    frequencies = np.zeros((len(documents), len(columns)))
    lengths = np.zeros(len(documents))
    for row, document in enumerate(documents):
        body = analyzer(document.page_content)
        head = analyzer(search_text(document).removesuffix(document.page_content))
        lengths[row] = len(body) + len(head)
        for terms, factor in ((body, 1.0), (head, title_weight)):
            for term, count in Counter(term for term in terms if term in columns).items():
                frequencies[row, columns[term]] += factor * count
    average = lengths.mean() if len(lengths) and lengths.any() else 1.0
    saturation = _BM25.k1 * (1 - _BM25.b + _BM25.b * lengths / average)  # (n_documents,)
    degrees = frequencies / (frequencies + saturation[:, None])
    mixture = np.zeros((len(columns), len(aspects)))
    for number, aspect in enumerate(aspects):
        for term, weight in aspect.terms.items():
            mixture[columns[term], number] = weight / aspect.weight if aspect.weight else 1 / len(aspect.terms)
    return np.clip(degrees @ mixture, 0.0, 1.0)


def bridge_membership(
    pool: Sequence[Document],
    relevance: Floats,
    covered: Floats,
    *,
    analyzer: Callable[[str], list[str]],
    leading: int,
) -> tuple[Floats, Floats]:
    """Aspects that the question does not name but leads to: other documents that the leading chunks speak of.

    For «В какое море впадает река, вытекающая из Байкала?» the chunk on Baikal names the Angara, and a chunk of the
    article titled «Ангара» goes on from there. A chunk speaks of a document when it holds every term of its title.

    Args:
        pool: candidates, most relevant first.
        relevance: of every candidate, array of shape (n_candidates,) in [0, 1].
        covered: what each candidate covers of the question by itself, array of shape (n_candidates,).
        analyzer: text to terms.
        leading: how many of the first candidates are looked at.

    Returns:
        Strength of each bridge, array of shape (n_bridges,) summing to 1, and membership of the candidates of the
        document it leads to, array of shape (n_candidates, n_bridges): the more a candidate covers of the question,
        the higher.
    """
    titles = {doc_id_of(document): frozenset(analyzer(str(document.metadata.get("title", "")))) for document in pool}
    strengths: dict[str, float] = {}
    for document, strength in zip(pool[:leading], relevance[:leading].tolist(), strict=True):
        body = set(analyzer(document.page_content))
        for doc_id, title in titles.items():
            if title and title <= body and doc_id != doc_id_of(document):
                strengths[doc_id] = max(strengths.get(doc_id, 0.0), strength)
    weights = np.array(list(strengths.values()))
    membership = np.zeros((len(pool), len(strengths)))
    share = covered / covered.max() if covered.any() else covered
    columns = {doc_id: column for column, doc_id in enumerate(strengths)}
    for row, document in enumerate(pool):
        column = columns.get(doc_id_of(document))
        if column is not None:
            membership[row, column] = share[row]
    return (weights / weights.sum() if weights.any() else weights), membership


def choose_chunks(
    question: str,
    documents: Sequence[Document],
    *,
    k: int,
    options: CoverageOptions,
    analyzer: Callable[[str], list[str]],
    idf: Callable[[str], float],
    extract_entities: EntityExtractor | None = None,
    sub_questions: Sequence[str] = (),
    source: str | None = None,
) -> list[tuple[Document, float]]:
    """Chunks of a ranked pool that together cover a question, in the order of choice, each with what it added.

    Args:
        question: what is asked.
        documents: the pool, most relevant first; a chunk that stands twice counts once.
        k: how many.
        options: how the set is chosen; ``pool`` is not read.
        analyzer: text to terms.
        idf: weight of a term.
        extract_entities: entities of a question; None for terms only.
        sub_questions: parts of the question.
        source: component whose scores tell the relevance of the candidates; without such scores their order does.

    Returns:
        ``(chunk, gain)``; the gain is in parts of full coverage, in [0, 1 + ``relevance`` + ``bridge_weight``].
    """
    pool = unique_by_chunk(documents)
    known = functools.cache(analyzer)  # every text is looked at for terms and again for bridges
    aspects = question_aspects(
        question,
        analyzer=analyzer,
        idf=idf,
        extract_entities=extract_entities,
        sub_questions=sub_questions,
    )
    membership = aspect_membership(aspects, pool, analyzer=known, title_weight=options.title_weight)
    # What no candidate holds cannot be covered; counting it would make every gain small beside the relevance.
    weights = np.array([aspect.weight for aspect in aspects]) * membership.any(axis=0)
    weights = weights / weights.sum() if weights.any() else weights
    relevance = _relevance(pool, source)
    strengths, reached = bridge_membership(
        pool, relevance, membership @ weights, analyzer=known, leading=options.bridges
    )
    objective = CoverageObjective(
        np.concatenate([weights, options.bridge_weight * strengths]),
        np.hstack([membership, reached]),
        options.relevance * relevance,
        options.gain,
    )
    picked = lazy_greedy(objective, k, options.epsilon, range(min(options.anchors, len(pool))))
    return [(pool[candidate], gain) for candidate, gain in picked]


def _relevance(pool: Sequence[Document], source: str | None) -> Floats:
    """Relevance in [0, 1] of a ranked pool: scores stretched over it, or else evenly by rank."""
    scores = [document.metadata.get("scores", {}).get(source) for document in pool]
    if any(score is None for score in scores):
        scores = list(range(len(pool), 0, -1))
    values = np.asarray(scores, np.float64)
    spread = np.ptp(values) if len(values) else 0.0
    return (values - values.min()) / spread if spread > 0 else np.ones(len(values))


class CoverageRetriever(BaseRetriever):
    """Chunks that together cover the question, chosen from the pool of any retriever.

    For questions that need several documents; a question about one thing keeps about the order of the pool. What each
    chunk added stands under ``component``, beside the scores of the pool's components. A call may name the parts of
    its question: ``invoke(question, sub_questions=["…?", "…?"])``.

    Args:
        retriever: where the pool comes from.
        options: how the set is chosen.
        analyzer: text to terms.
        idf: weight of a term in the whole index, such as ``BM25Index.idf``; rarity within the pool would mislead.
        extract_entities: entities of a question, such as ``retrievers.entities.extract_entities``; None for terms only.
        k: how many chunks; fewer come back where the pool is smaller or ``options.epsilon`` stops the choice.
        filter: only chunks whose metadata match it (see :mod:`retrievers.filters`); a call's own filter replaces it.
        component: key of the score and rank in the metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    retriever: BaseRetriever
    options: CoverageOptions = CoverageOptions()
    analyzer: Callable[[str], list[str]] = Field(default_factory=Analyzer)
    idf: Callable[[str], float] = Field(repr=False)
    extract_entities: EntityExtractor | None = Field(default=None, repr=False)
    k: int = Field(default=5, ge=1)
    filter: CheckedWhere | None = None
    component: str = "coverage"

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
        sub_questions: Sequence[str] = (),
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        pool = self.retriever.invoke(
            query, child_config(run_manager, self.retriever), **child_options(max(self.options.pool, count), where)
        )
        return self._choose(query, pool, count, where, sub_questions)

    async def _aget_relevant_documents(
        self,
        query: str,
        *,
        run_manager: AsyncCallbackManagerForRetrieverRun,
        k: int | None = None,
        filter: Where | None = None,
        sub_questions: Sequence[str] = (),
    ) -> list[Document]:
        count, where = call_k(k, self.k), call_filter(filter, self.filter)
        pool = await self.retriever.ainvoke(
            query, child_config(run_manager, self.retriever), **child_options(max(self.options.pool, count), where)
        )
        return await run_in_executor(None, self._choose, query, pool, count, where, sub_questions)

    def _choose(
        self, query: str, pool: Sequence[Document], k: int, where: Where | None, sub_questions: Sequence[str]
    ) -> list[Document]:
        chosen = choose_chunks(
            query,
            [document for document in pool if matches(document.metadata, where)],
            k=k,
            options=self.options,
            analyzer=self.analyzer,
            idf=self.idf,
            extract_entities=self.extract_entities,
            sub_questions=sub_questions,
            source=component_of(self.retriever),
        )
        return _scored(chosen, self.component)


class CoverageCompressor(BaseDocumentCompressor):
    """Chooses from the documents it is given those that together cover the question.

    Put it after a reranker with ``source`` naming the reranker's component. Input documents are left as they are.

    Args:
        top_n: how many documents are kept.
        options: how the set is chosen; ``pool`` is not read, all given documents are candidates.
        analyzer: text to terms.
        idf: weight of a term in the whole index, such as ``BM25Index.idf``; rarity within the pool would mislead.
        extract_entities: entities of a question, such as ``retrievers.entities.extract_entities``; None for terms only.
        source: component whose scores tell the documents' relevance; without such scores their order does.
        component: key of the score and rank in the metadata.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    top_n: int = Field(default=5, ge=1)
    options: CoverageOptions = CoverageOptions()
    analyzer: Callable[[str], list[str]] = Field(default_factory=Analyzer)
    idf: Callable[[str], float] = Field(repr=False)
    extract_entities: EntityExtractor | None = Field(default=None, repr=False)
    source: str | None = None
    component: str = "coverage"

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002
    ) -> list[Document]:
        """Copies of the chosen documents, in the order of choice."""
        chosen = choose_chunks(
            query,
            documents,
            k=self.top_n,
            options=self.options,
            analyzer=self.analyzer,
            idf=self.idf,
            extract_entities=self.extract_entities,
            source=self.source,
        )
        return _scored(chosen, self.component)


def _scored(chosen: Sequence[tuple[Document, float]], component: str) -> list[Document]:
    return [with_score(document, component, gain, rank) for rank, (document, gain) in enumerate(chosen, start=1)]
