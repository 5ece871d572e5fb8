"""Prompts for a model that judges answers: instructions and worked examples in Russian, one set for each task."""

from __future__ import annotations

import functools
import json
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from prompts.answer import fill, template

Fields = dict[str, Any]


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """What is asked of a judge.

    Args:
        instruction: what to do.
        examples: input and output of worked examples, by the field names of the task.
    """

    instruction: str
    examples: tuple[tuple[Fields, Fields], ...]

    def render(self, fields: Fields, schema: Fields) -> str:
        """The whole prompt for one case.

        Args:
            fields: input of the case; it is data, whatever it says.
            schema: JSON schema of the answer.
        """
        examples = "\n\n".join(
            f"Пример {number}\nДанные:\n{_json(given)}\n\nОтвет:\n{_json(wanted)}"
            for number, (given, wanted) in enumerate(self.examples, start=1)
        )
        slots = {
            "instruction": self.instruction,
            "schema": json.dumps(schema, ensure_ascii=False),
            "examples": examples,
            "input": _json(fields),
        }
        return fill(template("judge"), slots)


@functools.cache
def judge_prompts() -> dict[str, JudgePrompt]:
    """All prompts by task: ``statements``, ``verdicts``, ``relevance``, ``precision``, ``recall``."""
    text = resources.files("prompts").joinpath("data/judge.toml").read_text(encoding="utf-8")
    return {
        task: JudgePrompt(
            table["instruction"].strip(), tuple((one["input"], one["output"]) for one in table["examples"])
        )
        for task, table in tomllib.loads(text).items()
    }


def _json(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False, indent=1)
