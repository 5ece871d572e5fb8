"""Questions taken apart by rules over their syntax, offline.

What is described by a clause or by its relation to something named is asked for first; the description's place in the
question becomes a slot, and what is left is looked at again, until nothing is left to ask first. Comparisons and
coordinations ask the same of each member. Precision comes before recall: a question that no rule is sure of stays one
step.
"""

from __future__ import annotations

from langchain_core.runnables import RunnableConfig

from rag.agent.plan import MAX_CHARACTERS, Plan
from rag.agent.planning.building import Builder
from rag.agent.planning.comparisons import compare, compare_sameness, is_choice
from rag.agent.planning.conjunctions import coordinate, distribute
from rag.agent.planning.draft import Draft
from rag.agent.planning.openings import without_opening
from rag.agent.planning.roles import ask_for_bearer, ask_for_same_place

_SHAPES = (compare, compare_sameness, coordinate, distribute, ask_for_bearer, ask_for_same_place)


class RulePlanner:
    """The planner that needs no language model."""

    def plan(self, question: str, config: RunnableConfig | None = None) -> Plan:  # noqa: ARG002 - as planners are called
        """The plan of ``question``; one step where no rule applies."""
        text = " ".join(question.split())
        if not text or len(text) > MAX_CHARACTERS or "{" in text or "}" in text:
            return Plan.single(question)
        text, polite = without_opening(text)
        draft = Draft(text)
        if polite and not any(draft.asks(at) or draft.words[at].folded == "ли" for at in range(min(3, len(draft)))):
            return Plan.single(question)
        if not draft.words or draft.words[-1].text == "!":
            return Plan.single(question)
        for shape in _SHAPES:
            builder = Builder(question)
            if shape(draft, builder) and (plan := builder.plan()) is not None:
                return plan
            if shape is compare and is_choice(draft):
                return Plan.single(question)
        builder = Builder(question)
        if any(draft.asks(at) for at in range(len(draft))):
            builder.ask(draft, room=0)
        return builder.plan() or Plan.single(question)

    async def aplan(self, question: str, config: RunnableConfig | None = None) -> Plan:
        """The same: there is nothing to wait for."""
        return self.plan(question, config)
