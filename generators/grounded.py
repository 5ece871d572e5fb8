"""A prompted language model as a generator: passages in, a cited answer out."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

from langchain_core.callbacks import (
    AsyncCallbackManagerForChainRun,
    BaseCallbackHandler,
    CallbackManagerForChainRun,
)
from langchain_core.documents import Document
from langchain_core.language_models import BaseChatModel, BaseLanguageModel
from langchain_core.messages import BaseMessage
from langchain_core.outputs import LLMResult
from langchain_core.runnables import Runnable, RunnableConfig, patch_config
from langchain_core.runnables.config import merge_configs
from typing_extensions import override

from generators.base import NO_ANSWER, Evidence, Generation, ReadingTask
from generators.evidence import supports
from generators.options import GeneratorKind, GeneratorOptions
from generators.transcript import Transcript
from prompts.answer import CAUSAL_STOPS, Passage, causal_prompt, chat_prompt, seq2seq_prompt
from retrievers.documents import chunk_id_of
from retrievers.errors import InputError

Prompt = str | list[dict[str, str]]
Style = Literal["chat", "causal", "seq2seq"]

_CHAT_OVERHEAD = 16  # tokens that a server's chat template adds around two messages
_SHORTEST_CUT = 200  # characters of the best passage that are worth reading when it does not fit whole


@runtime_checkable
class ChatTemplated(Protocol):
    """A plain language model that may have been tuned on conversations."""

    @property
    def has_chat_template(self) -> bool:
        """Whether :meth:`render_chat` works."""
        ...

    def render_chat(self, messages: Sequence[dict[str, str]]) -> str:
        """A conversation as one prompt."""
        ...


def estimate_tokens(text: str) -> int:
    """Tokens of ``text`` for a model whose tokeniser is not at hand, rather too many than too few.

    Byte-level tokenisers trained on many languages take about 4 bytes a token: 2 letters of Russian, 4 of English.
    """
    return math.ceil(len(text.encode("utf-8")) / 4)


@dataclass(frozen=True, slots=True)
class _Reading:
    """A task made ready for the model: the prompt, and the passages that are in it."""

    prompt: Prompt
    documents: tuple[Document, ...]


class PromptedGenerator(Runnable[ReadingTask, Generation]):
    """Asks a language model and turns its text into an answer with evidence.

    The prompt holds as many passages as ``max_input_tokens`` allows, the last of them left out first; the question is
    never cut. Citation markers are taken out of the text and become evidence, as :func:`~generators.evidence.supports`
    finds it; a model that says it has no answer, in whatever words, gives :data:`~generators.base.NO_ANSWER`. The
    confidence is the geometric mean of the token probabilities where the model reports them, None elsewhere.

    Streamed parts add up to what ``invoke`` returns. A batch goes to a plain language model as one call.

    Args:
        llm: any LangChain language model, plain or chat.
        style: prompt for a chat model, for one that continues texts, or for an encoder-decoder.
        model: name by which an encoder-decoder's input format is found.
        max_input_tokens: budget of the prompt.
        count_tokens: tokens of a text; an estimate by default.
        failures: turns what the model's client raises into errors of this toolkit; called for each request.

    Example:
        >>> from langchain_core.language_models import FakeListLLM
        >>> task = ReadingTask("Кто построил мост?", (Document("Мост построил инженер Ворохов.", id="a_0"),))
        >>> PromptedGenerator(FakeListLLM(responses=["Инженер Ворохов [1]"]), style="causal").invoke(task)
        Generation(text='Инженер Ворохов', confidence=None, evidence=(Evidence(chunk_id='a_0', start=14, end=29),))
    """

    def __init__(
        self,
        llm: BaseLanguageModel[Any],
        *,
        style: Style = "chat",
        model: str = "",
        max_input_tokens: int = 2048,
        count_tokens: Callable[[str], int] = estimate_tokens,
        failures: Callable[[], AbstractContextManager[Any]] = nullcontext,
    ) -> None:
        if max_input_tokens < 64:
            raise InputError(f"expected max_input_tokens ≥ 64, got {max_input_tokens}")
        self.llm = llm
        self.style = style
        self.model = model
        self.max_input_tokens = max_input_tokens
        self._count = count_tokens
        self._failures = failures

    @classmethod
    def for_model(cls, llm: BaseLanguageModel[Any], options: GeneratorOptions) -> PromptedGenerator:
        """The generator that ``options`` describe, over a model already made from them."""
        if options.kind is GeneratorKind.CHAT:
            from generators.chat import served_by

            return cls(
                llm,
                style="chat",
                max_input_tokens=options.max_input_tokens,
                failures=served_by(options).explained,
            )
        return cls(
            llm,
            style="seq2seq" if options.kind is GeneratorKind.SEQ2SEQ else "causal",
            model=str(options.model),
            max_input_tokens=options.max_input_tokens,
            count_tokens=llm.get_num_tokens,
        )

    @override
    def invoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs: Any) -> Generation:
        """Answer one task.

        Raises:
            InputError: the question alone is longer than the budget.
            ModelUnavailableError: the model does not answer; the message says what to do.
        """
        return self._call_with_config(self._answer, input, config, **kwargs)

    @override
    async def ainvoke(self, input: ReadingTask, config: RunnableConfig | None = None, **kwargs: Any) -> Generation:
        """Async twin of :meth:`invoke`."""
        return await self._acall_with_config(self._aanswer, input, config, **kwargs)

    @override
    def batch(
        self,
        inputs: list[ReadingTask],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Generation]:
        """Answer tasks together; a model that decodes in batches gets them in one call."""
        if isinstance(self.llm, BaseChatModel) or return_exceptions:
            return super().batch(inputs, config, return_exceptions=return_exceptions, **kwargs)
        return self._batch_with_config(self._answer_all, inputs, config, **kwargs)

    @override
    def stream(
        self,
        input: ReadingTask,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> Iterator[Generation]:
        """Yield the text as it is decided; the last part carries confidence and evidence."""
        yield from self._transform_stream_with_config(iter([input]), self._stream_answer, config, **kwargs)

    @override
    async def astream(
        self,
        input: ReadingTask,
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Generation]:
        """Async twin of :meth:`stream`."""

        async def tasks() -> AsyncIterator[ReadingTask]:
            yield input

        async for part in self._atransform_stream_with_config(tasks(), self._astream_answer, config, **kwargs):
            yield part

    # One answer, in four ways of waiting for it.

    def _answer(self, task: ReadingTask, run_manager: CallbackManagerForChainRun, config: RunnableConfig) -> Generation:
        reading = self._read(task)
        if reading is None:
            return Generation("")
        notes, child = self._watched(config, run_manager)
        with self._failures():
            said = self.llm.invoke(reading.prompt, child, **self._stops())
        transcript = Transcript()
        transcript.feed(text_of(said))
        transcript.close()
        return replace(self._finished(transcript, reading, notes.confidence), text=transcript.text)

    async def _aanswer(
        self, task: ReadingTask, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Generation:
        reading = self._read(task)
        if reading is None:
            return Generation("")
        notes, child = self._watched(config, run_manager)
        with self._failures():
            said = await self.llm.ainvoke(reading.prompt, child, **self._stops())
        transcript = Transcript()
        transcript.feed(text_of(said))
        transcript.close()
        return replace(self._finished(transcript, reading, notes.confidence), text=transcript.text)

    def _answer_all(
        self,
        tasks: list[ReadingTask],
        run_manager: list[CallbackManagerForChainRun],
        config: list[RunnableConfig],
    ) -> list[Generation | Exception]:
        readings = [self._read(task) for task in tasks]
        asked = [(index, reading) for index, reading in enumerate(readings) if reading is not None]
        answers: list[Generation | Exception] = [Generation("")] * len(tasks)
        if not asked:
            return answers
        watched = [self._watched(config[index], run_manager[index]) for index, _ in asked]
        with self._failures():
            said = self.llm.batch(
                [reading.prompt for _, reading in asked], [child for _, child in watched], **self._stops()
            )
        for (index, reading), (notes, _), text in zip(asked, watched, said, strict=True):
            transcript = Transcript()
            transcript.feed(text_of(text))
            transcript.close()
            answers[index] = replace(self._finished(transcript, reading, notes.confidence), text=transcript.text)
        return answers

    def _stream_answer(
        self, tasks: Iterator[ReadingTask], run_manager: CallbackManagerForChainRun, config: RunnableConfig
    ) -> Iterator[Generation]:
        reading = self._read(next(iter(tasks)))
        if reading is None:
            yield Generation("")
            return
        notes, child = self._watched(config, run_manager)
        transcript = Transcript()
        with self._failures():
            for piece in self.llm.stream(reading.prompt, child, **self._stops()):
                if text := transcript.feed(text_of(piece)):
                    yield Generation(text)
        rest = transcript.close()
        yield replace(self._finished(transcript, reading, notes.confidence), text=rest)

    async def _astream_answer(
        self, tasks: AsyncIterator[ReadingTask], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncIterator[Generation]:
        async for task in tasks:
            reading = self._read(task)
            if reading is None:
                yield Generation("")
                return
            notes, child = self._watched(config, run_manager)
            transcript = Transcript()
            with self._failures():
                async for piece in self.llm.astream(reading.prompt, child, **self._stops()):
                    if text := transcript.feed(text_of(piece)):
                        yield Generation(text)
            rest = transcript.close()
            yield replace(self._finished(transcript, reading, notes.confidence), text=rest)

    def _finished(self, transcript: Transcript, reading: _Reading, confidence: float | None) -> Generation:
        """Everything but the text."""
        if transcript.refused or not transcript.text.strip():
            return Generation("", confidence)
        documents = reading.documents
        cited = [number - 1 for number in transcript.cited if 1 <= number <= len(documents)]
        places = supports(transcript.text, [document.page_content for document in documents], cited)
        return Generation(
            text="",
            confidence=confidence,
            evidence=tuple(Evidence(chunk_id_of(documents[index]), *span) for index, span in places),
        )

    # The prompt.

    def _read(self, task: ReadingTask) -> _Reading | None:
        """The prompt with as many passages as fit; None where there is nothing to read."""
        documents = [document for document in task.documents if document.page_content.strip()]
        if not task.question.strip() or not documents:
            return None
        for kept in range(len(documents), 0, -1):
            passages = [_passage(document) for document in documents[:kept]]
            if self._fits(prompt := self._prompt(task.question, passages)):
                return _Reading(prompt, tuple(documents[:kept]))
        return _Reading(self._cut_to_fit(task.question, _passage(documents[0])), (documents[0],))

    def _cut_to_fit(self, question: str, passage: Passage) -> Prompt:
        """The prompt with the beginning of the best passage, as much as fits."""
        best: Prompt | None = None
        low, high = 1, len(passage.text)
        while low <= high:
            middle = (low + high) // 2
            prompt = self._prompt(question, [replace(passage, text=_cut_at_word(passage.text, middle))])
            if self._fits(prompt):
                best, low = prompt, middle + 1
            else:
                high = middle - 1
        if best is None or high < min(_SHORTEST_CUT, len(passage.text)):
            raise InputError(
                f"the question with its instructions leaves no room for a passage in {self.max_input_tokens} "
                "tokens; shorten it or raise max_input_tokens (RAG_GENERATOR__MAX_INPUT_TOKENS)"
            )
        return best

    def _prompt(self, question: str, passages: Sequence[Passage]) -> Prompt:
        if self.style == "seq2seq":
            return seq2seq_prompt(question, passages, model=self.model)
        if self.style == "chat":
            return chat_prompt(question, passages, no_answer=NO_ANSWER).messages()
        if self._templated:
            messages = chat_prompt(question, passages, no_answer=NO_ANSWER).messages()
            return self.llm.render_chat(messages)  # type: ignore[attr-defined,no-any-return]
        return causal_prompt(question, passages, no_answer=NO_ANSWER)

    @property
    def _templated(self) -> bool:
        return isinstance(self.llm, ChatTemplated) and self.llm.has_chat_template

    def _fits(self, prompt: Prompt) -> bool:
        if isinstance(prompt, str):
            return self._count(prompt) <= self.max_input_tokens
        return sum(self._count(message["content"]) for message in prompt) + _CHAT_OVERHEAD <= self.max_input_tokens

    def _stops(self) -> dict[str, Any]:
        return {"stop": list(CAUSAL_STOPS)} if self.style == "causal" and not self._templated else {}

    def _watched(
        self,
        config: RunnableConfig,
        run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun,
    ) -> tuple[_Notes, RunnableConfig]:
        """Configuration of the model's run, and what will be noted about it."""
        notes = _Notes()
        child = patch_config(config, callbacks=run_manager.get_child())
        return notes, merge_configs(child, {"callbacks": [notes]})


class _Notes(BaseCallbackHandler):
    """Keeps how sure a model was; ``invoke`` and ``stream`` give the text alone."""

    def __init__(self) -> None:
        self.confidence: float | None = None

    @override
    def on_llm_end(self, response: LLMResult, **_: Any) -> None:
        info = response.generations[0][0].generation_info or {} if response.generations else {}
        mean = info.get("mean_logprob")
        if isinstance(mean, float | int) and info.get("tokens", 1):
            self.confidence = min(1.0, math.exp(mean))


def _passage(document: Document) -> Passage:
    return Passage(document.page_content, str(document.metadata.get("title") or ""))


def text_of(said: str | BaseMessage) -> str:
    """What a plain or a chat model said."""
    return said if isinstance(said, str) else str(said.text)


def _cut_at_word(text: str, length: int) -> str:
    if length >= len(text):
        return text
    cut = text[:length]
    return cut[: cut.rfind(" ")] if " " in cut else cut
