"""What the formats share: options, what was left out and why, and how examples become prompts and completions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evals.rewards.rows import Example
from generators.base import NO_ANSWER
from prompts.answer import ChatPrompt, Passage, chat_prompt

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a user decides about an export.

    Args:
        threshold: from which reward a completion is desirable (kto), or a step's sub-answer right (trl-prm).
        margin: by how much the rewards of a pair differ at least (dpo).
        split: name of the part, as verl keeps it in a row.
    """

    threshold: float = 0.5
    margin: float = 0.1
    split: str = "train"


@dataclass(slots=True)
class LeftOut:
    """How many records did not become rows, by reason."""

    reasons: Counter[str] = field(default_factory=Counter)

    def add(self, reason: str) -> None:
        """Count one."""
        self.reasons[reason] += 1

    def __str__(self) -> str:
        """All reasons with their counts, most frequent first."""
        return ", ".join(f"{count} ({reason})" for reason, count in self.reasons.most_common())


MakeRows = Callable[[Sequence[Example], ExportOptions, LeftOut], Iterator[Row]]
WriteRows = Callable[[Path, Sequence[Row]], None]


@dataclass(frozen=True, slots=True)
class Format:
    """A way to write examples.

    Args:
        rows: makes rows, and counts what it leaves out.
        write: writes them; the file appears whole or not at all.
    """

    rows: MakeRows
    write: WriteRows


def shown_prompt(example: Example, left_out: LeftOut) -> ChatPrompt | None:
    """The question with the passages read, as an instruct model is asked; counts what has none to show."""
    if not example.passages:
        unknown = example.passages is None
        left_out.add("text of a passage is not in passages.jsonl" if unknown else "no passages were read")
        return None
    passages = [Passage(one.text, one.title) for one in example.passages]
    return chat_prompt(example.record.question, passages, no_answer=NO_ANSWER)


def passage_doc_ids(example: Example) -> list[str]:
    """Documents of the passages, in the order in which the prompt numbers them."""
    return [one.doc_id for one in example.passages or ()]


def written_completion(answer: Example, shown: Example) -> str:
    """What a model would have to write to give this answer: with the numbers of its passages, as the prompt asks.

    Args:
        answer: whose answer it is.
        shown: whose passages the prompt shows; citations of others cannot be numbered and are left out.
    """
    record = answer.record.answer
    if record is None or not record.delivered:
        return NO_ANSWER
    numbers = {passage.chunk_id: number for number, passage in enumerate(shown.passages or (), start=1)}
    cited = sorted({numbers[one.chunk_id] for one in record.citations if one.chunk_id in numbers})
    return f"{record.delivered} [{', '.join(map(str, cited))}]" if cited else record.delivered


def with_gold(examples: Sequence[Example], left_out: LeftOut) -> Iterator[Example]:
    """Examples whose completions can be judged: with gold answers, or where abstaining is right."""
    for example in examples:
        if example.record.answers or not example.record.answerable:
            yield example
        else:
            left_out.add("no gold answer")


def once_a_question(examples: Sequence[Example], left_out: LeftOut) -> Iterator[Example]:
    """The first example of each question: what only holds the question is the same for every variant."""
    seen: set[str] = set()
    for example in examples:
        if example.record.qid in seen:
            left_out.add("the same question under another variant")
            continue
        seen.add(example.record.qid)
        yield example
