"""What a model answered, kept line by line so that a rerun goes on where the last one stopped."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from evals.datasets.reading import read_rows
from evals.files import drop_torn_line, writing
from rag.errors import first_mistake
from retrievers.errors import InputError

_FENCE = re.compile(r"```(?:json)?\s*|\s*```")
_LONGEST = 4000  # characters of a reply that are kept


class Reply(BaseModel):
    """A model's answer to a request.

    Args:
        key: of the request.
        text: as it came.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    key: str
    text: str

    def line(self) -> str:
        """As a line of the file of replies."""
        return json.dumps({"key": self.key, "text": self.text[:_LONGEST]}, ensure_ascii=False) + "\n"

    def fields(self) -> dict[str, str]:
        """Text fields of the JSON object in it; none where there is no such object.

        ``Reply(key="a", text='Вот: {"question": "Кто?"}').fields() == {"question": "Кто?"}``
        """
        found = _first_object(_FENCE.sub("", self.text))
        return {name: " ".join(value.split()) for name, value in found.items() if isinstance(value, str)}


def _first_object(text: str) -> dict[str, Any]:
    decoder = json.JSONDecoder(strict=False)
    for match in re.finditer(r"\{", text):
        try:
            value, _ = decoder.raw_decode(text, match.start())
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            return value
    return {}


def replies_path(out: Path) -> Path:
    """Where the replies behind a file of examples stand."""
    return out.with_name(f"{out.name}.replies.jsonl")


def read_replies(path: Path) -> dict[str, Reply]:
    """Replies by the key of their request; none where there is no file. A line cut short by a kill is dropped.

    Raises:
        InputError: a line is no reply.
    """
    if not path.exists():
        return {}
    with writing(path):
        drop_torn_line(path)
    found: dict[str, Reply] = {}
    for row in read_rows(path):
        try:
            reply = Reply.model_validate(row.fields)
        except ValidationError as error:
            raise InputError(f"{row.place}: {first_mistake(error)}; these are no replies of a model") from error
        found[reply.key] = reply
    return found
