from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

FIRST = "Защита уступила всего 308 очков."
SECOND = "Команда выиграла шесть матчей."


def asked(qid: object, text: str, *answers: str, **more: object) -> dict[str, object]:
    return {"id": qid, "question": text, "answers": [{"text": one, "answer_start": 0} for one in answers], **more}


QUESTIONS = [asked("a", "Сколько очков уступила защита?", "308", "308 очков", "308"), asked(7, "Что уступила?", "очки")]
IMPOSSIBLE = asked("c", "Кто судил?", is_impossible=True, plausible_answers=[{"text": "защита", "answer_start": 0}])
DATA = {
    "version": "v2.0",
    "data": [
        {
            "title": "Super_Bowl_50",
            "paragraphs": [
                {"context": FIRST, "qas": QUESTIONS},
                {"context": SECOND, "qas": [IMPOSSIBLE]},
                {"context": "Абзац без вопросов.", "qas": []},
            ],
        }
    ],
}


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    path = tmp_path / "xquad.ru.json"
    path.write_text(json.dumps(DATA, ensure_ascii=False), "utf-8")
    return path


def test_paragraphs_are_documents_and_those_without_questions_belong_to_them(nested, tmp_path, run, read_lines) -> None:
    assert run("squad", nested, "--out", tmp_path / "out").code == 0
    documents = read_lines(tmp_path / "out" / "corpus.jsonl")
    assert [row["text"] for row in documents] == [FIRST, SECOND, "Абзац без вопросов."]
    assert {row["title"] for row in documents} == {"Super_Bowl_50"}
    first = documents[0]["doc_id"]
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [
        {
            "qid": "a",
            "question": "Сколько очков уступила защита?",
            "answers": ["308", "308 очков"],
            "gold_doc_ids": [first],
            "paragraph": FIRST,
        },
        {"qid": "7", "question": "Что уступила?", "answers": ["очки"], "gold_doc_ids": [first], "paragraph": FIRST},
        {"qid": "c", "question": "Кто судил?", "answerable": False},
    ]


def test_articles_are_documents(nested, tmp_path, run, read_lines) -> None:
    assert run("squad", nested, "--unit", "article", "--out", tmp_path / "out").code == 0
    (document,) = read_lines(tmp_path / "out" / "corpus.jsonl")
    assert document["doc_id"] == "Super_Bowl_50"
    assert document["text"] == f"{FIRST}\n\n{SECOND}\n\nАбзац без вопросов."


def test_the_hubs_rows_give_paragraphs_the_same_ids(nested, tmp_path, run, read_lines, write_lines) -> None:
    row = {"id": 1, "title": "SberChallenge", "context": FIRST, "question": "Сколько очков?"}
    flat = [
        {**row, "answers": {"text": ["308"], "answer_start": [23]}},
        {**row, "id": 2, "answers": {"text": [""], "answer_start": [-1]}},
        {**row, "id": 3, "answers": {"text": [], "answer_start": []}},
    ]
    path = write_lines(tmp_path / "sberquad.jsonl.gz", flat)
    assert run("squad", nested, "--out", tmp_path / "one").code == 0
    assert run("squad", path, "--out", tmp_path / "two").code == 0
    (document,) = read_lines(tmp_path / "two" / "corpus.jsonl")
    assert document["doc_id"] == read_lines(tmp_path / "one" / "corpus.jsonl")[0]["doc_id"]
    known, withheld, impossible = read_lines(tmp_path / "two" / "questions.jsonl")
    assert known["answers"] == ["308"]
    assert "answers" not in withheld
    assert withheld["gold_doc_ids"] == [document["doc_id"]]
    assert impossible == {"qid": "3", "question": "Сколько очков?", "answerable": False}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"qas": [asked("a", "Кто?", "x")] * 2}, r"qas\[1\]: field qid: 'a' stands already at .*qas\[0\]"),
        ({"qas": [asked(None, "Кто?", "x")]}, r"paragraphs\[0\]\.qas\[0\]: field id: expected an id"),
        ({"qas": [asked("a", "", "x")]}, r"qas\[0\]: field question: expected text, found ''"),
        ({"qas": [asked("a", "Кто?", is_impossible="да")]}, r"field is_impossible: expected true or false"),
        ({"qas": [{"id": "a", "question": "Кто?"}]}, r"field answers: expected a list of objects, found no such field"),
        ({"context": None}, r"data\[0\]\.paragraphs\[0\]: field context: expected text"),
    ],
)
def test_wrong_entries_are_named_by_their_path_and_field(tmp_path, refused, change, expected) -> None:
    path = tmp_path / "wrong.json"
    paragraph = {"context": FIRST, "qas": [asked("a", "Кто?", "x")], **change}
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [paragraph]}]}, ensure_ascii=False), "utf-8")
    assert re.search(expected, refused("squad", path, "--out", tmp_path / "out"))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("[]", "expected SQuAD's object with data, found a list"),
        ("{}", "field data: expected a list of objects"),
        ('{"data": ', "wrong.json:1: not JSON"),
    ],
)
def test_files_of_another_shape(tmp_path, refused, content, expected) -> None:
    (tmp_path / "wrong.json").write_text(content)
    assert expected in refused("squad", tmp_path / "wrong.json", "--out", tmp_path / "out")


def test_articles_need_titles(tmp_path, refused, write_lines) -> None:
    answers = {"text": ["308"], "answer_start": [0]}
    row = {"id": 1, "context": FIRST, "question": "Сколько?", "answers": answers}
    path = write_lines(tmp_path / "rows.jsonl", [row])
    assert "rows.jsonl:1: field title: expected the article's title" in refused(
        "squad", path, "--unit", "article", "--out", tmp_path / "out"
    )
