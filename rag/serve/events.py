"""What is told of a question while it is worked on."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened.

    Args:
        name: of the kind.
        data: a model, or what JSON can hold.
    """

    name: str
    data: BaseModel | dict[str, Any]

    def encoded(self) -> bytes:
        """As a server-sent event; JSON has no line breaks of its own, so its data is one line."""
        return f"event: {self.name}\ndata: {as_json(self.data)}\n\n".encode()


Tell = Callable[[Event], None]


def as_json(data: BaseModel | dict[str, Any]) -> str:
    """One line of JSON."""
    if isinstance(data, BaseModel):
        return data.model_dump_json()
    return json.dumps(data, ensure_ascii=False, allow_nan=False, default=lambda model: model.model_dump(mode="json"))


def say_nothing(_: Event) -> None:
    """For those who wait for the end alone."""
