"""Entity-biased retrieval: passages and titles that hold the names a question asks about come first."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from functools import partial

from langchain_core.callbacks import AsyncCallbackManagerForRetrieverRun, CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import run_in_executor
from pydantic import Field

from retrievers.analysis import lemmas
from retrievers.documents import search_text, unique_by_chunk, with_score
from retrievers.entities import Entity, extract_entities
from retrievers.expansion.base import ExpandingRetriever
from retrievers.expansion.report import Addition, Expansion
from retrievers.filters import Where, matches
from retrievers.hybrid import child_config, child_options, component_of

EntityExtractor = Callable[[str], Sequence[Entity]]

_QUOTED = re.compile(r"«([^«»]+)»|„([^„“]+)“|“([^“”]+)”|\"([^\"]+)\"")


def names_in(question: str, extract: EntityExtractor = extract_entities) -> list[str]:
    """What a question names, in order, each once: people, places and organisations in the nominative, and quoted names.

    A name inside another one is left out: ``names_in("Кто написал роман «Анна Каренина»?") == ["Анна Каренина"]``.

    Raises:
        ModelUnavailableError: the model files of the recogniser are missing.
    """
    spans = [
        (match.start(), match.end(), next(filter(None, match.groups())).strip()) for match in _QUOTED.finditer(question)
    ]
    for entity in extract(question):
        if not any(start < entity.stop and entity.start < stop for start, stop, _ in spans):
            spans.append((entity.start, entity.stop, entity.normal))
    return list(dict.fromkeys(name for _, _, name in sorted(spans) if name))


def entity_query(question: str, extract: EntityExtractor = extract_entities) -> str:
    """The names of a question and nothing else, as a query; ``""`` where it names nothing.

    ``entity_query("Где родился Витус Беринг?") == "Витус Беринг"``
    """
    return " ".join(names_in(question, extract))


def name_share(names: Sequence[Collection[str]], title: Collection[str], text: Collection[str]) -> float:
    """Share of the names that a passage holds, in [0, 1]; one that only the text holds counts half.

    Args:
        names: lemmas of each name.
        title: lemmas of the title and the headings.
        text: lemmas of the whole passage.
    """
    if not names:
        return 0.0
    shares = [max(_part(name, title), _part(name, text) / 2) for name in names]
    return sum(shares) / len(shares)


def _part(name: Collection[str], lemmas_there: Collection[str]) -> float:
    # A name without words, «÷», can be in no passage.
    return sum(lemma in lemmas_there for lemma in name) / len(name) if name else 0.0


def biased_order(scores: Sequence[float], shares: Sequence[float], boost: float) -> list[tuple[int, float]]:
    """Order of passages by score and names: ``biased_order([2, 1], [0, 1], boost=0.6) == [(1, 1.1), (0, 1.0)]``.

    Args:
        scores: of the passages, higher is better; they are divided by the best one, those below zero count as zero.
        shares: of the names that each passage holds (:func:`name_share`).
        boost: what holding all names is worth, in parts of the best score.

    Returns:
        Number of the passage and its new score, best first; equal ones in the given order.
    """
    best = max(scores, default=0.0)
    biased = [
        (max(score, 0.0) / best if best > 0 else 0.0) + boost * share
        for score, share in zip(scores, shares, strict=True)
    ]
    return sorted(enumerate(biased), key=lambda item: -item[1])


class EntityBiasedRetriever(ExpandingRetriever):
    """The hits of any retriever, those first that hold the names the question asks about.

    Names are people, places and organisations that slovnet recognises, put into the nominative, and whatever stands in
    quotes. They are compared by lemmas, so that any grammatical form is found. A question without names keeps the
    order. Chunks keep the child's scores; the biased score stands under ``component``. A reranker behind it orders
    them anew.

    Args:
        retriever: any LangChain retriever; hits of one that gives no scores count ``1 / rank``.
        boost: what holding all names is worth, in parts of the best hit's score.
        pool: hits that are looked at, at least ``k``.
        extract_entities: recogniser of names.
    """

    retriever: BaseRetriever
    boost: float = Field(default=0.5, ge=0.0)
    pool: int = Field(default=50, ge=1)
    extract_entities: EntityExtractor = Field(default=extract_entities, repr=False)
    component: str = "entities"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        names = names_in(question, self.extract_entities)
        return Expansion(self.component, question, tuple(Addition(name, self.boost / len(names)) for name in names))

    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        options = child_options(max(self.pool, k), where)
        found = self.retriever.invoke(expansion.question, child_config(run_manager, self.retriever), **options)
        return self._biased(found, expansion, k, where)

    async def _asearch(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        options = child_options(max(self.pool, k), where)
        found = await self.retriever.ainvoke(expansion.question, child_config(run_manager, self.retriever), **options)
        return await run_in_executor(None, partial(self._biased, found, expansion, k, where))

    def _biased(self, found: Sequence[Document], expansion: Expansion, k: int, where: Where | None) -> list[Document]:
        hits = [hit for hit in unique_by_chunk(found) if matches(hit.metadata, where)][: max(self.pool, k)]
        child = component_of(self.retriever)
        scores = [hit.metadata.get("scores", {}).get(child, 1 / rank) for rank, hit in enumerate(hits, start=1)]
        names = [set(lemmas(name)) for name in expansion.texts]
        shares = [_held(names, hit) for hit in hits] if names else [0.0] * len(hits)
        order = biased_order(scores, shares, self.boost)[:k]
        return [with_score(hits[at], self.component, score, rank) for rank, (at, score) in enumerate(order, start=1)]


class NamesOnlyRetriever(ExpandingRetriever):
    """Searches any retriever for the names that a question holds, and for nothing else of it.

    What a question says about its names may be worded otherwise in the passage that answers; its names stand there. A
    question without names finds nothing. Chunks keep the child's scores and ranks.

    Args:
        retriever: any LangChain retriever.
        extract_entities: recogniser of names.
    """

    retriever: BaseRetriever
    extract_entities: EntityExtractor = Field(default=extract_entities, repr=False)
    component: str = "names"

    def _expand(self, question: str, where: Where | None, config: RunnableConfig | None) -> Expansion:  # noqa: ARG002
        names = [name for name in names_in(question, self.extract_entities) if lemmas(name)]
        return Expansion(self.component, question, tuple(Addition(name, 1.0) for name in names))

    def _search(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: CallbackManagerForRetrieverRun
    ) -> list[Document]:
        if not expansion.texts:
            return []
        config, options = child_config(run_manager, self.retriever), child_options(k, where)
        return self.retriever.invoke(" ".join(expansion.texts), config, **options)[:k]

    async def _asearch(
        self, expansion: Expansion, k: int, where: Where | None, run_manager: AsyncCallbackManagerForRetrieverRun
    ) -> list[Document]:
        if not expansion.texts:
            return []
        config, options = child_config(run_manager, self.retriever), child_options(k, where)
        return (await self.retriever.ainvoke(" ".join(expansion.texts), config, **options))[:k]


def _held(names: Sequence[Collection[str]], hit: Document) -> float:
    title = f"{hit.metadata.get('title', '')} {hit.metadata.get('headings', '')}"
    return name_share(names, set(lemmas(title)), set(lemmas(search_text(hit))))
