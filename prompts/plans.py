"""The prompt of a model that takes a question apart, and what it is told when its reply could not be used."""

from __future__ import annotations

import functools
import tomllib
from importlib import resources
from typing import Any

from prompts.answer import fill
from prompts.fencing import as_data, as_line

Messages = list[dict[str, str]]

_LONGEST_REPLY = 2000  # characters of a model's own reply that it is shown again


def plan_messages(question: str) -> Messages:
    """Instruction, worked examples as turns of the conversation before, and the question, fenced."""
    table = _table()
    turns = [_turn("system", table["instruction"].strip())]
    for example in table["examples"]:
        turns += [_turn("user", _fenced(example["question"])), _turn("assistant", example["output"])]
    return [*turns, _turn("user", _fenced(question))]


def repair_messages(question: str, reply: str, message: str) -> Messages:
    """The same conversation with the model's reply and what was wrong with it.

    Args:
        question: as asked.
        reply: of the model; data, as everything that may quote the question.
        message: why it cannot be used.
    """
    slots = {"message": as_line(message).rstrip("."), "question": _fenced(question)}
    complaint = fill(_table()["repair"].strip(), slots)
    shown = as_data(reply[:_LONGEST_REPLY]) or "(пусто)"
    return [*plan_messages(question), _turn("assistant", shown), _turn("user", complaint)]


def as_completion(messages: Messages) -> str:
    """The conversation as a text that a model without a chat format continues."""
    names = {"system": "", "user": "Вопрос: ", "assistant": "Ответ: "}
    return "\n\n".join([f"{names[one['role']]}{one['content']}" for one in messages] + ["Ответ:"])


@functools.cache
def _table() -> dict[str, Any]:
    return tomllib.loads(resources.files("prompts").joinpath("data/plans.toml").read_text(encoding="utf-8"))


def _turn(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def _fenced(question: str) -> str:
    return f"<вопрос>{as_line(question)}</вопрос>"
