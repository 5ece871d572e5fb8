"""What a language model said, kept in a file: a measurement that was broken off goes on where it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.caches import BaseCache
from langchain_core.outputs import ChatGeneration, Generation

from evals.files import LineAppender, drop_torn_line


class ReplyFile(BaseCache):
    """A LangChain cache of replies as JSON Lines; a prompt that is worded anew, or another model, is asked anew.

    Args:
        path: of the file, made if needed.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        drop_torn_line(path)
        rows = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        self._replies: dict[str, str] = {row["key"]: row["reply"] for row in map(json.loads, rows)}

    def lookup(self, prompt: str, llm_string: str) -> Sequence[Generation] | None:
        """The reply to a prompt, None where there is none yet."""
        from langchain_core.messages import AIMessage

        reply = self._replies.get(_key(prompt, llm_string))
        return None if reply is None else [ChatGeneration(message=AIMessage(reply))]

    def update(self, prompt: str, llm_string: str, return_val: Sequence[Generation]) -> None:
        """Keep a reply."""
        key, reply = _key(prompt, llm_string), return_val[0].text
        self._replies[key] = reply
        with LineAppender(self._path) as file:
            file.append(json.dumps({"key": key, "reply": reply}, ensure_ascii=False) + "\n")

    def clear(self, **kwargs: Any) -> None:  # noqa: ARG002
        """Forget everything, the file's rows too."""
        self._replies.clear()
        self._path.unlink(missing_ok=True)


def _key(prompt: str, llm_string: str) -> str:
    return hashlib.sha256(f"{llm_string}\n{prompt}".encode()).hexdigest()
