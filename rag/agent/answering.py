"""SYNTHESIZE: the answer of a plan from what its steps found, and from nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from langchain_core.documents import Document

from rag.agent.finding import Finding, interleaved
from rag.agent.plan import Plan, SubQuestion
from rag.answer import Citation
from retrievers.documents import chunk_id_of


@dataclass(frozen=True, slots=True)
class Synthesis:
    """An answer with everything it stands on.

    Args:
        text: the answer, ``""`` where a step that it needs found none.
        confidence: probability in [0, 1] of the weakest step on the way to it.
        citations: quotes, those of the last steps first, then of the steps before them.
        evidence: passages, chosen ones first.
    """

    text: str
    confidence: float
    citations: tuple[Citation, ...]
    evidence: tuple[Document, ...]


def synthesize(plan: Plan, found: Mapping[str, Finding], passages: int) -> Synthesis:
    """Put the answer of a plan together: that of its last step, or of its last steps beside each other.

    Args:
        plan: that was followed.
        found: by the id of the sub-question; a step that was not reached has none.
        passages: at most how many stand behind the answer; every step gets its share of them.
    """
    last = [found.get(one.id, Finding()) for one in plan.last]
    kept = [answer for finding in last for answer in finding.kept]
    evidence = _evidence(plan, found, passages)
    if not kept or not all(finding.answers for finding in last):
        return Synthesis("", 0.0, (), evidence)
    quotes = [quote for answer in kept for quote in (*answer.citations, *answer.support)]
    read = {chunk_id_of(document) for document in evidence}
    return Synthesis(
        text=_text(plan.last, last),
        confidence=min(answer.weakest for answer in kept),
        citations=tuple(dict.fromkeys(quote for quote in quotes if quote.chunk_id in read)),
        evidence=evidence,
    )


def _text(last: Sequence[SubQuestion], found: Sequence[Finding]) -> str:
    """One answer as it is; answers to several questions side by side, each with whom it is of where that is known."""
    if len(found) == 1:
        return found[0].text
    parts = [
        f"{finding.answers[0].about} — {finding.text}" if one.about else finding.text
        for one, finding in zip(last, found, strict=True)
    ]
    return "; ".join(dict.fromkeys(parts))


def _evidence(plan: Plan, found: Mapping[str, Finding], passages: int) -> tuple[Document, ...]:
    """What is quoted first, then the best of every step in turn."""
    findings = [found[one.id] for one in reversed(plan.sub_questions) if one.id in found]
    last = [answer for one in plan.last if one.id in found for answer in found[one.id].kept]
    quoted = {quote.chunk_id for answer in last for quote in (*answer.citations[:1], *answer.support)}
    documents = interleaved([finding.evidence for finding in findings])
    ordered = sorted(documents, key=lambda document: chunk_id_of(document) not in quoted)  # the rest keeps its order
    return tuple(ordered[:passages])
