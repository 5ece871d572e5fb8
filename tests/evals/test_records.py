"""The record survives the way to disk and back, and what is wrong with a file is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.dataset import Hop, Question
from evals.records import (
    AnswerRecord,
    CitationRecord,
    Passage,
    QuestionRecord,
    Ranked,
    Step,
    by_variant,
    dump_record,
    read_passages,
    read_records,
    write_rows,
)
from retrievers.errors import InputError

RECORD = QuestionRecord(
    qid="q1",
    variant="bm25+rerank",
    question="Какова глубина Байкала?",
    answers=("1642 м",),
    gold_doc_ids=("baikal",),
    relevant_chunk_ids=("baikal_1",),
    hops=(Hop(question="Где?", answer="в Сибири", gold_doc_ids=("baikal",)),),
    ranking=(
        Ranked(chunk_id="a_b_0", doc_id="a_b", score=2.5),
        Ranked(chunk_id="baikal_1", doc_id="baikal", score=-1.0),
        Ranked(chunk_id="baikal_0", doc_id="baikal", score=-3.0),
    ),
    answer=AnswerRecord(
        text="1642 м",
        abstained=True,
        confidence=0.1,
        citations=(CitationRecord(chunk_id="baikal_1", doc_id="baikal", quote="Глубина 1642 м.", start=0, end=15),),
        context_ids=("a_b_0", "baikal_1"),
        tokens={"input_tokens": 10},
    ),
    steps=(Step(query="Где?", answer="в Сибири"),),
    metrics={"hit@1": 0.0},
    timings={"total": 0.25},
)


def test_a_record_comes_back_as_it_was(tmp_path) -> None:
    write_rows(tmp_path / "questions.jsonl", [RECORD, RECORD.model_copy(update={"qid": "q2"})])
    assert read_records(tmp_path)[0] == RECORD
    assert by_variant(read_records(tmp_path / "questions.jsonl")) == {
        "bm25+rerank": [RECORD, RECORD.model_copy(update={"qid": "q2"})]
    }


@given(st.text(), st.floats(allow_nan=False))
def test_any_text_is_one_line_and_comes_back(text, score) -> None:
    record = QuestionRecord(
        qid="q", variant="v", question=text, ranking=(Ranked(chunk_id="c_0", doc_id="c", score=score),)
    )
    line = dump_record(record)
    assert line.count("\n") == 1
    assert QuestionRecord.model_validate_json(line) == record


def test_a_document_counts_at_its_best_rank_and_a_withheld_answer_is_not_delivered() -> None:
    assert RECORD.ranked_documents == ["a_b", "baikal"]
    assert RECORD.answer is not None
    assert RECORD.answer.delivered == ""
    assert RECORD.answer.model_copy(update={"abstained": False}).delivered == "1642 м"


def test_the_trace_of_a_single_search_is_that_search() -> None:
    assert RECORD.trace == RECORD.steps
    single = RECORD.model_copy(update={"steps": ()})
    assert single.trace == (Step(query=RECORD.question, ranking=RECORD.ranking, answer=""),)


def test_a_record_carries_the_gold_of_its_question() -> None:
    question = Question(qid="q", question="Кто?", answerable=False, gold_doc_ids=("d",))
    record = QuestionRecord.of(question, "bm25", timings={"total": 1.0})
    assert (record.qid, record.answerable, record.gold_doc_ids) == ("q", False, ("d",))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"questions\.jsonl:2: field record: Invalid JSON"),
        ('{"qid": "q"}', r"questions\.jsonl:2: field variant"),
        ('{"qid": "q", "variant": "v", "question": "?", "ranking": [{"chunk_id": 1}]}', r":2: field ranking\.0"),
        ('{"qid": "q", "variant": "v", "question": "?", "extra": 1}', r":2: field extra"),
        (dump_record(RECORD), r":2: field qid: 'q1' of variant 'bm25\+rerank' stands already on line 1"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, line, message) -> None:
    (tmp_path / "questions.jsonl").write_text(dump_record(RECORD) + line, encoding="utf-8")
    with pytest.raises(InputError, match=message):
        read_records(tmp_path)


def test_missing_and_empty_files(tmp_path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        read_records(tmp_path)
    (tmp_path / "questions.jsonl").write_text("\n")
    with pytest.raises(InputError, match="holds no records"):
        read_records(tmp_path)


def test_passages_by_id(tmp_path) -> None:
    passage = Passage(chunk_id="a_0", doc_id="a", title="А", text="Текст\u2028с разделителем.")
    write_rows(tmp_path / "passages.jsonl", [passage])
    assert read_passages(tmp_path) == {"a_0": passage}
