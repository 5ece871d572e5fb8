"""Sessions: a question is made standalone, answered and remembered, by a small graph with a checkpointer.

What a checkpoint holds is plain JSON data, so that no object is ever built from a file: a session on disk survives the
process, and a changed file can at worst hold other words.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs
from langgraph.channels import UntrackedValue
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.graph import END, START, StateGraph
from pydantic import ValidationError

from rag.agent.conversation.rewriting import Rewriter, Rewriting
from rag.agent.conversation.rules import RuleRewriter
from rag.agent.conversation.turns import HistoryOptions, Turn, bounded
from rag.answer import Answer

Answering = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a conversation answers.

    Args:
        rewriting: the question as asked, and as it was answered.
        answer: to the standalone question.
    """

    rewriting: Rewriting
    answer: Answer


class _State(TypedDict, total=False):
    """What runs through the graph. Only the history, rows of question and answer, is written to a checkpoint."""

    history: list[dict[str, str]]
    question: Annotated[str, UntrackedValue]
    rewriting: Annotated[Rewriting, UntrackedValue]
    answer: Annotated[Answer, UntrackedValue]


class Conversation:
    """Questions that may refer to earlier ones, in any number of threads that know nothing of each other.

    A question that fails, whatever the reason, leaves its thread as it was.

    Args:
        answer: answers a standalone question: ``chain.invoke``, or an agent.
        rewriter: makes questions standalone; rules by default.
        options: how much of a thread is remembered.
        saver: any LangGraph checkpointer; in memory by default. One on disk continues threads in another process.

    Example:
        >>> conversation = Conversation(chain.invoke)                              # doctest: +SKIP
        >>> conversation.ask("Кто написал роман «Солярис»?").answer.answer         # doctest: +SKIP
        'Станислав Лем'
        >>> conversation.ask("А когда он родился?").rewriting.standalone           # doctest: +SKIP
        'Когда родился Станислав Лем?'
    """

    def __init__(
        self,
        answer: Answering,
        *,
        rewriter: Rewriter | None = None,
        options: HistoryOptions | None = None,
        saver: BaseCheckpointSaver[Any] | None = None,
    ) -> None:
        self._answer = answer
        self._options = options or HistoryOptions()
        self._rewriter = rewriter or RuleRewriter(self._options)
        # Without a list of allowed types the serializer builds plain data only.
        self._saver = saver or InMemorySaver(serde=JsonPlusSerializer(allowed_msgpack_modules=None))
        self._graph = self._build()
        self._lock = threading.Lock()
        self._busy: dict[str, threading.Lock] = {}

    def ask(self, question: str, thread: str = "main", config: RunnableConfig | None = None) -> Reply:
        """Answer a question of a thread; questions of one thread are answered one after another.

        Args:
            question: as asked.
            thread: id of the conversation it belongs to.
            config: callbacks, tags and metadata of whoever calls.

        Raises:
            InputError: the question holds nothing to answer.
        """
        with self._turn(thread):
            state = self._graph.invoke({"question": question}, self._config(thread, config), durability="exit")
        return Reply(state["rewriting"], state["answer"])

    def history(self, thread: str = "main") -> list[Turn]:
        """The remembered turns of a thread, oldest first; none for one that has not begun."""
        values = self._graph.get_state(self._config(thread)).values
        return _turns(values.get("history", []))

    def forget(self, thread: str = "main") -> None:
        """Begin a thread anew."""
        with self._turn(thread):
            self._saver.delete_thread(thread)

    def _build(self) -> Any:
        graph = StateGraph(_State)
        graph.add_node("rewrite", self._rewrite)
        graph.add_node("answer", self._find)
        graph.add_node("remember", self._remember)
        graph.add_edge(START, "rewrite")
        graph.add_edge("rewrite", "answer")
        graph.add_edge("answer", "remember")
        graph.add_edge("remember", END)
        return graph.compile(checkpointer=self._saver, name="conversation")

    def _rewrite(self, state: _State, config: RunnableConfig) -> _State:
        return {"rewriting": self._rewriter.rewrite(state["question"], _turns(state.get("history", [])), config)}

    def _find(self, state: _State) -> _State:
        return {"answer": self._answer(state["rewriting"].standalone)}

    def _remember(self, state: _State) -> _State:
        answer = state["answer"]
        turn = Turn(question=state["rewriting"].standalone, answer="" if answer.abstained else answer.answer)
        kept = bounded([*_turns(state.get("history", [])), turn], self._options)
        return {"history": [one.model_dump() for one in kept]}

    def _config(self, thread: str, config: RunnableConfig | None = None) -> RunnableConfig:
        return merge_configs(config, {"configurable": {"thread_id": thread}})

    def _turn(self, thread: str) -> threading.Lock:
        with self._lock:
            return self._busy.setdefault(thread, threading.Lock())


def _turns(rows: list[dict[str, str]]) -> list[Turn]:
    """Remembered rows as turns; what somebody else wrote into a checkpoint is left out."""
    turns: list[Turn] = []
    for row in rows:
        try:
            turns.append(Turn.model_validate(row))
        except ValidationError:
            continue
    return turns
