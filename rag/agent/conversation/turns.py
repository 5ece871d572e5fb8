"""What was said before, and how much of it is remembered."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict, Field


class Turn(BaseModel):
    """A question and its answer.

    Args:
        question: in its standalone form, «Когда умер Лев Толстой?» for «А когда он умер?».
        answer: as it was given; ``""`` where there was none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str
    answer: str = ""


class HistoryOptions(BaseModel):
    """How much of a conversation is remembered.

    Args:
        turns: latest turns that are kept.
        characters: of questions and answers together; the latest turn is kept whatever its length, cut to it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    turns: int = Field(default=6, ge=1, le=50)
    characters: int = Field(default=4_000, ge=200, le=100_000)


def bounded(history: Sequence[Turn], options: HistoryOptions) -> list[Turn]:
    """The latest turns that fit, oldest first."""
    kept: list[Turn] = []
    left = options.characters
    for turn in reversed(history[-options.turns :]):
        length = len(turn.question) + len(turn.answer)
        if length > left:
            if not kept:
                question = turn.question[: options.characters // 2]
                kept.append(Turn(question=question, answer=turn.answer[: options.characters - len(question)]))
            break
        kept.append(turn)
        left -= length
    return kept[::-1]
