from __future__ import annotations

import pytest

from evals.judged.verdicts import ABSTAINED, NO_PASSAGES, NO_REFERENCE, Verdict, summarize_verdicts, unjudgeable
from evals.records import AnswerRecord, QuestionRecord

ANSWERED = AnswerRecord(text="1642 метра", abstained=False, confidence=0.9, context_ids=("a_0",))


def record(answer: AnswerRecord | None = ANSWERED, answers: tuple[str, ...] = ("1642 м",)) -> QuestionRecord:
    return QuestionRecord(qid="q", variant="v", question="?", answers=answers, answer=answer)


@pytest.mark.parametrize(
    ("found", "metric", "passages", "reason"),
    [
        (record(), "faithfulness", ["текст"], None),
        (record(ANSWERED.model_copy(update={"abstained": True})), "faithfulness", ["текст"], ABSTAINED),
        (record(None), "answer_relevancy", ["текст"], ABSTAINED),
        (record(), "answer_relevancy", [], None),
        (record(), "faithfulness", [], NO_PASSAGES),
        (record(answers=()), "context_recall", ["текст"], NO_REFERENCE),
        (record(ANSWERED.model_copy(update={"abstained": True})), "context_precision", ["текст"], None),
    ],
)
def test_what_cannot_be_judged_is_told_before_a_judge_is_asked(found, metric, passages, reason) -> None:
    assert unjudgeable(found, metric, passages) == reason


def test_no_judgement_is_no_zero() -> None:
    verdicts = [
        Verdict(qid="1", variant="v", scores={"faithfulness": 1.0}),
        Verdict(qid="2", variant="v", scores={"faithfulness": 0.5}),
        Verdict(qid="3", variant="v", unjudged={"faithfulness": ABSTAINED}),
        Verdict(qid="4", variant="v", unjudged={"faithfulness": "ValidationError"}),
        Verdict(qid="1", variant="w", unjudged={"faithfulness": ABSTAINED}),
    ]
    summary = summarize_verdicts(verdicts, ["faithfulness"])
    assert summary["v"]["faithfulness"] == {
        "mean": 0.75, "judged": 2, "unjudged": {ABSTAINED: 1, "ValidationError": 1},
    }  # fmt: skip
    assert summary["w"]["faithfulness"] == {"mean": None, "judged": 0, "unjudged": {ABSTAINED: 1}}
