"""Prompts for a model that writes questions for training: instructions and worked examples in Russian."""

from __future__ import annotations

import functools
import json
import tomllib
from dataclasses import dataclass
from importlib import resources

from prompts.answer import fill, template
from prompts.fencing import as_data, as_line

Fields = dict[str, str]


@dataclass(frozen=True, slots=True)
class QuestionPrompt:
    """What is asked of a writer of questions.

    Args:
        instruction: what to do.
        examples: input and output of worked examples, by the field names of the task.
    """

    instruction: str
    examples: tuple[tuple[Fields, Fields], ...]

    def render(self, *, title: str, text: str, answer: str | None = None) -> str:
        """The whole prompt for one passage.

        Args:
            title: of the document.
            text: of the passage; data, whatever it says.
            answer: words of the passage to ask for, where the task gives them.
        """
        given = {"title": as_line(title), "text": as_data(text)}
        if answer is not None:
            given["answer"] = as_line(answer)
        examples = "\n\n".join(
            f"Пример {number}\nДанные:\n{_json(known)}\n\nОтвет:\n{_json(wanted)}"
            for number, (known, wanted) in enumerate(self.examples, start=1)
        )
        fields = ", ".join(f'"{name}"' for name in self.examples[0][1])
        slots = {"instruction": self.instruction, "fields": fields, "examples": examples, "input": _json(given)}
        return fill(template("question"), slots)


@functools.cache
def question_prompts() -> dict[str, QuestionPrompt]:
    """Both prompts by task: ``free``, where the model chooses the answer, and ``span``, where it is given one."""
    text = resources.files("prompts").joinpath("data/questions.toml").read_text(encoding="utf-8")
    return {
        task: QuestionPrompt(
            table["instruction"].strip(), tuple((one["input"], one["output"]) for one in table["examples"])
        )
        for task, table in tomllib.loads(text).items()
    }


def _json(fields: Fields) -> str:
    return json.dumps(fields, ensure_ascii=False, indent=1)
