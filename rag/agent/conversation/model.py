"""Follow-up questions made standalone by a language model, whose every rewrite is checked before it is believed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from langchain_core.language_models import BaseLanguageModel
from langchain_core.runnables import RunnableConfig

from generators.failures import Served
from generators.grounded import Style, text_of
from generators.options import GeneratorKind, GeneratorOptions
from generators.query_replies import parse_rewrites
from prompts.conversation import COMPLETION_STOPS, follow_up_prompt
from rag.agent.conversation.rewriting import Origin, Rewriter, Rewriting
from rag.agent.conversation.rules import RuleRewriter, refers
from rag.agent.conversation.sentence import LONGEST
from rag.agent.conversation.turns import HistoryOptions, Turn, bounded
from retrievers.analysis import fold, lemmas, stop_words
from retrievers.errors import ToolkitError
from retrievers.language import is_russian

_LONGEST = 300  # characters of a rewritten question
_KEPT = 0.5  # share of the content words asked with that a rewrite must keep
_SERVED = Served("the model", "the model's server")


class ModelRewriter:
    """Asks a language model for the standalone form, and falls back on rules.

    The model is asked only about a question that opens like a follow-up or holds a referring word. Its rewrite is taken
    where it is one Russian question of a bounded length, keeps what was asked, leaves nothing referring, and names
    nothing that neither the question nor the conversation names. Else, and where the model does not answer, the rules
    have their say; nothing that a model writes is an error.

    Args:
        llm: any LangChain language model, plain or chat.
        options: how much of the history is shown.
        fallback: by default the rules over the same history.
        style: of the prompt: for a chat model, or for one that continues texts.
        failures: turns what the model's client raises into errors of this toolkit; called for each request.
    """

    def __init__(
        self,
        llm: BaseLanguageModel[Any],
        *,
        options: HistoryOptions | None = None,
        fallback: Rewriter | None = None,
        style: Style = "chat",
        failures: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        self.llm = llm
        self._options = options or HistoryOptions()
        self._fallback = fallback or RuleRewriter(self._options)
        self._style = style
        self._failures = failures

    @classmethod
    def for_model(
        cls, llm: BaseLanguageModel[Any], options: GeneratorOptions, history: HistoryOptions | None = None
    ) -> ModelRewriter:
        """The rewriter over a model already made from ``options``."""
        if options.kind is GeneratorKind.CHAT:
            from generators.chat import served_by

            return cls(llm, options=history, failures=served_by(options).explained)
        return cls(llm, options=history, style="seq2seq" if options.kind is GeneratorKind.SEQ2SEQ else "causal")

    def rewrite(self, question: str, history: Sequence[Turn], config: RunnableConfig | None = None) -> Rewriting:
        """The standalone form of ``question`` after ``history``, oldest turn first.

        Raises:
            ModelUnavailableError: the model files of the rules' taggers are missing.
        """
        asked = question.strip()
        turns = bounded(history, self._options)
        if not turns or len(asked) > LONGEST or not refers(asked):
            return self._fallback.rewrite(question, history, config)
        try:
            reply = self._ask(asked, turns, config)
        except ToolkitError as error:
            return self._without(question, history, config, f"модель не ответила ({error})")
        except Exception as error:
            explained = _SERVED.explain(error)
            if explained is None:
                raise
            return self._without(question, history, config, f"модель не ответила ({type(error).__name__})")
        text = next(iter(parse_rewrites(reply, 1)), "")  # the first line of many is the rewrite, the rest explains
        fault = check_rewrite(text, asked, turns)
        if fault:
            return self._without(question, history, config, f"ответ модели не годится: {fault}")
        if fold(text) == fold(asked):
            return Rewriting(asked, asked, note="модель сочла, что вопрос понятен и без разговора")
        return Rewriting(question, text, Origin.MODEL, note="переписала модель")

    def _ask(self, question: str, turns: Sequence[Turn], config: RunnableConfig | None) -> str:
        prompt = follow_up_prompt(question, [(turn.question, turn.answer) for turn in turns])
        with self._failures():
            if self._style == "chat":
                said = text_of(self.llm.invoke(prompt.messages(), config))
            else:
                said = text_of(self.llm.invoke(prompt.completion(), config, stop=list(COMPLETION_STOPS)))
        return said.replace(prompt.label, " ", 1)  # the label in front of a reply is often said once more

    def _without(self, question: str, history: Sequence[Turn], config: RunnableConfig | None, note: str) -> Rewriting:
        ruled = self._fallback.rewrite(question, history, config)
        return Rewriting(ruled.question, ruled.standalone, ruled.origin, ruled.antecedent, f"{note}; {ruled.note}")


def check_rewrite(text: str, asked: str, turns: Sequence[Turn]) -> str:
    """What is wrong with a model's rewrite, in Russian; ``""`` where nothing is.

    Args:
        text: the rewrite.
        asked: the question as asked.
        turns: what was said before.
    """
    if not text:
        return "вопроса в нём нет"
    if len(text) > _LONGEST:
        return "вопрос слишком длинный"
    if not is_russian(text):
        return "он не на русском языке"
    if text.count("?") > 1 or not text.rstrip('»"').endswith("?"):
        return "это не один вопрос"
    own, written = _content(asked), _content(text)
    if own and len(own & written) < _KEPT * len(own):
        return "вопрос о другом"
    said = own.union(*(_content(f"{turn.question} {turn.answer}") for turn in turns))
    if invented := sorted(written - said):
        return f"в нём новое слово «{invented[0]}»"
    if fold(text) != fold(asked) and refers(text):
        return "в нём остались слова, понятные только из разговора"
    return ""


def _content(text: str) -> frozenset[str]:
    """Lemmas that carry meaning: no function words, no question words."""
    return frozenset(word for word in lemmas(text) if word not in stop_words() and len(word) > 1)
