"""The prompt for a model that makes follow-up questions standalone: what was said before is data, whatever it says."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from prompts.fencing import as_line

Exchange = tuple[str, str]  # a question and its answer, which may be ""

# What a model that continues a text writes after its reply: the next example.
COMPLETION_STOPS = ("\n",)


@dataclass(frozen=True, slots=True)
class FollowUpPrompt:
    """What is asked about one follow-up question.

    Args:
        instruction: what to do.
        label: words in front of a reply.
        examples: inputs and the replies wanted.
        input: the conversation and the question, fenced.
    """

    instruction: str
    label: str
    examples: tuple[tuple[str, str], ...]
    input: str

    def messages(self) -> list[dict[str, str]]:
        """For chat models: the examples as turns before."""
        turns = [{"role": "system", "content": self.instruction}]
        for given, wanted in self.examples:
            turns += [{"role": "user", "content": given}, {"role": "assistant", "content": wanted}]
        return [*turns, {"role": "user", "content": self.input}]

    def completion(self) -> str:
        """For models that continue a text; decoding stops at :data:`COMPLETION_STOPS`."""
        examples = [f"{given}\n{self.label} {wanted}" for given, wanted in self.examples]
        return "\n\n".join([self.instruction, *examples, f"{self.input}\n{self.label}"])


def follow_up_prompt(question: str, history: Sequence[Exchange]) -> FollowUpPrompt:
    """Asks for the standalone form of ``question`` after ``history``, oldest exchange first."""
    table = _table()
    examples = tuple(
        (_input(one["question"], [(asked, answered) for asked, answered in one["history"]]), one["output"])
        for one in table["examples"]
    )
    return FollowUpPrompt(table["instruction"].strip(), table["label"], examples, _input(question, history))


def _input(question: str, history: Sequence[Exchange]) -> str:
    said = [
        line
        for asked, answered in history
        for line in (f"<вопрос>{as_line(asked)}</вопрос>", f"<ответ>{as_line(answered) or 'нет ответа'}</ответ>")
    ]
    return "\n".join(["<разговор>", *said, "</разговор>", f"<новый вопрос>{as_line(question)}</новый вопрос>"])


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files("prompts").joinpath("data/conversation.toml").read_text(encoding="utf-8"))
