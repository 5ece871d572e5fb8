from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

PASSAGES = [
    {"docid": "7#0", "title": "Чили", "text": "Чили — страна."},
    {"docid": "7#1", "title": "Чили", "text": "Столица — Сантьяго."},
    {"docid": "8#0", "title": "Перу", "text": "Перу — страна."},
]
TOPICS = ["q1\tКакая столица у Чили?", "q2\tЧто такое Перу?", "q3\tО чём не судили?"]
QRELS = ["q1 Q0 7#1 1", "q1 Q0 7#0 1", "q1\tQ0\t8#0\t0", "q2 Q0 8#0 1"]


@pytest.fixture
def topics(tmp_path: Path, write_lines) -> list[object]:
    """Flags naming topics, judgements and a corpus whose first page runs on into the second of three files."""
    for number, passages in ((0, PASSAGES[:1]), (1, PASSAGES[1:2]), (10, PASSAGES[2:])):
        write_lines(tmp_path / "corpus" / f"docs-{number}.jsonl.gz", passages)
    write_lines(tmp_path / "topics.tsv", TOPICS)
    write_lines(tmp_path / "qrels.tsv", QRELS)
    given = {"topics": "topics.tsv", "qrels": "qrels.tsv", "corpus": "corpus"}
    return ["miracl", *(part for name, path in given.items() for part in (f"--{name}", tmp_path / path))]


def test_pages_are_documents(topics, tmp_path, run, read_lines) -> None:
    assert run(*topics, "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [
        {"qid": "q1", "question": "Какая столица у Чили?", "gold_doc_ids": ["7"]},
        {"qid": "q2", "question": "Что такое Перу?", "gold_doc_ids": ["8"]},
    ]
    assert read_lines(tmp_path / "out" / "corpus.jsonl") == [
        {"doc_id": "7", "title": "Чили", "text": "Чили — страна.\n\nСтолица — Сантьяго."},
        {"doc_id": "8", "title": "Перу", "text": "Перу — страна."},
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["questions"]["dropped"] == {"no_relevant_document": 1}
    assert [file["name"] for file in manifest["inputs"][2:]] == [f"docs-{number}.jsonl.gz" for number in (0, 1, 10)]


def test_passages_are_documents(topics, tmp_path, run, read_lines) -> None:
    assert run(*topics, "--unit", "passage", "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl")[0]["gold_doc_ids"] == ["7#1", "7#0"]
    assert [row["doc_id"] for row in read_lines(tmp_path / "out" / "corpus.jsonl")] == ["7#0", "7#1", "8#0"]


def test_files_named_in_the_shells_order_are_read_in_the_corpus_order(topics, tmp_path, run) -> None:
    files = sorted((tmp_path / "corpus").iterdir())  # docs-0, docs-1, docs-10
    assert run(*topics[:-1], *reversed(files), "--out", tmp_path / "out").code == 0


def test_questions_with_their_passages(tmp_path, run, read_lines, write_lines) -> None:
    rows = [
        {
            "query_id": "1",
            "query": "Какая столица у Чили?",
            "positive_passages": [PASSAGES[1]],
            "negative_passages": [PASSAGES[0], PASSAGES[2]],
        },
        {"query_id": "2", "query": "Что такое Перу?", "positive_passages": [PASSAGES[2]], "negative_passages": []},
        {"query_id": "3", "query": "Что ещё?", "positive_passages": [], "negative_passages": None},
    ]
    path = write_lines(tmp_path / "dev.jsonl.gz", rows)
    assert run("miracl", "--passages", path, "--out", tmp_path / "out").code == 0
    assert [row["gold_doc_ids"] for row in read_lines(tmp_path / "out" / "questions.jsonl")] == [["7"], ["8"]]
    assert read_lines(tmp_path / "out" / "corpus.jsonl")[0]["text"] == "Чили — страна.\n\nСтолица — Сантьяго."


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("topics.tsv", "q9 без табуляции", r"topics.tsv:4: expected two columns .*, found 1"),
        ("topics.tsv", "q1\tСнова?", r"topics.tsv:4: field qid: 'q1' stands already at .*topics.tsv:1"),
        ("qrels.tsv", "q1 Q0 7#0", r"qrels.tsv:5: expected four columns .*, found 3"),
        ("qrels.tsv", "q1 Q0 7#2 да", r"qrels.tsv:5: field relevance: expected a number, found 'да'"),
        ("qrels.tsv", "q1 Q0 9#0 1", r"qrels.tsv:5: the document '9' of the question 'q1' is not in the corpus"),
        ("qrels.tsv", "q9 Q0 7#0 1", r"qrels.tsv:5: the question 'q9' is in no file of questions"),
    ],
)
def test_wrong_lines_are_named(topics, tmp_path, refused, file, line, expected) -> None:
    with (tmp_path / file).open("a", encoding="utf-8") as out:
        out.write(f"{line}\n")
    assert re.search(expected, refused(*topics, "--out", tmp_path / "out"))


def test_wrong_corpora_are_named(topics, tmp_path, refused, write_lines) -> None:
    last = tmp_path / "corpus" / "docs-11.jsonl"
    write_lines(last, [PASSAGES[0]])
    assert "docs-11.jsonl:1: the document id '7' stands twice" in refused(*topics, "--out", tmp_path / "out")
    write_lines(last, [PASSAGES[2]])
    said = refused(*topics, "--unit", "passage", "--out", tmp_path / "out")
    assert "docs-11.jsonl:1: field docid: '8#0' stands twice" in said
    write_lines(last, [{"title": "без имени", "text": "x"}])
    assert "docs-11.jsonl:1: field docid: expected an id" in refused(*topics, "--out", tmp_path / "out")
    (tmp_path / "corpus" / "docs-0.jsonl.gz").write_bytes(b"\x1f\x8b broken")
    assert "docs-0.jsonl.gz: the gzip archive is damaged" in refused(*topics, "--out", tmp_path / "out")
    (tmp_path / "empty").mkdir()
    assert "no corpus in this folder" in refused(*topics[:-1], tmp_path / "empty", "--out", tmp_path / "out")


def test_passages_without_text_or_with_two(tmp_path, refused, write_lines) -> None:
    def row(*positive: dict[str, str]) -> dict[str, object]:
        return {"query_id": "1", "query": "Что?", "positive_passages": list(positive)}

    path = write_lines(tmp_path / "dev.jsonl", [row({"docid": "7#0"})])
    said = refused("miracl", "--passages", path, "--out", tmp_path / "out")
    assert "dev.jsonl:1.positive_passages[0]: field text: expected text" in said
    write_lines(path, [row(PASSAGES[0], {**PASSAGES[0], "text": "Другой текст."})])
    said = refused("miracl", "--passages", path, "--out", tmp_path / "out")
    assert "positive_passages[1]: field text: '7#0' has another text at" in said


def test_flags_that_do_not_go_together(topics, tmp_path, refused) -> None:
    assert "either --topics" in refused(*topics[:3], "--out", tmp_path / "out")
    assert "either --topics" in refused(*topics, "--passages", tmp_path / "qrels.tsv", "--out", tmp_path / "out")
