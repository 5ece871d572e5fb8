"""What language models write: answers with markers and thoughts, queries, plans."""

from __future__ import annotations

import zlib

from benchmarks.fuzzing.material import JSON, SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, text_of
from evals.rewards.completions import is_plain_answer, is_well_formed, read_answer
from generators.query_replies import MAX_PASSAGE, MAX_QUERY, parse_passage, parse_rewrites
from generators.transcript import Transcript, without_thoughts
from rag.agent.plan import Plan
from rag.agent.planning.replies import ReplyError, read_reply

_COMPLETIONS = (
    "<think>Байкал?</think>Ответ: 1642 м [2, 4-5].", "**Короткий ответ:** Пушкин [документ 1]",
    "В документах нет ответа.", "<search>Байкал</search><information>…</information><answer>1642 м</answer>",
    "<think>", "[1", "【1】",
)  # fmt: skip
_TAGS = (
    "<think>", "</think>", "<thinking>", "<reasoning>", "</reasoning>", "<answer>", "</answer>", "<search>",
    "</search>", "<information>", "</information>", "<", "<|", "< ", "[", "]", "[1]", "[1-999]", "【", "Ответ:", "**",
    "\n", " ", "[INST]", "|>",
)  # fmt: skip
_QUERIES = (
    "1. Кто написал роман?\n2) Кем написан роман?\n- Чей роман?", '["Кто?", "Кем?"]',
    "Вот варианты:\n```\nЗапрос 1: «Кто?»\n```", '{"queries": ["Чей это роман?"]}', "| Кто? |\n| --- |",
    "<passage>Озеро. Озеро. Глубокое.</passage>",
)  # fmt: skip
_MARKS = ("1. ", "- ", "```", "\n```\n", "|", ">", "Вариант 1: ", '"', '\\"', "«", "»", "**", "<query>", "\n", "? 2. ")
_PLANS = (
    '{"steps": [{"id": "q1", "question": "Кто написал «Обломова»?", "defines": "автор"},'
    ' {"id": "q2", "question": "Где родился {автор|gent}?", "depends_on": ["q1"]}]}',
    "Вот план:\n```json\n[{'вопрос': 'Кто?',}, // да\n {question: 'Где {x}?', after: 1}]\n```",
)
_PLAN_PIECES = (
    "{", "}", "[", "]", "'", "“", "”", "/*", "*/", "//", "\n", ",", ":", '"question": ', '"steps": ', "{автор|gent}",
    "{", "}", "|", '"action": "compare"', '"depends_on": ["q1"]', "\\u", "\\ud83d\\ude00", "True", "9" * 400,
)  # fmt: skip


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - they need no files
    """``completions``, ``model-replies`` or ``model-plans``."""
    budget = Budget(seconds=0.25, seconds_per_megabyte=30, memory_per_byte=1_000)
    if name == "completions":
        return Target(
            _check_completion, bytes_of(*_COMPLETIONS, SENTENCES, STRANGE), bytes_of(*_TAGS), budget, longest=40_000
        )
    if name == "model-replies":
        return Target(_check_reply, bytes_of(*_QUERIES, SENTENCES), bytes_of(*_MARKS, *_TAGS, *TEXT[-9:]), budget)
    return Target(_check_plan, bytes_of(*_PLANS, STRANGE), bytes_of(*_PLAN_PIECES, *JSON), budget)


def _check_completion(data: bytes) -> None:
    """The answer does not depend on where the stream was cut."""
    text = text_of(data)
    whole = Transcript()
    parts = whole.feed(text) + whole.close()
    assert parts == whole.text
    streamed = Transcript()
    step = 1 + zlib.crc32(data) % 7
    pieces = [streamed.feed(text[at : at + step]) for at in range(0, len(text), step)]
    assert "".join([*pieces, streamed.close()]) == whole.text
    assert streamed.cited == whole.cited
    assert isinstance(without_thoughts(text), str)
    answer = read_answer(text)
    assert answer.text == answer.text.strip()
    assert is_plain_answer(answer.text, text) in {True, False}
    assert is_well_formed(text) in {True, False}


def _check_reply(data: bytes) -> None:
    text = text_of(data)
    queries = parse_rewrites(text, 5)
    assert len(queries) <= 5
    assert all(0 < len(query) <= MAX_QUERY and "\n" not in query for query in queries)
    assert len(parse_passage(text)) <= MAX_PASSAGE


def _check_plan(data: bytes) -> None:
    try:
        plan = read_reply(text_of(data), "Где родился автор романа?")
    except ReplyError:
        return
    assert Plan.model_validate_json(plan.to_json()).sub_questions == plan.sub_questions
