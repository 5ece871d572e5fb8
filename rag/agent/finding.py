"""What a step of a plan found: its answers, likeliest first, and the passages they were read from."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from langchain_core.documents import Document

from rag.answer import Citation
from retrievers.analysis import lemma, words
from retrievers.documents import unique_by_chunk


@dataclass(frozen=True, slots=True)
class FoundAnswer:
    """One answer of a step.

    Args:
        text: in Russian, in the nominative where the reader can.
        confidence: probability in [0, 1] that it is right, given that what its question was filled with is.
        citations: quotes that support it.
        about: what it was asked of, where the step asked for each of several.
        path: probability in [0, 1] that what its question was filled with is right.
        weakest: the least confidence on the way to it, its own among them.
        support: quotes for what its question was filled with.
    """

    text: str
    confidence: float
    citations: tuple[Citation, ...] = ()
    about: str = ""
    path: float = 1.0
    weakest: float = 1.0
    support: tuple[Citation, ...] = ()

    @property
    def joint(self) -> float:
        """Probability in [0, 1] that it is right and was asked of the right thing."""
        return self.confidence * self.path

    @property
    def key(self) -> frozenset[str]:
        """Its words by lemma: equal for the same answer in another form."""
        return words_of(self.text)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a step found.

    Args:
        answers: of a step that asks for one, alternatives, likeliest first; of one that asks for several, all of them.
        evidence: passages behind the answers, best first.
        several: the answers stand beside each other and are no alternatives.
    """

    answers: tuple[FoundAnswer, ...] = ()
    evidence: tuple[Document, ...] = field(default=())
    several: bool = False

    @property
    def text(self) -> str:
        """The answer, or all of them; ``""`` for none."""
        return ", ".join(one.text for one in self.kept)

    @property
    def kept(self) -> tuple[FoundAnswer, ...]:
        """The answers that make up the step's answer."""
        return self.answers if self.several else self.answers[:1]

    @property
    def confidence(self) -> float:
        """Probability in [0, 1] that the step's answer is right; of several answers, their mean."""
        kept = self.kept
        return sum(one.joint for one in kept) / len(kept) if kept else 0.0


def words_of(text: str) -> frozenset[str]:
    """Words of ``text`` by lemma."""
    return frozenset(lemma(word) for word in words(text))


def distinct(answers: Iterable[FoundAnswer], n: int) -> tuple[FoundAnswer, ...]:
    """The first ``n`` answers that say something else than the ones before: «Лем» after «Станислав Лем» does not."""
    kept: list[FoundAnswer] = []
    for answer in answers:
        key = answer.key
        if key and not any(key <= other.key or key >= other.key for other in kept):
            kept.append(answer)
        if len(kept) == n:
            break
    return tuple(kept)


def interleaved(parts: Sequence[Sequence[Document]]) -> tuple[Document, ...]:
    """The first of every part, then the second of every part, and so on, each chunk once."""
    rows = itertools.zip_longest(*parts)
    return tuple(unique_by_chunk(document for row in rows for document in row if document is not None))


def united(findings: Sequence[Finding]) -> tuple[FoundAnswer, ...]:
    """UNION: every answer of the findings once, in order."""
    every = [answer for finding in findings for answer in finding.kept]
    return distinct(every, len(every)) if every else ()


def common(findings: Sequence[Finding]) -> tuple[FoundAnswer, ...]:
    """INTERSECT: answers of the first finding that every other one has too, by their words.

    Alternatives count: a step that was not sure of its answer may mean the one that the others found.
    """
    if not findings:
        return ()
    shared = [
        answer
        for answer in findings[0].answers
        if all(any(_same(answer, other) for other in finding.answers) for finding in findings[1:])
    ]
    return distinct(shared, len(shared)) if shared else ()


def _same(left: FoundAnswer, right: FoundAnswer) -> bool:
    return bool(left.key) and (left.key <= right.key or right.key <= left.key)
