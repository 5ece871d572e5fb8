"""Components of records: hand-computed values, and absence where nothing is defined."""

from __future__ import annotations

import math

import pytest

from evals.dataset import Hop
from evals.records import AnswerRecord, QuestionRecord, Step
from evals.rewards.components import (
    PENALTIES,
    Budgets,
    QuestionComponent,
    StepComponent,
    question_components,
    question_costs,
    step_components,
)

BUDGETS = Budgets(searches=4, passages=6, tokens=1000, seconds=2)
KNOWN = set(QuestionComponent)


def components(record: QuestionRecord, k: int = 5) -> dict[str, float]:
    found = question_components(record, k, BUDGETS)
    assert set(found) <= KNOWN
    assert all(0.0 <= value <= 1.0 for value in found.values())
    return found


def test_a_right_answer(make_depth, make_answer):
    found = components(make_depth("bm25", make_answer("1642 метрами")))
    assert found["retrieval_recall"] == found["retrieval_reciprocal_rank"] == found["retrieval_all_gold"] == 1.0
    assert (found["answer_em"], found["answer_f1"]) == (0.0, 0.5)
    assert found["answer_em_lemma"] == found["answer_f1_lemma"] == 1.0
    assert (found["abstention_right"], found["abstained_answerable"]) == (1.0, 0.0)
    assert found["format"] == 1.0


def test_retrieval_counts_documents_at_the_cut_off(make_depth, make_answer):
    record = make_depth("bm25", make_answer("1642 м"), gold_doc_ids=("angara", "baikal"))
    first, both = components(record, k=1), components(record, k=2)
    assert (first["retrieval_recall"], first["retrieval_all_gold"]) == (0.5, 0.0)
    assert (both["retrieval_recall"], both["retrieval_all_gold"]) == (1.0, 1.0)
    late = components(make_depth("bm25", make_answer("1642 м"), gold_doc_ids=("angara",)), k=2)
    assert late["retrieval_reciprocal_rank"] == 0.5
    assert late["retrieval_ndcg"] == pytest.approx(1 / math.log2(3))


def test_a_withheld_answer_counts_as_none(make_depth, make_answer):
    found = components(make_depth("bm25", make_answer("1642 м", abstained=True)))
    assert found["answer_em"] == found["answer_f1_lemma"] == 0.0
    assert (found["abstention_right"], found["abstained_answerable"]) == (0.0, 1.0)
    assert found["format"] == 1.0
    assert "abstained_unanswerable" not in found
    assert "answered_unanswerable" not in found


@pytest.mark.parametrize("abstained", [True, False])
def test_unanswerable_questions(make_unanswerable, make_answer, abstained):
    found = components(make_unanswerable("bm25", make_answer("два", abstained=abstained)))
    assert found["abstention_right"] == found["abstained_unanswerable"] == float(abstained)
    assert found["answered_unanswerable"] == float(not abstained)
    assert not {"answer_f1", "abstained_answerable", "retrieval_recall"} & set(found)


def test_without_gold_and_answer_only_costs_are_defined(make_depth):
    assert components(make_depth("bm25", None, answers=(), gold_doc_ids=())) == {"cost_searches": 0.25}


def test_citations_are_what_the_run_measured(make_depth, make_answer):
    record = make_depth("bm25", make_answer("1642 м"), metrics={"citation_gold": 0.5, "hit@5": 1.0})
    assert components(record)["citation_gold"] == 0.5
    assert "citation_in_chunk" not in components(record)


def test_costs_are_shares_of_their_budgets(make_depth):
    answer = AnswerRecord(
        text="1642 м",
        abstained=False,
        confidence=0.5,
        context_ids=("a_0", "a_1", "a_2"),
        tokens={"input_tokens": 240, "output_tokens": 10},
    )
    record = make_depth("bm25", answer, timings={"retrieve": 3.0, "total": 5.0})
    assert question_costs(record) == {"searches": 1.0, "passages": 3.0, "tokens": 250.0, "seconds": 5.0}
    found = components(record)
    assert (found["cost_searches"], found["cost_passages"]) == (0.25, 0.5)
    assert (found["cost_tokens"], found["cost_seconds"]) == (0.25, 1.0)
    totals = answer.model_copy(update={"tokens": {"input_tokens": 240, "output_tokens": 10, "total_tokens": 250}})
    assert question_costs(make_depth("bm25", totals))["tokens"] == 250.0


def test_steps_are_paid_for_what_is_new(river):
    first, second, third = step_components(river, k=5)
    assert first == {"new_gold": 0.5, "sub_answer": 1.0, "redundant": 0.0, "repeated_query": 0.0}
    assert second == {"new_gold": 0.5, "sub_answer": pytest.approx(2 / 3), "redundant": 0.5, "repeated_query": 0.0}
    assert third == {"new_gold": 0.0, "redundant": 1.0, "repeated_query": 1.0}
    assert sum(step["new_gold"] for step in (first, second, third)) == 1.0


def test_the_cut_off_says_what_a_step_found(river):
    assert [step["new_gold"] for step in step_components(river, k=1)] == [0.5, 0.0, 0.0]


def test_hops_may_be_answered_in_any_order_but_once(river):
    answers = ("река Ангара", "Ангара", "Байкал", "озеро Байкал")
    steps = tuple(Step(query=f"запрос {number}", answer=answer) for number, answer in enumerate(answers))
    scores = [step["sub_answer"] for step in step_components(river.model_copy(update={"steps": steps}), k=5)]
    assert scores == [pytest.approx(2 / 3), 0.0, 1.0, 0.0]


def test_gold_of_hops_stands_in_for_gold_of_the_question(river):
    record = river.model_copy(update={"gold_doc_ids": ()})
    assert [step["new_gold"] for step in step_components(record, k=5)] == [0.5, 0.5, 0.0]


def test_steps_without_gold(river):
    record = river.model_copy(update={"gold_doc_ids": (), "hops": (Hop(question="?"),)})
    assert all(set(step) <= {"redundant", "repeated_query"} for step in step_components(record, k=5))


def test_a_single_search_is_one_step(make_depth, make_answer):
    assert step_components(make_depth("bm25", make_answer("1642 м")), k=5) == [
        {"new_gold": 1.0, "redundant": 0.0, "repeated_query": 0.0}
    ]


def test_penalties_are_components():
    assert set(StepComponent) | KNOWN >= PENALTIES
