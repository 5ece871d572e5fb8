from __future__ import annotations

import pytest

from rag.index.__main__ import main as index_command

GOOD = {"qid": "q1", "question": "Кто?", "answers": ["Пушкин"], "gold_doc_ids": ["пушкин"]}


def test_counts(tmp_path, run, write_lines) -> None:
    hop = {"question": "Где?", "gold_doc_ids": ["москва"]}
    lines = [
        GOOD,
        "",
        {"qid": "q2", "question": "Что?", "answerable": False},
        {
            **GOOD,
            "qid": "q3",
            "gold_doc_ids": ["a", "b"],
            "hops": [hop],
            "paragraph": "Текст.",
            "gold_chunk_ids": ["c"],
        },
        {
            "qid": "q4",
            "question": "А где он родился?",
            "history": [{"question": "Кто это?", "answer": "Пушкин"}],
            "standalone": "Где родился Пушкин?",
        },
    ]
    ran = run("validate", write_lines(tmp_path / "eval.jsonl", lines))
    assert ran.code == 0
    assert {line[:28].strip(): int(line[28:]) for line in ran.out.splitlines()} == {
        "questions": 4,
        "with answers": 2,
        "unanswerable": 1,
        "with gold documents": 2,
        "with several gold documents": 1,
        "with hops": 1,
        "with a history": 1,
        "with a paragraph": 1,
        "with gold chunks": 1,
        "gold documents in all": 4,
    }


def test_all_mistakes_are_listed_by_line_and_field(tmp_path, run, write_lines) -> None:
    lines = [GOOD, {"qid": ""}, "{", {**GOOD, "question": "Снова?"}, [], {**GOOD, "qid": "q2", "answers": "Пушкин"}]
    file = write_lines(tmp_path / "eval.jsonl", lines)
    ran = run("validate", file)
    assert ran.code == 2
    assert ran.out == ""
    said = [line.removeprefix(f"error: {file}:") for line in ran.err.splitlines()]
    expected = [
        "2: field qid: ",
        "2: field question: ",
        "3: not JSON",
        "4: field qid: 'q1' stands already on line 1",
        "5: expected a JSON object",
        "6: field answers: ",
    ]
    assert len(said) == len(expected)
    assert all(line.startswith(start) for line, start in zip(said, expected, strict=True))


def test_no_more_than_twenty_mistakes_are_shown(tmp_path, run, write_lines) -> None:
    ran = run("validate", write_lines(tmp_path / "eval.jsonl", ["{"] * 25))
    assert ran.err.count("error: ") == 20
    assert ran.err.endswith("and 5 more\n")


@pytest.mark.parametrize(("content", "expected"), [("\n", "holds no questions"), (None, "cannot be read")])
def test_files_without_questions(tmp_path, run, content, expected) -> None:
    if content is not None:
        (tmp_path / "eval.jsonl").write_text(content)
    ran = run("validate", tmp_path / "eval.jsonl")
    assert ran.code == 2
    assert expected in ran.err


def test_what_an_index_lacks(tmp_path, run, write_lines, capsys) -> None:
    write_lines(tmp_path / "documents.jsonl", [{"doc_id": "пушкин", "text": "Пушкин — поэт."}])
    assert index_command(["build", str(tmp_path / "documents.jsonl"), "--index", str(tmp_path / "index")]) == 0
    capsys.readouterr()
    here = write_lines(tmp_path / "here.jsonl", [GOOD])
    assert run("validate", here, "--index", tmp_path / "index").code == 0
    hop = {"question": "Где?", "gold_doc_ids": ["москва"]}
    there = write_lines(tmp_path / "there.jsonl", [{**GOOD, "hops": [hop], "gold_chunk_ids": ["нет_0"]}])
    ran = run("validate", there, "--index", tmp_path / "index")
    assert ran.code == 1
    assert "  москва (question q1)" in ran.out
    assert "  нет_0 (question q1)" in ran.out
    assert "  пушкин" not in ran.out
    assert run("validate", there, "--index", tmp_path / "none").code == 2
