from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.language_models import FakeListLLM, GenericFakeChatModel
from langchain_core.language_models.llms import BaseLLM
from langchain_core.messages import AIMessage
from langchain_core.outputs import Generation as Said
from langchain_core.outputs import GenerationChunk, LLMResult
from pydantic import Field

from generators.base import NO_ANSWER, Evidence, Generation, ReadingTask
from generators.grounded import PromptedGenerator, estimate_tokens
from generators.options import GeneratorKind, GeneratorOptions
from retrievers.errors import InputError

GONCHAROV = "Гончаров родился в Симбирске. Роман «Обломов» был написан Иваном Гончаровым в 1859 году."
TOLSTOY = "Лев Толстой написал роман «Война и мир»."
SEA = "Волга впадает в Каспийское море."


def task(question: str = "Кто написал «Обломова»?", *texts: str) -> ReadingTask:
    texts = texts or (TOLSTOY, GONCHAROV, SEA)
    return ReadingTask(question, tuple(Document(text, id=f"doc_{at}") for at, text in enumerate(texts)))


class Scripted(BaseLLM):
    """A plain model that says what it is told to, in given pieces, and keeps its prompts."""

    pieces: list[str]
    prompts: list[str] = Field(default_factory=list)
    stops: list[list[str] | None] = Field(default_factory=list)
    calls: int = 0
    info: dict[str, Any] = Field(default_factory=dict)

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def _generate(self, prompts, stop=None, run_manager=None, **kwargs) -> LLMResult:
        self.calls += 1
        self.prompts = [*self.prompts, *prompts]
        self.stops = [*self.stops, stop]
        return LLMResult(generations=[[Said(text="".join(self.pieces), generation_info=self.info)] for _ in prompts])

    def _stream(self, prompt, stop=None, run_manager=None, **kwargs) -> Iterator[GenerationChunk]:
        for piece in self.pieces:
            yield GenerationChunk(text=piece)
        yield GenerationChunk(text="", generation_info=self.info)


class TemplatedLLM(Scripted):
    has_chat_template: bool = True

    def render_chat(self, messages) -> str:
        return "".join(f"<|{message['role']}|>{message['content']}" for message in messages) + "<|assistant|>"


def scripted(*pieces: str, **values) -> PromptedGenerator:
    info = values.pop("info", {})
    return PromptedGenerator(Scripted(pieces=list(pieces), info=info), style="causal", **values)


def added(parts: list[Generation]) -> Generation:
    return sum(parts[1:], parts[0])


async def collect(parts: AsyncIterator[Generation]) -> list[Generation]:
    return [part async for part in parts]


def surface(evidence: Evidence, asked: ReadingTask) -> str:
    text = next(one.page_content for one in asked.documents if one.id == evidence.chunk_id)
    return text[evidence.start : evidence.end]


def test_a_cited_answer_points_to_its_place() -> None:
    answer = scripted("Иван Гончаров [2]").invoke(task())
    assert answer.text == "Иван Гончаров"
    assert answer.confidence is None
    assert [(one.chunk_id, surface(one, task())) for one in answer.evidence] == [("doc_1", "Иваном Гончаровым")]


def test_an_answer_without_a_marker_finds_its_passages() -> None:
    answer = scripted("Лев Толстой").invoke(task("Кто?", SEA, TOLSTOY, "О Льве Толстом."))
    assert [one.chunk_id for one in answer.evidence] == ["doc_1", "doc_2"]


def test_markers_out_of_range_are_ignored() -> None:
    asked = task()
    answer = scripted("Иван Гончаров [7]").invoke(asked)
    assert (answer.text, [one.chunk_id for one in answer.evidence]) == ("Иван Гончаров", ["doc_1"])
    answer = scripted("Иван Гончаров [2, 9]").invoke(asked)
    assert [one.chunk_id for one in answer.evidence] == ["doc_1"]


def test_a_refusal_has_no_evidence() -> None:
    answer = scripted("Нет ответа в документах [1]").invoke(task())
    assert answer == Generation(NO_ANSWER)
    assert added(list(scripted("Нет ", "ответа", " в документах [1]").stream(task()))) == answer


@pytest.mark.parametrize("pieces", [[""], ["  \n"], ["<think>хм"], ["[2]"]])
def test_a_model_that_says_nothing_gives_nothing(pieces) -> None:
    assert scripted(*pieces).invoke(task()) == Generation("")


