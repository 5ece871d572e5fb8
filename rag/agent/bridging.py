"""Which answers of a step to go on from: a later step asks about them.

The reader's own order is the beginning. Two things it does not know are added: the noun of the slot tells what kind of
thing must fill it («композитор» is a person), and what is asked about next has, in most collections, a document of its
own. Names of the right kind in the passages stand behind the reader's answers, so that a misreading is no dead end.

Tuned on the first steps of 61 questions over 92 articles and 38 over 841 pages, whose right answer came first for 48
and 71 in a hundred by the reader alone, and for 64 and 97 so; among the first three for 70 and 95, and for 75 and 100.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from langchain_core.documents import Document

from generators.base import Evidence
from generators.reading.question import AnswerType, focus_class
from rag.agent.finding import FoundAnswer, distinct, words_of
from rag.chain import Filter
from rag.citations import cite
from retrievers.analysis import morph, words
from retrievers.documents import chunk_id_of
from retrievers.entities import Entity, EntityType, extract_entities_batch

# Factors of the odds that an answer is right.
LINKED = 5.0  # it is what a document is called
OTHER_KIND = 0.2  # the slot takes a name, and the passages do not have it among the names of that kind
# Odds of a name that the reader did not answer with: in the best passage, and for every passage further down.
NAMED, FURTHER_DOWN = 0.1, 0.7

_LONGEST = 10  # different words; a longer answer is a sentence of a language model, and no name to ask about
_LOOKED_AT = 5  # hits of a search for the answer alone; titles are part of what is searched
_REMEMBERED = 10_000
_KINDS = {
    AnswerType.PERSON: EntityType.PER,
    AnswerType.PLACE: EntityType.LOC,
    AnswerType.ORGANIZATION: EntityType.ORG,
}


class TitleLinker:
    """Looks whether an answer is the title of a document, or a part of it, or the other way round, by lemmas.

    A first name alone is a part of many titles and means none of them.

    Args:
        search: finds chunks for a text, best first, by words, among those that a filter lets through.
    """

    def __init__(self, search: Callable[[str, Filter | None], Sequence[Document]]) -> None:
        self._search = search
        self._known = functools.lru_cache(_REMEMBERED)(functools.partial(self._is_title, where=None))

    def names_document(self, text: str, where: Filter | None = None) -> bool:
        """Whether ``text`` is what a document is called, of those that ``where`` lets through."""
        return self._known(text) if where is None else self._is_title(text, where)

    def _is_title(self, text: str, where: Filter | None) -> bool:
        key = words_of(text)
        titles = [words_of(str(hit.metadata.get("title", ""))) for hit in self._search(text, where)[:_LOOKED_AT]]
        if is_first_name(text):
            return key in titles
        return bool(key) and any(title and (key <= title or title <= key) for title in titles)


@dataclass(frozen=True)
class Bridge:
    """Orders what a step found for the steps that ask about it.

    Args:
        linker: knows which answers have a document of their own; None where nobody does.
    """

    linker: TitleLinker | None = None

    def candidates(
        self,
        slot: str,
        query: str,
        answers: Sequence[FoundAnswer],
        passages: Sequence[Document],
        n: int,
        *,
        where: Filter | None = None,
    ) -> tuple[FoundAnswer, ...]:
        """At most ``n`` fillings of ``slot``, likeliest first.

        Args:
            slot: its name, a noun for what fills it.
            query: that was asked; an answer that only repeats its words leads nowhere.
            answers: of the reader, likeliest first.
            passages: that were read, best first.
            n: how many.
            where: filter of the search.
        """
        known = words_of(query)
        new = [answer for answer in answers if not answer.key <= known and len(answer.key) <= _LONGEST]
        kind = _KINDS.get(focus_class(slot.lower()))
        judged = list(self._of_kind(kind, known, new, passages)) if kind else new
        ranked = sorted((self._linked(answer, where) for answer in judged), key=lambda answer: -answer.confidence)
        return distinct(ranked, n) if ranked else ()

    def _of_kind(
        self, kind: EntityType, known: frozenset[str], answers: Sequence[FoundAnswer], passages: Sequence[Document]
    ) -> Iterator[FoundAnswer]:
        """The answers, those of another kind made less likely, then the other names of that kind.

        A language model answers in the words of the passage, «Александра Македонского»: a name is taken in the
        nominative.
        """
        found = extract_entities_batch([passage.page_content for passage in passages])
        normal = {entity.text: entity.normal for entities in found for entity in entities}
        named = _names(kind, known, found, passages)
        for answer in answers:
            worded = replace(answer, text=normal.get(answer.text, answer.text))
            fits = any(_overlap(worded.key, key) for key in named)
            yield worded if fits else _weighed(worded, OTHER_KIND)
        for key, name in named.items():
            if not any(_overlap(answer.key, key) for answer in answers):
                yield name

    def _linked(self, answer: FoundAnswer, where: Filter | None) -> FoundAnswer:
        linked = self.linker is not None and self.linker.names_document(answer.text, where)
        return _weighed(answer, LINKED) if linked else answer


def _names(
    kind: EntityType, known: frozenset[str], entities: Sequence[Sequence[Entity]], passages: Sequence[Document]
) -> dict[frozenset[str], FoundAnswer]:
    """Names of a kind in the passages by their words, each once, where it stands first."""
    found: dict[frozenset[str], FoundAnswer] = {}
    for rank, of_passage in enumerate(entities):
        for entity in of_passage:
            key = words_of(entity.normal)
            if is_first_name(entity.normal):
                continue  # of whoever the passage has named in full
            if entity.type is kind and key and not key <= known and key not in found:
                found[key] = _answer(entity, passages[rank], NAMED * FURTHER_DOWN**rank)
    return found


def _answer(entity: Entity, passage: Document, odds: float) -> FoundAnswer:
    confidence = odds / (1.0 + odds)
    quotes = cite([Evidence(chunk_id_of(passage), entity.start, entity.stop)], [passage])
    return FoundAnswer(entity.normal, confidence, quotes, weakest=confidence)


def _weighed(answer: FoundAnswer, factor: float) -> FoundAnswer:
    """The answer with its odds multiplied."""
    confidence = factor * answer.confidence / (1.0 - answer.confidence + factor * answer.confidence)
    return replace(answer, confidence=confidence, weakest=confidence)


def is_first_name(text: str) -> bool:
    """Whether ``text`` is a first name and nothing else: «Николай», and not «Пётр I» or «Лем»."""
    found = words(text)
    return len(found) == 1 and "Name" in morph().parse(found[0])[0].tag


def _overlap(left: frozenset[str], right: frozenset[str]) -> bool:
    return left <= right or right <= left
