"""What became of a question before it was searched with: what was added to it, and what was left out and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from langchain_core.callbacks import (
    AsyncCallbackManagerForRetrieverRun,
    CallbackManagerForRetrieverRun,
    adispatch_custom_event,
    dispatch_custom_event,
)

EVENT = "query_expansion"  # name of the custom event that callbacks and ``astream_events`` see


class DropReason(StrEnum):
    """Why a written text is not searched with."""

    EMPTY = "empty"
    NOT_RUSSIAN = "not Russian"
    IDENTICAL = "says what the question says in its own words"
    DRIFTED = "too far from the question"
    DUPLICATE = "repeats another one"


@dataclass(frozen=True, slots=True)
class Addition:
    """A text that is searched with beside the question: a rewrite, a passage, a name or an index term.

    Args:
        text: as searched with.
        weight: what it counts beside the question, which counts :attr:`Expansion.question_weight`.
    """

    text: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Dropped:
    """A written text that is not searched with.

    Args:
        text: as written.
        reason: why not.
        similarity: to the question or, of a duplicate, to what it repeats; None where it was not looked at.
    """

    text: str
    reason: DropReason
    similarity: float | None = None


@dataclass(frozen=True, slots=True)
class Expansion:
    """What a question was expanded to.

    Args:
        method: component that did it.
        question: as asked.
        added: what is searched with beside it; empty where the question is searched with alone.
        dropped: what was written and left out.
        question_weight: what the question, or each word of it, counts.
    """

    method: str
    question: str
    added: tuple[Addition, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    question_weight: float = 1.0

    @property
    def texts(self) -> list[str]:
        """The added texts."""
        return [addition.text for addition in self.added]

    def counts(self) -> dict[str, int]:
        """How many texts were left out, by reason."""
        return dict(Counter(str(dropped.reason) for dropped in self.dropped))

    def as_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "method": self.method,
            "question": self.question,
            "question_weight": self.question_weight,
            "added": [{"text": addition.text, "weight": addition.weight} for addition in self.added],
            "dropped": [
                {"text": dropped.text, "reason": str(dropped.reason), "similarity": dropped.similarity}
                for dropped in self.dropped
            ],
        }


def announce(expansion: Expansion, run_manager: CallbackManagerForRetrieverRun) -> None:
    """Tell the callbacks of a retriever's run, as the custom event :data:`EVENT`."""
    dispatch_custom_event(EVENT, expansion.as_dict(), config={"callbacks": run_manager.get_child()})


async def aannounce(expansion: Expansion, run_manager: AsyncCallbackManagerForRetrieverRun) -> None:
    """Async twin of :func:`announce`."""
    await adispatch_custom_event(EVENT, expansion.as_dict(), config={"callbacks": run_manager.get_child()})