def test_nothing_to_read_is_not_asked_about() -> None:
    generator = scripted("Лев Толстой")
    for empty in (ReadingTask("Кто?", ()), task("Кто?", "  "), task(" ", TOLSTOY)):
        assert generator.invoke(empty) == Generation("")
        assert list(generator.stream(empty)) == [Generation("")]
        assert asyncio.run(generator.ainvoke(empty)) == Generation("")
        assert generator.batch([empty]) == [Generation("")]
    assert generator.llm.calls == 0


SAID = [
    "Иван Гончаров [2]",
    "<think>в [1] роман</think>Ответ: Иван Гончаров [2], 1859 год [2].",
    "В документах нет ответа на этот вопрос",
    "Роман «Обломов» [2] написан Гончаровым, а «Война и мир» [1] — Толстым; Волга впадает в Каспий [3]. " * 4,
]


@settings(deadline=None)  # the first example loads the dictionary
@given(st.sampled_from(SAID), st.lists(st.integers(1, 9), min_size=1, max_size=60))
def test_streamed_parts_add_up_however_the_text_comes(said: str, sizes: list[int]) -> None:
    pieces, at = [], 0
    while at < len(said):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(said[at : at + size])
        at += size
    info = {"mean_logprob": -0.25, "tokens": 5}
    generator, asked = scripted(*pieces, info=info), task()
    whole = generator.invoke(asked)
    parts = list(generator.stream(asked))
    assert added(parts) == whole
    assert asyncio.run(collect(generator.astream(asked))) == parts
    assert asyncio.run(generator.ainvoke(asked)) == whole
    assert whole.confidence == pytest.approx(math.exp(-0.25))
    assert all(part.confidence is None and not part.evidence for part in parts[:-1])


def test_a_batch_is_one_call_of_a_plain_model() -> None:
    generator = scripted("Иван Гончаров [2]", info={"mean_logprob": -0.5, "tokens": 3})
    tasks = [task(), ReadingTask("Кто?", ()), task("Кто сочинил «Обломова»?")]
    answers = generator.batch(tasks)
    assert generator.llm.calls == 1
    assert [answer.text for answer in answers] == ["Иван Гончаров", "", "Иван Гончаров"]
    assert answers[0].confidence == pytest.approx(math.exp(-0.5))
    assert asyncio.run(generator.abatch(tasks)) == answers


def test_a_chat_model_gets_messages_and_has_no_confidence() -> None:
    llm = GenericFakeChatModel(messages=iter([AIMessage("Иван Гончаров [2]")] * 4))
    generator = PromptedGenerator(llm)
    assert generator.invoke(task()).evidence[0].chunk_id == "doc_1"
    parts = list(generator.stream(task()))
    assert added(parts).text == "Иван Гончаров"
    assert added(parts).confidence is None
    assert [answer.text for answer in generator.batch([task(), task()])] == ["Иван Гончаров"] * 2


def test_a_model_tuned_on_conversations_gets_one_and_others_examples() -> None:
    generator = PromptedGenerator(TemplatedLLM(pieces=["Гончаров"]), style="causal")
    generator.invoke(task())
    assert generator.llm.prompts[0].startswith("<|system|>Отвечай на вопрос")
    assert generator.llm.prompts[0].endswith("<|assistant|>")
    assert generator.llm.stops == [None]
    plain = PromptedGenerator(TemplatedLLM(pieces=["Гончаров"], has_chat_template=False), style="causal")
    plain.invoke(task())
    assert plain.llm.prompts[0].endswith(f"Текст 3: {SEA}\nВопрос: Кто написал «Обломова»?\nОтвет:")
    assert plain.llm.stops == [["\n"]]


def test_an_encoder_decoder_gets_its_own_format() -> None:
    generator = PromptedGenerator(
        Scripted(pieces=["Гончаров"]), style="seq2seq", model="cointegrated/rut5-base-multitask"
    )
    assert generator.invoke(task()).text == "Гончаров"
    assert generator.llm.prompts == [f"comprehend | {TOLSTOY} {GONCHAROV} {SEA} Вопрос: Кто написал «Обломова»?"]


def words(text: str) -> int:
    return len(text.split())


def seq2seq(budget: int) -> PromptedGenerator:
    return PromptedGenerator(
        Scripted(pieces=["Гончаров [2] [1]"]), style="seq2seq", max_input_tokens=budget, count_tokens=words
    )


