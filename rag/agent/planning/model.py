"""Questions taken apart by a language model, with what it gets wrong put right or left.

The model is asked for JSON in words, and its reply is read leniently. LangChain's ``with_structured_output`` is not
used: it needs tool calls or a grammar of the server, which llama.cpp, vLLM and Ollama offer in different ways; a plain
completion is the one thing that all of them can do.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.runnables import RunnableConfig, patch_config

from generators.failures import Served
from generators.grounded import ChatTemplated, text_of
from generators.transcript import without_thoughts
from prompts.plans import Messages, as_completion, plan_messages, repair_messages
from rag.agent.plan import MAX_CHARACTERS, Plan
from rag.agent.planning.refusing import reason_to_refuse
from rag.agent.planning.replies import ReplyError, read_reply
from rag.agent.planning.rules import RulePlanner
from retrievers.errors import ToolkitError

if TYPE_CHECKING:
    from generators.options import GeneratorOptions
    from rag.agent.planner import Planner


class ModelPlanner:
    """The planner over any LangChain language model.

    A reply that cannot be used is shown to the model once, with what is wrong with it. Where its second reply is no
    better, or its server does not answer, ``fallback`` plans, and the plan's note says why.

    Args:
        llm: plain or chat.
        fallback: plans where the model does not; the rules by default.
        failures: turns what the model's client raises into errors of this toolkit; called for each request.

    Example:
        >>> from langchain_core.language_models import FakeListLLM
        >>> llm = FakeListLLM(responses=["не знаю", "всё равно не знаю"])
        >>> ModelPlanner(llm).plan("Кто написал «Обломова»?").note
        'the model gave no plan: expected a JSON object with the field steps, found none'
    """

    def __init__(
        self,
        llm: BaseLanguageModel[Any],
        *,
        fallback: Planner | None = None,
        failures: Callable[[], AbstractContextManager[Any]] | None = None,
    ) -> None:
        self.llm = llm
        self.fallback: Planner = RulePlanner() if fallback is None else fallback
        self._failures = failures or Served(type(llm).__name__, "the planner's model").explained

    @classmethod
    def for_model(cls, llm: BaseLanguageModel[Any], options: GeneratorOptions) -> ModelPlanner:
        """The planner over a model already made from ``options``."""
        from generators.chat import served_by
        from generators.options import GeneratorKind

        return cls(llm, failures=served_by(options).explained if options.kind is GeneratorKind.CHAT else None)

    def plan(self, question: str, config: RunnableConfig | None = None) -> Plan:
        """The plan of ``question``."""
        if too_long := _too_long(question):
            return too_long
        try:
            reply = self._ask(plan_messages(question), config)
            plan, complaint = _read(reply, question)
            if plan is None:
                plan, complaint = _read(self._ask(repair_messages(question, reply, complaint), config), question)
        except ToolkitError as error:
            plan, complaint = None, str(error)
        return plan or self._degraded(self.fallback.plan(question, config), complaint)

    async def aplan(self, question: str, config: RunnableConfig | None = None) -> Plan:
        """Async twin of :meth:`plan`."""
        if too_long := _too_long(question):
            return too_long
        try:
            reply = await self._aask(plan_messages(question), config)
            plan, complaint = _read(reply, question)
            if plan is None:
                plan, complaint = _read(await self._aask(repair_messages(question, reply, complaint), config), question)
        except ToolkitError as error:
            plan, complaint = None, str(error)
        return plan or self._degraded(self.fallback.plan(question, config), complaint)

    def _ask(self, messages: Messages, config: RunnableConfig | None) -> str:
        with self._failures():
            return without_thoughts(text_of(self.llm.invoke(self._input(messages), _named(config))))

    async def _aask(self, messages: Messages, config: RunnableConfig | None) -> str:
        with self._failures():
            return without_thoughts(text_of(await self.llm.ainvoke(self._input(messages), _named(config))))

    def _input(self, messages: Messages) -> Messages | str:
        if isinstance(self.llm, BaseChatModel):
            return messages
        if isinstance(self.llm, ChatTemplated) and self.llm.has_chat_template:
            return self.llm.render_chat(messages)
        return as_completion(messages)

    def _degraded(self, plan: Plan, complaint: str) -> Plan:
        note = "; ".join(filter(None, [f"the model gave no plan: {complaint}", plan.note]))
        return plan.model_copy(update={"note": note})


def _too_long(question: str) -> Plan | None:
    if question.strip() and len(question) <= MAX_CHARACTERS:
        return None
    return Plan.single(question, f"a question of more than {MAX_CHARACTERS} characters is not taken apart")


def _read(reply: str, question: str) -> tuple[Plan | None, str]:
    """The plan of a reply, or what is wrong with it."""
    try:
        plan = read_reply(reply, question)
    except ReplyError as error:
        return None, str(error)
    complaint = reason_to_refuse(plan)
    return (plan, "") if complaint is None else (None, complaint)


def _named(config: RunnableConfig | None) -> RunnableConfig:
    return patch_config(config, run_name="plan")
