"""Conversations in OpenAI's shape: the last question made standalone, and answers with marks for their citations."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import quote

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.runnables import RunnableConfig

from generators.base import NO_ANSWER
from rag.agent.building import build_rewriter
from rag.agent.conversation.rules import RuleRewriter
from rag.agent.conversation.turns import HistoryOptions, Turn
from rag.serve.answers.replies import AnswerReply
from rag.serve.chat.shapes import (
    Annotation,
    AnswerMessage,
    ChatCompletion,
    Choice,
    UrlCitation,
    Usage,
)
from rag.serve.events import as_json
from rag.serve.problems import Problem
from rag.serve.snapshots import Snapshot

DONE = b"data: [DONE]\n\n"
_MARKS = re.compile(r"(?:\s*\[\d+\])+\s*$")


def standalone(snapshot: Snapshot, said: Sequence[tuple[str, str]], config: RunnableConfig) -> str:
    """The last question for somebody who has not heard the conversation.

    Earlier questions are made standalone by rules, for «он» of one may be found only in what «он» of the one before it
    was; the last one by what the profile names.

    Args:
        snapshot: answers.
        said: role and text, the user's question last.
        config: of the job.
    """
    rules, turns = RuleRewriter(), list[Turn]()
    for question, answer in _pairs(said[:-1])[-HistoryOptions().turns :]:
        turns.append(Turn(question=rules.rewrite(question, turns, config).standalone, answer=answer))
    rewriter = build_rewriter(snapshot.profile, snapshot.chain())
    return rewriter.rewrite(said[-1][1], turns, config).standalone


def _pairs(said: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Questions with their answers, ``""`` for those that have none."""
    pairs: list[tuple[str, str]] = []
    for role, text in said:
        if role == "user":
            pairs.append((text, ""))
        elif pairs:
            answer = _MARKS.sub("", text)
            pairs[-1] = (pairs[-1][0], "" if answer == NO_ANSWER else answer)
    return [pair for pair in pairs if pair[0].strip()]


def marks_of(reply: AnswerReply) -> str:
    """What stands after an answer: `` [1][2]``, or nothing."""
    return " " + "".join(f"[{one.n}]" for one in reply.citations) if reply.citations else ""


def annotations_of(reply: AnswerReply) -> list[Annotation]:
    """One for each mark behind the answer."""
    found, at = [], len(reply.answer) + 1
    for one in reply.citations:
        end = at + len(f"[{one.n}]")
        url = f"/#document={quote(one.doc_id, safe='')}&start={one.start}&end={one.end}"
        place = UrlCitation(start_index=at, end_index=end, title=one.title, url=url)
        found.append(Annotation(url_citation=place, doc_id=one.doc_id, chunk_id=one.chunk_id, quote=one.quote))
        at = end
    return found


def completion(reply: AnswerReply, model: str, usage: Usage) -> ChatCompletion:
    """A whole answer."""
    message = AnswerMessage(content=reply.answer + marks_of(reply), annotations=annotations_of(reply))
    return ChatCompletion(
        id=f"chatcmpl-{reply.id}",
        created=int(time.time()),
        model=model,
        choices=[Choice(message=message)],
        usage=usage,
        system_fingerprint=reply.generation,
    )


def usage_of(handler: UsageMetadataCallbackHandler) -> Usage:
    """What language models told a handler."""
    told = handler.usage_metadata.values()
    read, written = sum(one["input_tokens"] for one in told), sum(one["output_tokens"] for one in told)
    return Usage(prompt_tokens=read, completion_tokens=written, total_tokens=read + written)


class Chunks:
    """The chunks of one streamed completion.

    Args:
        id: of the completion.
        model: as it was asked for.
        with_usage: whether the last chunk tells the usage; then all others have the field, and it is null.
    """

    def __init__(self, id: str, model: str, *, with_usage: bool) -> None:
        self._with_usage = with_usage
        self._head: dict[str, Any] = {
            "id": id,
            "object": "chat.completion.chunk",
            "created": int(time.time()),
            "model": model,
        }

    def role(self) -> bytes:
        """The first one."""
        return self._delta({"role": "assistant", "content": ""})

    def text(self, text: str) -> bytes:
        """More of the content."""
        return self._delta({"content": text})

    def end(self, reply: AnswerReply, usage: Usage) -> Iterator[bytes]:
        """Marks, annotations, usage and the end."""
        self._head["system_fingerprint"] = reply.generation
        if told := marks_of(reply):
            yield self.text(told)
        yield self._delta({"annotations": [one.model_dump() for one in annotations_of(reply)]}, "stop")
        if self._with_usage:
            yield _event(self._head | {"choices": [], "usage": usage.model_dump()})
        yield DONE

    def _delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return _event(self._head | {"choices": [choice]} | ({"usage": None} if self._with_usage else {}))


def chat_problem(problem: Problem) -> bytes:
    """The last event of a stream that failed, as OpenAI's clients read it."""
    return _event(problem.body())


def _event(data: dict[str, Any]) -> bytes:
    return f"data: {as_json(data)}\n\n".encode()
