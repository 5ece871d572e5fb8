"""What a request asked, for the log: its text where that is wanted, else how long it was."""

from __future__ import annotations

from typing import Any


def asked(body: Any, *, text: bool) -> dict[str, Any]:
    """Fields of the request's line; none where its body asks nothing."""
    question = question_of(body)
    if question is None:
        return {}
    return {"question": question} if text else {"question_characters": len(question)}


def question_of(body: Any) -> str | None:
    """The question in a body, wherever its route has it.

    >>> question_of({"messages": [{"role": "user", "content": "Кто открыл Байкал?"}]})
    'Кто открыл Байкал?'
    """
    if not isinstance(body, dict):
        return None
    found = body.get("question")
    messages, queries = body.get("messages"), body.get("queries")
    if isinstance(messages, list) and messages and isinstance(messages[-1], dict):
        found = messages[-1].get("content")
    elif isinstance(queries, list):
        found = "\n".join(query for query in queries if isinstance(query, str))
    return found if isinstance(found, str) else None
