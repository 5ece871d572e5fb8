"""Conversations: follow-up questions made standalone, and sessions that remember."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rag.agent.conversation.model import ModelRewriter
    from rag.agent.conversation.rewriting import Origin, Rewriter, Rewriting
    from rag.agent.conversation.rules import RuleRewriter
    from rag.agent.conversation.session import Conversation, Reply
    from rag.agent.conversation.turns import HistoryOptions, Turn

# Loaded on first use: a rewriter needs no graph, and the graph takes most of a second to import.
_HOMES = {
    "Conversation": "session",
    "HistoryOptions": "turns",
    "ModelRewriter": "model",
    "Origin": "rewriting",
    "Reply": "session",
    "Rewriter": "rewriting",
    "Rewriting": "rewriting",
    "RuleRewriter": "rules",
    "Turn": "turns",
}

__all__ = [
    "Conversation",
    "HistoryOptions",
    "ModelRewriter",
    "Origin",
    "Reply",
    "Rewriter",
    "Rewriting",
    "RuleRewriter",
    "Turn",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
