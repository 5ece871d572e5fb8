"""A thousand questions to an agent whose language model answers with anything but what it was asked for."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

from generators.grounded import PromptedGenerator
from generators.options import GeneratorKind, GeneratorOptions
from generators.query_writer import LanguageModelWriter
from rag.agent.agent import QaAgent
from rag.agent.bridging import Bridge, TitleLinker
from rag.agent.budget import StopReason
from rag.agent.checking import EvidenceCheck
from rag.agent.options import AgentOptions
from rag.agent.planning import ModelPlanner
from rag.chain import RagChain
from retrievers.analysis import Analyzer
from retrievers.bm25 import BM25Retriever
from retrievers.expansion import MultiQueryRetriever, Query2DocRetriever, term_overlap

ROOT = Path(__file__).resolve().parents[3]
QUESTIONS = 1000
OPTIONS = GeneratorOptions(kind=GeneratorKind.CHAT, model="local", base_url="http://127.0.0.1:9/v1", timeout=0.1)

CIRCLE = {
    "steps": [
        {"id": "q1", "question": "Где {б}?", "defines": "а"},
        {"id": "q2", "question": "Кто {а}?", "defines": "б"},
    ]
}
LONG = {"steps": [{"id": f"q{number}", "question": f"Что такое {number}?"} for number in range(40)]}
PLAN = {
    "steps": [
        {"id": "q1", "question": "Кто открыл Антарктиду?", "defines": "мореплаватель"},
        {"id": "q2", "question": "Где родился {мореплаватель}?", "depends_on": ["q1"]},
    ]
}
REPLIES: list[str | Exception] = [
    "",
    " \n\t",
    "\x00\ufffd\u202e",
    "I cannot answer that question in Russian, sorry.",
    "В документах нет ответа на этот вопрос",
    "Байкал [1] [99] [-1] [два]",
    "{",
    "}{][",
    '```json\n{"steps": [\n',
    '{"steps": "q1"}',
    '{"steps": [null, 1, {"id": {}}]}',
    "[" * 5_000,
    "{" * 500 + "}" * 500,
    json.dumps(CIRCLE, ensure_ascii=False),
    json.dumps(LONG, ensure_ascii=False),
    json.dumps(PLAN, ensure_ascii=False),
    str(PLAN),
    "1. " + "очень " * 2_000,
    "<|im_end|>" * 300,
    "- Что?\n- Что?\n- Что?",
    "да",
    "<think>" + "думаю " * 100,
    TimeoutError("timed out"),
    ConnectionError("refused"),
    ValueError("not a chat completion"),
]


class Babbler(BaseChatModel):
    """Answers with a random reply, or fails as servers fail."""

    dice: Any
    calls: Any

    @property
    def _llm_type(self) -> str:
        return "babbler"

    def _generate(self, messages, stop=None, run_manager=None, **kwargs):
        reply = self.dice.choice(REPLIES)
        self.calls[type(reply).__name__] += 1
        if isinstance(reply, Exception):
            raise reply
        return ChatResult(generations=[ChatGeneration(message=AIMessage(reply))])


@pytest.fixture(scope="module")
def questions() -> list[str]:
    lines = (ROOT / "rubq_eval.jsonl").read_text("utf-8").splitlines()
    known = [json.loads(line)["question"] for line in lines]
    return [known[number % len(known)] for number in range(QUESTIONS)]


def babbling_agent(chunks, seed: int) -> tuple[QaAgent, Babbler]:
    llm = Babbler(dice=random.Random(seed), calls=Counter())
    retriever = BM25Retriever.from_documents(chunks, k=10)
    writer = LanguageModelWriter.for_model(llm, OPTIONS)
    ways = {
        "multi-query": MultiQueryRetriever(
            retriever=retriever, writer=writer, similarity=term_overlap(Analyzer(), _alike), rewrites=2
        ),
        "query2doc": Query2DocRetriever(retriever=retriever, writer=writer),
    }
    chain = RagChain(retriever=retriever, generator=PromptedGenerator.for_model(llm, OPTIONS), k=3, pool=10)
    check = EvidenceCheck(Analyzer(), _alike, min_confidence=0.3, min_coverage=0.5)
    planner = ModelPlanner.for_model(llm, OPTIONS)
    bridge = Bridge(TitleLinker(lambda text, where: retriever.invoke(text, filter=where)))
    return QaAgent(chain, planner, check, bridge=bridge, ways=ways, options=AgentOptions(attempts=2)), llm


@pytest.mark.slow
def test_a_thousand_questions_end_with_a_named_reason(questions, demo_chunks) -> None:
    agent, llm = babbling_agent(demo_chunks, seed=7)
    stops: Counter[StopReason] = Counter()
    for question in questions:
        result = agent.invoke(question)
        stops[result.trace.stop] += 1
        assert result.trace.spent.steps <= agent.options.budget.steps
        assert len(result.trace.plan.sub_questions) <= 5
        assert result.answer.abstained or result.answer.answer
        assert bool(result.trace.failure) == (result.trace.stop is StopReason.MODEL_FAILED)
    assert sum(stops.values()) == QUESTIONS
    # The script reached what it is for: answers, dead ends and failed servers, after every kind of reply.
    assert {StopReason.ANSWERED, StopReason.NO_EVIDENCE, StopReason.MODEL_FAILED} <= set(stops)
    assert set(llm.calls) == {"str", "TimeoutError", "ConnectionError", "ValueError"}
    assert llm.calls.total() > 2 * QUESTIONS


def test_a_model_that_always_fails_is_named(questions, demo_chunks) -> None:
    agent, llm = babbling_agent(demo_chunks, seed=1)
    for reply in REPLIES[-3:]:
        llm.dice = Only(reply)
        result = agent.invoke(questions[0])
        assert result.trace.stop is StopReason.MODEL_FAILED
        assert result.answer.abstained


def _alike(term: str) -> float:
    return 1.0


class Only:
    """Dice that always fall the same way."""

    def __init__(self, reply: object) -> None:
        self.reply = reply

    def choice(self, _: object) -> object:
        return self.reply
