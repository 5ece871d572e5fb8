from __future__ import annotations

import pytest

from evals.records import AnswerRecord, CitationRecord, QuestionRecord, Ranked
from evals.scoring import score_record

TEXTS = {"baikal_1": "Байкал глубок. Его глубина — 1642 метра."}


def record(answer: AnswerRecord | None = None, **values) -> QuestionRecord:
    ranking = tuple(
        Ranked(chunk_id=chunk, doc_id=chunk.split("_")[0], score=1.0)
        for chunk in ("volga_0", "volga_1", "baikal_0", "baikal_1")
    )
    options = {"answers": ("1642 метра",), "gold_doc_ids": ("baikal",), "relevant_chunk_ids": ("baikal_1",)} | values
    return QuestionRecord(qid="q", variant="v", question="?", ranking=ranking, answer=answer, **options)


def answered(text: str, *, abstained: bool = False, quote: str = "Его глубина — 1642 метра.") -> AnswerRecord:
    citation = CitationRecord(chunk_id="baikal_1", doc_id="baikal", quote=quote, start=15, end=40)
    return AnswerRecord(text=text, abstained=abstained, confidence=0.5, citations=(citation,))


def test_documents_count_once_and_passages_have_their_own_ranks() -> None:
    metrics = score_record(record(), [1, 2, 4], TEXTS)
    # Two chunks of one document stand before: the gold document is second, its gold passage fourth.
    assert metrics["mrr@4"] == 0.5
    assert metrics["hit@2"] == metrics["recall@2"] == 1.0
    assert metrics["passage_mrr@4"] == 0.25
    assert metrics["passage_hit@2"] == 0.0
    assert not {"em", "abstention_right", "citation_gold"} & metrics.keys()
    assert max(metrics.values()) <= 1.0


def test_an_answer_has_both_strengths_and_its_citations() -> None:
    metrics = score_record(record(answered("глубиной 1642 метров")), [1], TEXTS)
    assert metrics["f1"] == pytest.approx(0.4)
    assert metrics["f1_lemma"] == pytest.approx(0.8)
    assert metrics["f1_forced"] == metrics["f1"]
    assert (metrics["citation_in_chunk"], metrics["citation_gold"], metrics["abstention_right"]) == (1.0, 1.0, 1.0)
    invented = score_record(record(answered("1642 метра", quote="Глубина неизвестна.")), [1], TEXTS)
    assert (invented["em"], invented["citation_in_chunk"], invented["citation_gold"]) == (1.0, 0.0, 1.0)


def test_a_withheld_answer_scores_zero_and_its_words_are_judged_apart() -> None:
    metrics = score_record(record(answered("1642 метра", abstained=True)), [1], TEXTS)
    assert (metrics["em"], metrics["f1"], metrics["em_forced"], metrics["abstention_right"]) == (0.0, 0.0, 1.0, 0.0)
    assert "citation_in_chunk" not in metrics


def test_what_is_undefined_is_absent() -> None:
    unanswerable = {"answers": (), "gold_doc_ids": (), "relevant_chunk_ids": (), "answerable": False}
    assert score_record(record(**unanswerable), [1], TEXTS) == {}
    assert score_record(record(answered("", abstained=True), **unanswerable), [1], TEXTS) == {"abstention_right": 1.0}
    given = score_record(record(answered("Ответ"), **unanswerable), [1], TEXTS)
    assert given == {"abstention_right": 0.0, "citation_in_chunk": 1.0}


def test_nothing_found_is_zero_not_undefined() -> None:
    metrics = score_record(record().model_copy(update={"ranking": ()}), [1, 10], TEXTS)
    assert metrics["hit@10"] == metrics["ndcg@10"] == metrics["r_precision"] == 0.0
