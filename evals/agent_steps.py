"""The agent's trace as the evaluation and its rewards read it: one step a search."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals.records import Ranked, Step
from rag.agent.searching import AS_ASKED

if TYPE_CHECKING:
    from rag.agent.trace import AgentTrace
    from rag.answer import Answer


def steps_of(trace: AgentTrace) -> tuple[Step, ...]:
    """Every search of a trace: what was asked, what came back, what was read from it."""
    return tuple(
        Step(
            # Asked in other words, it is no repetition; the words of the way tell the two apart.
            query=step.query if step.way in {"", AS_ASKED} else f"{step.query} ({step.way})",
            ranking=tuple(Ranked(chunk_id=hit.chunk_id, doc_id=hit.doc_id, score=hit.score) for hit in step.hits),
            answer=step.answer,
        )
        for step in trace.searches
    )


def agent_ranking(answer: Answer, steps: tuple[Step, ...]) -> tuple[Ranked, ...]:
    """What stands behind an answer as one ranking: its passages, then what its searches found besides, in turn."""
    ranked = {
        one.chunk_id: Ranked(chunk_id=one.chunk_id, doc_id=one.doc_id, score=next(reversed(one.scores.values()), 0.0))
        for one in answer.contexts
    }
    depth = max((len(step.ranking) for step in steps), default=0)
    for rank in range(depth):
        for step in steps:
            for hit in step.ranking[rank : rank + 1]:
                ranked.setdefault(hit.chunk_id, hit)
    return tuple(ranked.values())
