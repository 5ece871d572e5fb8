"""What a model that calls tools is told: descriptions, results with every text fenced, refusals it can act on."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from prompts.answer import fill, template
from prompts.fencing import as_data, as_line

_LONGEST_ECHO = 80  # characters of a bad argument that are repeated to the model


@dataclass(frozen=True, slots=True)
class ToolText:
    """How a tool is described to a model.

    Args:
        title: a short name for people.
        description: what it does; slots are the names of the other tools.
        arguments: description of each argument; slots are its bounds.
    """

    title: str
    description: str
    arguments: Mapping[str, str]

    def describe(self, **names: str) -> str:
        """The description with the names of the tools in it."""
        return fill(self.description, names)

    def argument(self, name: str, **bounds: object) -> str:
        """The description of an argument with its bounds in it."""
        return fill(self.arguments[name], {key: str(value) for key, value in bounds.items()})


def tool_text(name: str) -> ToolText:
    """The texts of the tool ``search``, ``read`` or ``ask``."""
    table = _tables()[name]
    return ToolText(table["title"], table["description"].strip(), table["arguments"])


def server_instructions() -> str:
    """What a model is told about the server as a whole."""
    return str(_tables()["server"]["instructions"]).strip()


def refusal(name: str, /, **slots: object) -> str:
    """Why a call is refused. Strings are quoted and cut, but ``known``, which the model is to copy."""
    shown = {key: as_line(str(value)) if key == "known" else _shown(value) for key, value in slots.items()}
    return fill(_tables()["refusals"][name], shown)


def invalid_argument(kind: str, *, name: str, known: str, reason: str) -> str:
    """What is wrong with an argument, by pydantic's type of the error."""
    texts = _tables()["invalid"]
    return fill(texts.get(kind, texts["other"]), {"name": _shown(name), "known": known, "reason": as_line(reason)})


def reply(name: str, /, **slots: object) -> str:
    """A line of a tool's answer."""
    return fill(_tables()["found"][name], {key: str(value) for key, value in slots.items()})


def fenced_passage(*, number: int, doc_id: str, chunk_id: str, title: str, start: int, score: str, text: str) -> str:
    """A passage as a model reads it; nothing in it can pass for the fence."""
    slots = {
        "number": str(number), "doc_id": as_line(doc_id), "chunk_id": as_line(chunk_id), "title": as_line(title),
        "start": str(start), "score": score, "text": as_data(text),
    }  # fmt: skip
    return fill(template("tool-passage"), slots)


def fenced_page(*, doc_id: str, title: str, start: int, end: int, length: int, text: str) -> str:
    """A part of a document as a model reads it."""
    slots = {
        "doc_id": as_line(doc_id), "title": as_line(title), "start": str(start), "end": str(end),
        "length": str(length), "text": as_data(text),
    }  # fmt: skip
    return fill(template("tool-page"), slots)


def fenced_citation(*, number: int, doc_id: str, title: str, start: int, text: str) -> str:
    """A quote that supports an answer, as a model reads it."""
    slots = {
        "number": str(number), "doc_id": as_line(doc_id), "title": as_line(title), "start": str(start),
        "text": as_data(text),
    }  # fmt: skip
    return fill(template("tool-citation"), slots)


@functools.cache
def _tables() -> dict[str, Any]:
    text = resources.files("prompts").joinpath("data/tools.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _shown(value: object) -> str:
    """A value inside a message: strings quoted, on one line, long ones cut."""
    if not isinstance(value, str):
        return str(value)
    line = as_line(value)
    return f"«{line if len(line) <= _LONGEST_ECHO else line[: _LONGEST_ECHO - 1] + '…'}»"
