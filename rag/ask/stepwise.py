"""``rag.ask --agent``: questions planned and answered step by step."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path
from typing import Any

from rag.agent.agent import AgentResult
from rag.agent.budget import StopReason
from rag.agent.building import build_agent, build_rewriter
from rag.agent.conversation import Conversation
from rag.agent.plan import Plan, read_plan
from rag.agent.trace import append_trace
from rag.answer import Answer
from rag.ask.session import Session, open_pipeline, print_json
from retrievers.errors import InputError, ModelUnavailableError


class AgentSession(Session):
    """Answers by the agent; at the prompt, a question may refer to those before it."""

    def __init__(self, arguments: Namespace, where: dict[str, Any] | None) -> None:
        super().__init__(arguments, where)
        # Files are looked at before anything is loaded.
        self._plan: Plan | None = read_plan(arguments.plan) if arguments.plan else None
        if self._plan and arguments.question and self._plan.question.strip() != arguments.question.strip():
            raise InputError(
                f"{arguments.plan} plans {self._plan.question!r}, another question than the one asked; "
                "ask that one, leave the question out, or edit the plan's"
            )
        index, profile = open_pipeline(arguments)
        self._agent = build_agent(index, profile)
        self._conversation = Conversation(self._answered, rewriter=build_rewriter(profile, self._agent.chain))
        self._last: AgentResult | None = None

    @property
    def planned_question(self) -> str | None:
        """The question of the plan that is to be followed."""
        return self._plan.question if self._plan else None

    def answer(self, question: str) -> None:
        """Answer one question on stdout.

        Raises:
            ModelUnavailableError: the language model's server did not answer; the trace up to there is kept.
        """
        self._print(self._worked(question))

    def converse(self, question: str) -> None:
        """Answer a question that may follow others; how it was understood is printed first."""
        rewriting = self._conversation.ask(question).rewriting
        if self._last is None:
            raise RuntimeError("the conversation answered without the agent")
        if rewriting.changed and not self.arguments.json:
            self.console.print(f"Вопрос понят так: {rewriting.standalone}", style="dim", markup=False)
        self._print(self._last)

    def _answered(self, question: str) -> Answer:
        self._last = self._worked(question)
        return self._last.answer

    def _worked(self, question: str) -> AgentResult:
        result = self._agent.invoke(question, filter=self.where, plan=self._plan)
        if self.arguments.trace:
            append_trace(self.arguments.trace, result.trace)
        if self.arguments.save_plan:
            _write_plan(self.arguments.save_plan, result.trace.plan)
        if result.trace.stop is StopReason.MODEL_FAILED:
            raise ModelUnavailableError(result.trace.failure)
        return result

    def _print(self, result: AgentResult) -> None:
        if self.arguments.json:
            print_json(result.answer.to_dict() | {"trace": json.loads(result.trace.to_json())})
            return
        from rag.ask.explain import broken_off, print_trace
        from rag.ask.render import print_answer

        print_answer(result.answer, self.console, contexts=self.arguments.show_contexts)
        if reason := broken_off(result.trace):
            self.console.print(f"Работа не закончена: {reason}.", markup=False)
        if self.arguments.explain:
            print_trace(result.trace, self.console)


def _write_plan(path: Path, plan: Plan) -> None:
    try:
        path.write_text(plan.to_json(), encoding="utf-8")
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror or error}") from error
