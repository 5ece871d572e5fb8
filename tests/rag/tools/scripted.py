"""A chat model that calls tools by a script."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import Field


class ScriptedModel(BaseChatModel):
    """Calls tools as a script says; the last turn answers from what the tools said."""

    calls: list[dict[str, Any]]
    seen: list[list[BaseMessage]] = Field(default_factory=list)
    offered: list[str] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Any:
        self.offered[:] = [tool.name for tool in tools]
        return self

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        self.seen.append(list(messages))
        turn = sum(isinstance(message, AIMessage) for message in messages)
        if turn < len(self.calls):
            message = AIMessage("", tool_calls=[{**self.calls[turn], "id": str(turn), "type": "tool_call"}])
        else:
            depth = re.search(r"\d+ м\b", str(messages[-1].content))
            message = AIMessage(f"Глубина Байкала — {depth.group()}." if depth else "Не знаю.")
        return ChatResult(generations=[ChatGeneration(message=message)])
