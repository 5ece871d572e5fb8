"""The agent as a measured pipeline: its steps reach the records, and the records the rewards per step."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.agent_steps import agent_ranking, steps_of
from evals.records import Ranked, Step, read_records
from evals.rewards.rows import reward_row
from evals.rewards.weights import load_weights
from evals.run.__main__ import main
from rag.agent.budget import Spent, StopReason
from rag.agent.plan import Plan
from rag.agent.trace import AgentTrace, Operation, TraceHit, TraceStep, Verdict
from rag.answer import Answer, Context
from rag.index import build_index
from rag.profile import load_profile

ROOT = Path(__file__).resolve().parents[3]
TWO_STEP = "В каком посёлке находится управление заповедника, где работал зоолог Лев Капланов?"


def hit(name: str, score: float = 1.0) -> TraceHit:
    return TraceHit(chunk_id=f"{name}_0", doc_id=name, score=score)


def step(number: int, query: str, *hits: TraceHit, **values) -> TraceStep:
    values = {"operation": Operation.RETRIEVE, "sub_question": "q1", "question": query} | values
    return TraceStep(number=number, query=query, hits=hits, **values)


TRACE = AgentTrace(
    question="?",
    plan=Plan.single("что это"),
    steps=(
        step(1, "первый", hit("a"), hit("b"), answer="А"),
        step(2, "первый", verdict=Verdict.REPEATED),
        step(3, "второй", hit("c"), hit("a"), answer="В", operation=Operation.MAP_RETRIEVE),
        step(4, "", operation=Operation.COMPARE, answer="А"),
        step(5, "весь вопрос", hit("d"), operation=Operation.FALLBACK),
        step(6, "весь вопрос", hit("d"), operation=Operation.FALLBACK, way="names"),
    ),
    stop=StopReason.ANSWERED,
    spent=Spent(steps=3),
)


def test_only_searches_are_steps() -> None:
    steps = steps_of(TRACE)
    assert [(one.query, one.answer) for one in steps] == [
        ("первый", "А"),
        ("второй", "В"),
        ("весь вопрос", ""),
        ("весь вопрос (names)", ""),
    ]
    assert steps[0].ranking == (Ranked("a_0", "a", 1.0), Ranked("b_0", "b", 1.0))


def test_what_was_read_stands_first_in_the_ranking() -> None:
    read = Context(chunk_id="c_0", doc_id="c", title="", text="", scores={"bm25": 9.0, "cross_encoder": 2.0})
    ranking = agent_ranking(Answer("?", contexts=(read,)), steps_of(TRACE))
    assert [one.chunk_id for one in ranking] == ["c_0", "a_0", "d_0", "b_0"]
    assert ranking[0].score == 2.0
    assert agent_ranking(Answer("?"), (Step(query="?"),)) == ()


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("agent")
    index = folder / "index"
    build_index([ROOT / "rag" / "demo" / "corpus"], index, load_profile().index, profile="offline")
    rows = [json.loads(line) for line in (ROOT / "rubq_eval.jsonl").read_text("utf-8").splitlines()]
    chosen = [row for row in rows if row["question"] == TWO_STEP] + rows[:2]
    follow_up = {
        "qid": "follow-up", "question": "А какова его глубина?", "answers": ["1642 м"], "gold_doc_ids": ["baikal"],
        "history": [{"question": "Какое озеро самое глубокое в мире?", "answer": "Байкал"}],
        "standalone": "Какова глубина Байкала?",
    }  # fmt: skip
    file = folder / "some.jsonl"
    file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in [*chosen, follow_up]), "utf-8")
    flags = ["--retrievers", "hybrid", "--compressor", "on", "--agent", "off,on", "--answers", "--jobs", "1"]
    assert main([str(file), "--index", str(index), "--out", str(folder / "run"), *flags]) == 0
    return folder / "run"


def test_chain_and_agent_are_measured_beside_each_other(measured) -> None:
    records = read_records(measured)
    assert {record.variant for record in records} == {"hybrid+rerank", "hybrid+rerank+agent"}
    plain, stepwise = (
        next(one for one in records if one.question == TWO_STEP and one.variant.endswith(suffix))
        for suffix in ("+rerank", "+agent")
    )
    assert not plain.steps
    assert len(stepwise.steps) >= 2
    assert "Сихотэ-Алинского заповедника" in stepwise.steps[1].query
    assert {hit.doc_id for hit in stepwise.ranking[:10]} >= {"amur-tiger", "sikhote-alin-reserve"}
    single = [one for one in records if one.question != TWO_STEP and one.qid != "follow-up"]
    for record in single:
        twin = next(one for one in single if one.qid == record.qid and one.variant != record.variant)
        assert record.answer is not None
        assert record.answer == twin.answer.model_copy(update={"context_ids": record.answer.context_ids})


def test_a_follow_up_is_understood_after_its_history(measured) -> None:
    asked = {record.variant: record for record in read_records(measured) if record.qid == "follow-up"}
    assert "Байкал" in asked["hybrid+rerank+agent"].steps[0].query
    assert asked["hybrid+rerank+agent"].ranked_documents[0] == "baikal"


def test_every_step_of_a_real_trace_is_rewarded(measured) -> None:
    record = next(one for one in read_records(measured) if one.question == TWO_STEP and one.steps)
    row = reward_row(record, load_weights())
    assert len(row.steps) == len(record.steps)
    assert sum(reward.components["new_gold"] for reward in row.steps) == pytest.approx(1.0)
    assert row.steps[0].components["sub_answer"] > 0.0
    assert row.costs["searches"] == len(record.steps)


def test_the_agent_is_measured_with_answers_only(tmp_path, capsys) -> None:
    code = main([str(ROOT / "rubq_eval.jsonl"), "--agent", "on", "--out", str(tmp_path / "run"), "--limit", "1"])
    assert code == 2
    assert "measure it with --answers" in capsys.readouterr().err
