"""What a person who read the composed questions decided about each."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from evals.dataset import Question
from evals.files import atomic_write
from evals.multistep.compose import Draft
from evals.records import read_rows
from retrievers.errors import InputError


class Decision(StrEnum):
    """What becomes of a question."""

    KEPT = "kept"
    REWORDED = "reworded"
    DROPPED = "dropped"


class Verdict(BaseModel):
    """The verdict on one composed question.

    Args:
        qid: of the question.
        composed: the text that was read; another text under the same qid counts as unread.
        verdict: the decision.
        question: of REWORDED, the new text.
        standalone: of a reworded follow-up, the new text of the question without its history, where that was reworded.
        reason: why it was reworded or dropped, in a few words that many may share.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    qid: str
    composed: str = Field(min_length=1)
    verdict: Decision
    question: str = ""
    standalone: str = ""
    reason: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.verdict is Decision.REWORDED) != bool(self.question or self.standalone):
            raise ValueError("a new text belongs to the verdict reworded, and to no other")
        if (self.verdict is Decision.KEPT) == bool(self.reason):
            raise ValueError("a reason belongs to the verdicts reworded and dropped, and to no other")
        return self


@dataclass(frozen=True, slots=True)
class Judged:
    """Drafts after the verdicts.

    Args:
        drafts: those that stay, reworded where they were.
        decisions: of every draft that was read, by qid.
        unread: drafts that have no verdict, or one on another text.
    """

    drafts: Sequence[Draft]
    decisions: Mapping[str, Verdict]
    unread: Sequence[Draft] = field(default_factory=tuple)


def read_verdicts(path: Path) -> dict[str, Verdict]:
    """Verdicts by qid.

    Raises:
        InputError: naming file, line and field of what is wrong; a qid that stands twice is wrong too.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file; expected JSON Lines with qid, composed, verdict")
    verdicts: dict[str, Verdict] = {}
    for number, verdict in read_rows(path, Verdict):
        if verdict.qid in verdicts:
            raise InputError(f"{path}:{number}: field qid: {verdict.qid!r} has a verdict already")
        verdicts[verdict.qid] = verdict
    return verdicts


def apply(drafts: Iterable[Draft], verdicts: Mapping[str, Verdict]) -> Judged:
    """Keep, reword and drop."""
    kept: list[Draft] = []
    unread: list[Draft] = []
    decisions: dict[str, Verdict] = {}
    for draft in drafts:
        verdict = verdicts.get(draft.question.qid)
        if verdict is None or verdict.composed != draft.question.question:
            unread.append(draft)
            continue
        decisions[verdict.qid] = verdict
        if verdict.verdict is not Decision.DROPPED:
            kept.append(_reworded(draft, verdict))
    return Judged(kept, decisions, unread)


def write_unread(path: Path, drafts: Iterable[Draft]) -> None:
    """Write verdicts to be filled in: each keeps its question as composed, until a reader says otherwise."""
    with atomic_write(path) as file:
        for draft in drafts:
            verdict = Verdict(qid=draft.question.qid, composed=draft.question.question, verdict=Decision.KEPT)
            file.write(verdict.model_dump_json(exclude_defaults=True) + "\n")


def _reworded(draft: Draft, verdict: Verdict) -> Draft:
    if verdict.verdict is not Decision.REWORDED:
        return draft
    changes: dict[str, Any] = {"question": verdict.question} if verdict.question else {}
    if verdict.standalone:
        changes["standalone"] = verdict.standalone
    question = Question.model_validate({**draft.question.model_dump(), **changes})
    return dataclasses.replace(draft, question=question)
