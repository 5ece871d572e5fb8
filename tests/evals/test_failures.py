from __future__ import annotations

import pytest

from evals.dataset import Hop
from evals.failures import Failure, classify
from evals.records import AnswerRecord, QuestionRecord, Ranked

RIGHT = {"em_lemma": 1.0, "em_lemma_forced": 1.0}
WITHHELD = {"em_lemma": 0.0, "em_lemma_forced": 1.0}
WRONG = {"em_lemma": 0.0, "em_lemma_forced": 0.0}


def record(ranking: str, *, read: str | None = None, text: str = "ответ", abstained: bool = False, **values):
    hits = tuple(Ranked(chunk_id=chunk, doc_id=chunk.split("_")[0], score=0.0) for chunk in ranking.split())
    answer = None
    if read is not None:
        answer = AnswerRecord(text=text, abstained=abstained, confidence=0.5, context_ids=tuple(read.split()))
    options = {"answers": ("верно",), "gold_doc_ids": ("gold",), "relevant_chunk_ids": ("gold_1",)} | values
    return QuestionRecord(qid="q", variant="v", question="?", ranking=hits, answer=answer, **options)


@pytest.mark.parametrize(
    ("found", "kind"),
    [
        (record("gold_1 a_0", read="gold_1", metrics=RIGHT), None),
        (record("a_0 b_0", read="a_0", metrics=RIGHT), None),  # right by luck is right
        (record("gold_1 a_0", read="gold_1", abstained=True, metrics=WITHHELD), Failure.ABSTAINED_WRONGLY),
        (record("a_0 b_0", read="a_0", metrics=WRONG), Failure.NOT_IN_POOL),
        (record("a_0 gold_1", read="a_0", metrics=WRONG), Failure.RANKED_LOW),
        (record("gold_0 gold_1", read="gold_0", metrics=WRONG), Failure.WRONG_PASSAGE),
        (record("gold_1 a_0", read="gold_1", metrics=WRONG), Failure.READ_WRONG),
        (record("gold_1", read="gold_1", abstained=True, metrics=WRONG), Failure.READ_WRONG),
        (record("gold_1", read="gold_1", text="", abstained=True, metrics=WRONG), Failure.ABSTAINED_WRONGLY),
        (record("gold_0", read="gold_0", metrics=WRONG, relevant_chunk_ids=()), Failure.READ_WRONG),
        (record("gold_1", read="gold_1", answers=(), metrics={}), None),  # nothing to judge the answer by
        (record("a_0", read="a_0", gold_doc_ids=(), relevant_chunk_ids=(), metrics=WRONG), Failure.READ_WRONG),
    ],
)
def test_the_first_stage_that_lost_the_answer(found, kind) -> None:
    assert classify(found, k=5) == kind


def test_without_answers_the_passages_read_are_the_first_k() -> None:
    assert classify(record("a_0 gold_1"), k=1) is Failure.RANKED_LOW
    assert classify(record("a_0 gold_1"), k=2) is None
    assert classify(record("a_0 gold_0"), k=2) is Failure.WRONG_PASSAGE
    assert classify(record("a_0"), k=2) is Failure.NOT_IN_POOL


def test_unanswerable_questions_fail_by_being_answered() -> None:
    unanswerable = {"answerable": False, "answers": (), "gold_doc_ids": (), "relevant_chunk_ids": ()}
    assert classify(record("a_0", read="a_0", **unanswerable), k=5) is Failure.ANSWERED_UNANSWERABLE
    assert classify(record("a_0", read="a_0", abstained=True, **unanswerable), k=5) is None
    assert classify(record("a_0", **unanswerable), k=5) is None


@pytest.mark.parametrize(
    ("ranking", "kind"),
    [
        ("first_0 a_0 b_0", Failure.NOT_IN_POOL),
        ("first_0 a_0 second_0", Failure.RANKED_LOW),
        ("first_0 second_0 a_0", None),
        ("third_0 second_0 a_0", None),  # either document answers the first hop
    ],
)
def test_a_multi_step_question_needs_a_document_of_every_hop(ranking, kind) -> None:
    hops = (Hop(question="?", gold_doc_ids=("first", "third")), Hop(question="?", gold_doc_ids=("second",)))
    gold = ("first", "second", "third")
    assert classify(record(ranking, hops=hops, gold_doc_ids=gold, relevant_chunk_ids=()), k=2) is kind
