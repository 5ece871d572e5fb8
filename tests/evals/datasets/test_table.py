from __future__ import annotations

import re
from pathlib import Path

import pytest

COLUMNS = ["--question-column", "Вопрос", "--answer-column", "Ответы"]
TABLE = (
    "Вопрос;Ответы;Документ;№\r\n"
    "Какова глубина Байкала?;1642 м|1642;baikal;б-1\r\n"
    '"Кто; когда\nи зачем?";;;б-2\r\n'
    ";;;\r\n"
)


@pytest.fixture
def semicolons(tmp_path: Path) -> Path:
    """A table as a Russian spreadsheet saves it."""
    path = tmp_path / "вопросы.csv"
    path.write_bytes(TABLE.encode("cp1251"))
    return path


def test_a_spreadsheets_table(semicolons, tmp_path, run, read_lines) -> None:
    more = ["--doc-column", "Документ", "--qid-column", "№", "--separator", "|", "--encoding", "cp1251"]
    assert run("table", semicolons, *COLUMNS, *more, "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [
        {
            "qid": "б-1",
            "question": "Какова глубина Байкала?",
            "answers": ["1642 м", "1642"],
            "gold_doc_ids": ["baikal"],
        },
        {"qid": "б-2", "question": "Кто; когда\nи зачем?"},
    ]
    assert not (tmp_path / "out" / "corpus.jsonl").exists()


@pytest.mark.parametrize("content", ["question,answer\nКто?,Пушкин\n", "\ufeffanswer\tquestion\nПушкин\tКто?\n"])
def test_commas_tabs_and_a_byte_order_mark(tmp_path, run, read_lines, content) -> None:
    (tmp_path / "t.csv").write_text(content, "utf-8")
    assert run("table", tmp_path / "t.csv", "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [{"qid": "1", "question": "Кто?", "answers": ["Пушкин"]}]


def test_documents_become_the_corpus_and_are_looked_up(tmp_path, run, refused, read_lines, write_lines) -> None:
    documents = write_lines(
        tmp_path / "documents.jsonl", [{"doc_id": "baikal", "text": "Глубина 1642 м.", "year": 1983}]
    )
    (tmp_path / "t.csv").write_text("question,answer,doc\nГлубина?,1642 м,baikal\n", "utf-8")
    flags = ["table", tmp_path / "t.csv", "--doc-column", "doc", "--documents", documents]
    assert run(*flags, "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "corpus.jsonl") == [
        {"doc_id": "baikal", "title": "", "text": "Глубина 1642 м.", "year": 1983}
    ]
    (tmp_path / "t.csv").write_text("question,answer,doc\nГлубина?,1642 м,volga\n", "utf-8")
    assert "t.csv:2: the document 'volga' of the question '1' is not in the corpus" in refused(
        *flags, "--out", tmp_path / "two"
    )


def test_an_old_encoding_is_recognised(semicolons, tmp_path, refused) -> None:
    said = refused("table", semicolons, *COLUMNS, "--out", tmp_path / "out")
    assert "windows-1251" in said
    assert "--encoding cp1251" in said
    assert "no such encoding" in refused("table", semicolons, "--encoding", "cp-1", "--out", tmp_path / "out")
    assert "is not ascii" in refused("table", semicolons, "--encoding", "ascii", "--out", tmp_path / "out")


@pytest.mark.parametrize(
    ("content", "flags", "expected"),
    [
        ("Q,A\nКто?,Он\n", [], r":1: no column 'question' \(--question-column\); the columns are: Q, A"),
        ("question,A\nКто?,Он\n", [], r":1: no column 'answer' \(--answer-column\); the columns are: question, A"),
        ("question,answer\nКто?,Он\n", ["--doc-column", "doc"], r":1: no column 'doc' \(--doc-column\)"),
        ("question,answer,question\nКто?,Он,Кто?\n", [], r":1: the column 'question' stands twice"),
        ("", [], r":1: no column 'question' .*the columns are: none"),
        ("question,answer\nКто?,Он\nЧто,где,когда?\n", [], r":3: expected 2 cells as in the header, found 3"),
        ("question,answer\n,Он\n", [], r":2: field question: expected text"),
        ('question,answer\n"Кто?,Он\n', [], r"broken CSV"),
        ("question,answer,id\nКто?,Он,1\nЧто?,Он,1\n", ["--qid-column", "id"], r":3: field qid: '1' stands already at"),
        ("question,answer\n", [], r"no question is left to write \(none was read\)"),
    ],
)
def test_what_is_wrong_is_named_by_line_and_column(tmp_path, refused, content, flags, expected) -> None:
    (tmp_path / "t.csv").write_text(content, "utf-8")
    assert re.search(expected, refused("table", tmp_path / "t.csv", *flags, "--out", tmp_path / "out"))
