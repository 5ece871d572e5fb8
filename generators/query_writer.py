"""A language model as a writer of queries: the question in other words, and a passage as could answer it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import RunnableConfig

from generators.grounded import ChatTemplated, Style, text_of
from generators.options import GeneratorKind, GeneratorOptions
from generators.query_replies import parse_passage, parse_rewrites
from prompts.queries import COMPLETION_STOPS, MAX_REWRITES, QueryPrompt, passage_prompt, rewrites_prompt

_Input = str | list[dict[str, str]]


class LanguageModelWriter:
    r"""Asks a language model for queries; satisfies :class:`retrievers.expansion.QueryWriter`.

    What the model says is never an error: a reply that holds nothing usable gives no rewrite, or an empty passage.
    With a temperature of 0 a model writes the same passage each time.

    Args:
        llm: any LangChain language model, plain or chat.
        style: of its prompt: for a chat model, or for one that continues texts or maps one text to another.
        failures: turns what the model's client raises into errors of this toolkit; called for each request.

    Example:
        >>> from langchain_core.language_models import FakeListLLM
        >>> llm = FakeListLLM(responses=["1. Кто автор «Обломова»?\n2. Чьё перо создало «Обломова»?"])
        >>> LanguageModelWriter(llm, style="causal").rewrites("Кто написал «Обломова»?", 2)
        ['Кто автор «Обломова»?', 'Чьё перо создало «Обломова»?']
    """

    def __init__(
        self,
        llm: BaseLanguageModel[Any],
        *,
        style: Style = "chat",
        failures: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.llm = llm
        self.style = style
        self._failures = failures

    @classmethod
    def for_model(cls, llm: BaseLanguageModel[Any], options: GeneratorOptions) -> LanguageModelWriter:
        """The writer over a model already made from ``options``."""
        if options.kind is GeneratorKind.CHAT:
            from generators.chat import served_by

            return cls(llm, style="chat", failures=served_by(options).explained)
        return cls(llm, style="seq2seq" if options.kind is GeneratorKind.SEQ2SEQ else "causal")

    def rewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:
        """At most ``n`` rewrites, no more than :data:`~prompts.queries.MAX_REWRITES`.

        Raises:
            ModelUnavailableError: the model does not answer; the message says what to do.
        """
        count = min(n, MAX_REWRITES)
        return parse_rewrites(self._ask(rewrites_prompt(question, count), config), count)

    async def arewrites(self, question: str, n: int, config: RunnableConfig | None = None) -> list[str]:
        """Async twin of :meth:`rewrites`."""
        count = min(n, MAX_REWRITES)
        return parse_rewrites(await self._aask(rewrites_prompt(question, count), config), count)

    def passage(self, question: str, config: RunnableConfig | None = None) -> str:
        """A passage as could answer the question, true or not; ``""`` where the model wrote none.

        Raises:
            ModelUnavailableError: the model does not answer; the message says what to do.
        """
        return parse_passage(self._ask(passage_prompt(question), config))

    async def apassage(self, question: str, config: RunnableConfig | None = None) -> str:
        """Async twin of :meth:`passage`."""
        return parse_passage(await self._aask(passage_prompt(question), config))

    def _ask(self, prompt: QueryPrompt, config: RunnableConfig | None) -> str:
        with self._failures():
            return text_of(self.llm.invoke(self._input(prompt), config, stop=self._stops()))

    async def _aask(self, prompt: QueryPrompt, config: RunnableConfig | None) -> str:
        with self._failures():
            return text_of(await self.llm.ainvoke(self._input(prompt), config, stop=self._stops()))

    def _input(self, prompt: QueryPrompt) -> _Input:
        if self.style == "chat":
            return prompt.messages()
        if self._templated:
            return self.llm.render_chat(prompt.messages())  # type: ignore[attr-defined,no-any-return]
        return prompt.completion()

    def _stops(self) -> list[str] | None:
        return list(COMPLETION_STOPS) if self.style == "causal" and not self._templated else None

    @property
    def _templated(self) -> bool:
        return self.style == "causal" and isinstance(self.llm, ChatTemplated) and self.llm.has_chat_template
