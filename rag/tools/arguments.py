"""The arguments of the tools, described in Russian for the model that fills them in.

Sizes outside their range are clamped by the library, so the schema states the range and does not enforce it: a model
that asks for 50 passages gets 20 of them instead of an error.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from prompts.tools import invalid_argument, tool_text
from rag.question import MAX_QUESTION
from rag.tools.bounds import DEFAULT_LENGTH, DEFAULT_PASSAGES, MAX_LENGTH, MAX_PASSAGES, MIN_LENGTH

_SEARCH, _READ, _ASK = tool_text("search"), tool_text("read"), tool_text("ask")


def _range(lowest: int, highest: int | None = None) -> dict[str, Any]:
    return {"minimum": lowest} | ({} if highest is None else {"maximum": highest})


class _Arguments(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SearchArguments(_Arguments):
    """What to search for."""

    query: str = Field(description=_SEARCH.argument("query", longest=MAX_QUESTION))
    k: int = Field(
        DEFAULT_PASSAGES,
        description=_SEARCH.argument("k", most=MAX_PASSAGES),
        json_schema_extra=_range(1, MAX_PASSAGES),
    )


class ReadArguments(_Arguments):
    """Which part of which document to read."""

    doc_id: str = Field(description=_READ.argument("doc_id"))
    offset: int = Field(0, description=_READ.argument("offset"), json_schema_extra=_range(0))
    length: int = Field(
        DEFAULT_LENGTH,
        description=_READ.argument("length", shortest=MIN_LENGTH, longest=MAX_LENGTH),
        json_schema_extra=_range(MIN_LENGTH, MAX_LENGTH),
    )


class AskArguments(_Arguments):
    """What to answer."""

    question: str = Field(description=_ASK.argument("question", longest=MAX_QUESTION))


def explain_invalid(error: ValidationError, arguments: type[BaseModel]) -> str:
    """What is wrong with a call's arguments, in words that a model can act on.

    Args:
        error: that validating them raised.
        arguments: the model they were validated against.
    """
    known = ", ".join(arguments.model_fields)
    faults = [
        invalid_argument(
            fault["type"], name=".".join(map(str, fault["loc"])) or "arguments", known=known, reason=fault["msg"]
        )
        for fault in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    return " ".join([invalid_argument("head", name="", known=known, reason=""), *dict.fromkeys(faults)])
