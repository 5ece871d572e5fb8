"""Prompts for a model that writes queries: the question in other words, or a passage that could answer it.

The first is for multi-query retrieval, the second for HyDE (Gao et al. 2022, arXiv:2212.10496) and query2doc (Wang,
Yang and Wei 2023, arXiv:2303.07678).
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

from prompts.answer import fill
from prompts.fencing import as_line

MAX_REWRITES = 5  # that many stand in every worked example

# What a model that continues a text writes after its reply: the next example.
COMPLETION_STOPS = ("\n\n", "\nВопрос:")


@dataclass(frozen=True, slots=True)
class QueryPrompt:
    """What is asked of a writer of queries about one question.

    Args:
        instruction: what to do.
        label: word in front of a reply.
        examples: questions and the replies wanted.
        question: as asked; data, whatever it says.
    """

    instruction: str
    label: str
    examples: tuple[tuple[str, str], ...]
    question: str

    def messages(self) -> list[dict[str, str]]:
        """For chat models: the examples as turns of the conversation before."""
        turns = [{"role": "system", "content": self.instruction}]
        for question, reply in self.examples:
            turns += [{"role": "user", "content": _fenced(question)}, {"role": "assistant", "content": reply}]
        return [*turns, {"role": "user", "content": _fenced(self.question)}]

    def completion(self) -> str:
        """For models that continue a text; decoding stops at :data:`COMPLETION_STOPS`."""
        examples = [f"Вопрос: {_fenced(question)}\n{self.label}\n{reply}" for question, reply in self.examples]
        return "\n\n".join([self.instruction, *examples, f"Вопрос: {_fenced(self.question)}\n{self.label}\n"])


def rewrites_prompt(question: str, count: int) -> QueryPrompt:
    """Asks for the same question in other words, a numbered line each.

    Args:
        question: as asked.
        count: how many, from 1 to :data:`MAX_REWRITES`.
    """
    if not 1 <= count <= MAX_REWRITES:
        raise ValueError(f"expected from 1 to {MAX_REWRITES} rewrites, got {count}")
    table = _tables()["rewrites"]
    examples = tuple((one["question"], _numbered(one["output"][:count])) for one in table["examples"])
    instruction = fill(table["instruction"], {"count": str(count)})
    return QueryPrompt(instruction.strip(), table["label"], examples, question)


def passage_prompt(question: str) -> QueryPrompt:
    """Asks for a short passage of an encyclopaedia that could answer the question, true or not."""
    table = _tables()["passage"]
    examples = tuple((one["question"], one["output"].strip()) for one in table["examples"])
    return QueryPrompt(table["instruction"].strip(), table["label"], examples, question)


@functools.cache
def _tables() -> dict[str, Any]:
    return tomllib.loads(resources.files("prompts").joinpath("data/queries.toml").read_text(encoding="utf-8"))


def _fenced(question: str) -> str:
    return f"<вопрос>{as_line(question)}</вопрос>"


def _numbered(lines: Sequence[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))
