from __future__ import annotations

import json

import pytest

from evals.dataset import Question, Turn, read_questions, write_questions
from retrievers.errors import InputError

GOOD = {"qid": "q1", "question": "Кто?", "answers": ["Пушкин"], "gold_doc_ids": ["a"]}


def write(path, *lines: object) -> None:
    path.write_text("\n".join(x if isinstance(x, str) else json.dumps(x, ensure_ascii=False) for x in lines), "utf-8")


def test_rows_are_read_in_order_and_unknown_fields_are_left_alone(tmp_path) -> None:
    file = tmp_path / "eval.jsonl"
    write(file, GOOD, "", {**GOOD, "qid": "q2", "answers": [], "answerable": False, "source": "x"})
    questions = read_questions(file)
    assert [question.qid for question in questions] == ["q1", "q2"]
    assert questions[0] == Question(qid="q1", question="Кто?", answers=("Пушкин",), gold_doc_ids=("a",))
    assert not questions[1].answerable


@pytest.mark.parametrize(
    ("bad", "expected"),
    [
        ("{", r"eval\.jsonl:2: not JSON"),
        ("[]", r"eval\.jsonl:2: field record"),
        ({"qid": "q2"}, r"eval\.jsonl:2: field question"),
        ({**GOOD, "qid": "q2", "answers": "Пушкин"}, r"eval\.jsonl:2: field answers"),
        ({**GOOD, "qid": "q2", "answers": [" "]}, r"eval\.jsonl:2: field answers: must not hold empty strings"),
        ({**GOOD, "qid": "q2", "answerable": False}, r"eval\.jsonl:2: field answerable: answers must be empty"),
        ({**GOOD, "qid": "q2", "gold_doc_ids": ["a", "a"]}, r"eval\.jsonl:2: field gold_doc_ids: must not repeat"),
        ({**GOOD, "qid": "q2", "gold_doc_ids": [""]}, r"eval\.jsonl:2: field gold_doc_ids: must not hold empty"),
        ({**GOOD, "qid": "q2", "paragraph": "—"}, r"eval\.jsonl:2: field paragraph: must hold words"),
        ('{"qid": ' + "1" * 5000 + "}", r"eval\.jsonl:2: not a record: Exceeds the limit"),
        ("[" * 100_000, r"eval\.jsonl:2: not a record: maximum recursion"),
        ({**GOOD, "qid": "q2", "standalone": "Кто?"}, r"eval\.jsonl:2: field standalone: belongs beside a history"),
        ({**GOOD, "qid": "q2", "history": [{"question": ""}]}, r"eval\.jsonl:2: field history.0.question"),
        (
            {**GOOD, "qid": "q2", "history": [{"question": "Кто?"}], "standalone": " "},
            r"eval\.jsonl:2: field standalone: must hold words",
        ),
        (GOOD, r"eval\.jsonl:2: field qid: 'q1' stands already on line 1"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_field(tmp_path, bad, expected) -> None:
    file = tmp_path / "eval.jsonl"
    write(file, GOOD, bad)
    with pytest.raises(InputError, match=expected):
        read_questions(file)


def test_wrong_encoding_missing_and_empty_files(tmp_path) -> None:
    file = tmp_path / "eval.jsonl"
    file.write_bytes(json.dumps(GOOD, ensure_ascii=False).encode("cp1251"))
    with pytest.raises(InputError, match=r":1: not UTF-8"):
        read_questions(file)
    file.write_text("\n")
    with pytest.raises(InputError, match="holds no questions"):
        read_questions(file)
    with pytest.raises(InputError, match="no such file"):
        read_questions(tmp_path / "missing.jsonl")


def test_a_follow_up_keeps_its_history_and_its_standalone_form(tmp_path) -> None:
    follow_up = Question(
        qid="q1",
        question="А где он родился?",
        answers=("Москва",),
        history=(Turn(question="Кто написал «Парус»?", answer="Лермонтов"),),
        standalone="Где родился Лермонтов?",
    )
    file = tmp_path / "eval.jsonl"
    write_questions(file, [follow_up])
    assert read_questions(file) == [follow_up]
    assert "hops" not in file.read_text("utf-8")