def test_the_weakest_passages_are_dropped_and_the_question_never() -> None:
    texts = [f"Отрывок {at} " + "слово " * 40 for at in range(5)]
    for budget, kept in ((64, 1), (110, 2), (150, 3), (230, 5), (1000, 5)):
        generator = seq2seq(budget)
        generator.invoke(task("Кто написал «Обломова»?", *texts))
        prompt = generator.llm.prompts[0]
        assert [at for at in range(5) if f"Отрывок {at} " in prompt] == list(range(kept))
        assert words(prompt) <= budget
        assert "Кто написал «Обломова»?" in prompt


def test_a_dropped_passage_cannot_be_cited() -> None:
    asked = task("Кто?", "Гончаров " + "слово " * 50, "Гончаров " + "слово " * 50)
    assert [one.chunk_id for one in seq2seq(80).invoke(asked).evidence] == ["doc_0"]


def test_a_best_passage_too_long_is_cut_behind_and_keeps_its_offsets() -> None:
    asked = task("Кто?", "Роман написал Гончаров. " + "слово " * 500, SEA)
    generator = seq2seq(64)
    answer = generator.invoke(asked)
    prompt = generator.llm.prompts[0]
    assert words(prompt) == 64
    assert "Роман написал Гончаров." in prompt
    assert SEA not in prompt
    assert surface(answer.evidence[0], asked) == "Гончаров"


def test_a_question_longer_than_the_budget_is_refused() -> None:
    with pytest.raises(InputError, match=r"no room for a passage in 64 tokens; shorten it or raise max_input_tokens"):
        seq2seq(64).invoke(task("слово " * 100, GONCHAROV))
    with pytest.raises(InputError, match="max_input_tokens ≥ 64"):
        seq2seq(10)


def test_tokens_are_estimated_without_a_tokeniser() -> None:
    assert estimate_tokens("Байкал") == 3
    assert estimate_tokens("deep lake") == 3
    assert estimate_tokens("") == 0


def test_callbacks_reach_the_model() -> None:
    class Tracer(BaseCallbackHandler):
        def __init__(self) -> None:
            self.runs: list[tuple[str, bool]] = []

        def on_chain_start(self, serialized, inputs, *, parent_run_id=None, **kwargs) -> None:
            self.runs.append(("chain", parent_run_id is not None))

        def on_llm_start(self, serialized, prompts, *, parent_run_id=None, **kwargs) -> None:
            self.runs.append(("llm", parent_run_id is not None))

    for call in ("invoke", "batch", "stream"):
        tracer = Tracer()
        config = {"callbacks": [tracer]}
        generator = PromptedGenerator(FakeListLLM(responses=["Гончаров [2]"] * 2), style="causal")
        match call:
            case "invoke":
                generator.invoke(task(), config)
            case "batch":
                generator.batch([task()], config)
            case "stream":
                list(generator.stream(task(), config))
        assert tracer.runs == [("chain", False), ("llm", True)]


def test_generators_are_made_by_options() -> None:
    llm = Scripted(pieces=["Гончаров"])
    chosen = GeneratorOptions(kind=GeneratorKind.CAUSAL, model="own/gpt", max_input_tokens=500)
    made = PromptedGenerator.for_model(llm, chosen)
    assert (made.style, made.max_input_tokens) == ("causal", 500)
    chosen = GeneratorOptions(kind=GeneratorKind.SEQ2SEQ, model="own/t5")
    assert PromptedGenerator.for_model(llm, chosen).style == "seq2seq"
    chosen = GeneratorOptions(kind=GeneratorKind.CHAT, model="fake", base_url="http://127.0.0.1:9/v1")
    assert PromptedGenerator.for_model(llm, chosen).style == "chat"


@pytest.mark.parametrize("family", ["causal", "chat", "seq2seq"])
def test_real_networks_read(tiny_models, tmp_path, family) -> None:
    from generators.huggingface import load_language_model

    if family == "seq2seq":
        folder, kind = tiny_models.save_seq2seq(tmp_path), GeneratorKind.SEQ2SEQ
    else:
        folder = tiny_models.save_causal(tmp_path, chat=family == "chat", positions=4000)
        kind = GeneratorKind.CAUSAL
    chosen = GeneratorOptions(kind=kind, model=str(folder), device="cpu", max_new_tokens=6, max_input_tokens=3000)
    llm = load_language_model(chosen)
    generator = PromptedGenerator.for_model(llm, chosen)
    asked = task("Кто?", "Гончаров.")
    whole = generator.invoke(asked)
    assert whole.confidence is not None
    assert 0 < whole.confidence <= 1
    assert added(list(generator.stream(asked))) == whole
    [again] = generator.batch([asked])
    assert again.text == whole.text
