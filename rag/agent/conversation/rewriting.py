"""What makes a follow-up question standalone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from langchain_core.runnables import RunnableConfig

from rag.agent.conversation.turns import Turn


class Origin(StrEnum):
    """Who made a question standalone."""

    ASKED = "asked"  # nobody: it stands as it was asked
    RULES = "rules"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Rewriting:
    """A question and its standalone form.

    Args:
        question: as asked, without the white space around it.
        standalone: the same question for somebody who has not heard the conversation.
        origin: who wrote it.
        antecedent: what its words were found to mean, ``""`` where it stands as asked.
        note: in Russian, for whoever reads it: the rule that applied, or why it was left alone.
    """

    question: str
    standalone: str
    origin: Origin = Origin.ASKED
    antecedent: str = ""
    note: str = ""

    @property
    def changed(self) -> bool:
        """Whether it differs from what was asked."""
        return self.standalone != self.question


@runtime_checkable
class Rewriter(Protocol):
    """Makes follow-up questions standalone; one that stands by itself comes back as it is.

    A rewriter never fails for what the question says or a model answers.
    """

    def rewrite(self, question: str, history: Sequence[Turn], config: RunnableConfig | None = None) -> Rewriting:
        """The standalone form of ``question`` after ``history``, oldest turn first."""
        ...
