"""Prompts that ask for a short answer from numbered passages, one builder for each family of models."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import resources

from prompts.fencing import as_data, as_line

# What a model that continues a text writes after an answer: the next example.
CAUSAL_STOPS = ("\n",)

_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class Passage:
    """A retrieved text with the title of its document."""

    text: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class ChatPrompt:
    """A conversation's opening: what the model is told and what it is asked."""

    system: str
    user: str

    def messages(self) -> list[dict[str, str]]:
        """As chat templates and chat models take them."""
        return [{"role": "system", "content": self.system}, {"role": "user", "content": self.user}]


def chat_prompt(question: str, passages: Sequence[Passage], *, no_answer: str) -> ChatPrompt:
    """For instruct models: rules in the system message, fenced documents and the question in the user's.

    Args:
        question: as asked.
        passages: numbered from 1 in this order.
        no_answer: what to say where the passages do not answer.
    """
    documents = [
        fill(
            template("document"),
            {
                "number": str(number),
                "text": "\n".join(part for part in (as_line(one.title), as_data(one.text)) if part),
            },
        )
        for number, one in enumerate(passages, start=1)
    ]
    slots = {"documents": "\n\n".join(documents), "question": as_line(question), "no_answer": no_answer}
    return ChatPrompt(fill(template("chat-system"), slots), fill(template("chat-user"), slots))


def causal_prompt(question: str, passages: Sequence[Passage], *, no_answer: str) -> str:
    """For models that only continue a text: worked examples, then the passages, a line each.

    Decoding stops at :data:`CAUSAL_STOPS`. Arguments as for :func:`chat_prompt`.
    """
    documents = "\n".join(f"Текст {number}: {_titled(one)}" for number, one in enumerate(passages, start=1))
    return fill(template("causal"), {"documents": documents, "question": as_line(question), "no_answer": no_answer})


def seq2seq_prompt(question: str, passages: Sequence[Passage], *, model: str) -> str:
    """For encoder-decoder models, in the format that ``model`` was trained on; it knows no citations.

    Args:
        question: as asked.
        passages: joined in this order.
        model: name or path, as in ``data/seq2seq.toml``.
    """
    slots = {"context": " ".join(_titled(one) for one in passages), "question": as_line(question)}
    return fill(seq2seq_format(model), slots)


@functools.cache
def _seq2seq_formats() -> tuple[tuple[tuple[str, ...], str], ...]:
    text = resources.files("prompts").joinpath("data/seq2seq.toml").read_text(encoding="utf-8")
    return tuple((tuple(entry["patterns"]), str(entry["template"])) for entry in tomllib.loads(text)["format"])


def seq2seq_format(model: str) -> str:
    """The template for a model by its name: ``seq2seq_format("cointegrated/rut5-base-multitask")``."""
    name = model.replace("\\", "/").lower()
    for patterns, found in _seq2seq_formats():
        if any(fnmatchcase(name, pattern.lower()) for pattern in patterns):
            return found
    raise AssertionError("the last format of data/seq2seq.toml matches every name")


@functools.cache
def template(name: str) -> str:
    """A file of ``templates/`` without its last line end."""
    text = resources.files("prompts").joinpath("templates", f"{name}.md").read_text(encoding="utf-8")
    return text.rstrip("\n")


def fill(text: str, slots: Mapping[str, str]) -> str:
    """Put values into ``{slots}`` in one pass: braces inside a value are text.

    >>> fill("{a} и {b}", {"a": "{b}", "b": "всё"})
    '{b} и всё'
    """
    return _SLOT.sub(lambda match: slots[match.group(1)], text)


def _titled(passage: Passage) -> str:
    title, text = as_line(passage.title), as_line(passage.text)
    return f"{title}. {text}" if title else text
