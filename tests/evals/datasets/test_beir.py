from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

CORPUS = [
    {"_id": "d1", "title": "Байкал", "text": "Байкал — озеро. Глубина 1642 м.", "metadata": {}},
    {"_id": "d2", "title": "", "text": "Волга впадает в Каспийское море."},
    {"_id": "d3", "title": "Пусто", "text": " "},
]
QUERIES = [
    {"_id": "q1", "text": "Какова глубина Байкала?"},
    {"_id": "q2", "text": "Куда впадает Волга?"},
    {"_id": "q3", "text": "Кто вывел пустую статью?"},
    {"_id": "q4", "text": "О чём не судили?"},
]
QRELS = ["query-id\tcorpus-id\tscore", "q1\td1\t2", "q1\td2\t0", "q2\td2\t1", "q3\td3\t1"]


@pytest.fixture
def folder(tmp_path: Path, write_lines) -> Path:
    """A folder as BEIR's own data sets have it."""
    write_lines(tmp_path / "beir" / "corpus.jsonl", CORPUS)
    write_lines(tmp_path / "beir" / "queries.jsonl", QUERIES)
    write_lines(tmp_path / "beir" / "qrels" / "test.tsv", QRELS)
    return tmp_path / "beir"


def test_a_folder_becomes_questions_a_corpus_and_a_manifest(folder, tmp_path, run, read_lines) -> None:
    ran = run("beir", folder, "--out", tmp_path / "out")
    assert ran.code == 0
    assert "2 questions (0 with answers), 2 documents" in ran.out
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [
        {"qid": "q1", "question": "Какова глубина Байкала?", "gold_doc_ids": ["d1"]},
        {"qid": "q2", "question": "Куда впадает Волга?", "gold_doc_ids": ["d2"]},
    ]
    assert read_lines(tmp_path / "out" / "corpus.jsonl") == [
        {"doc_id": "d1", "title": "Байкал", "text": "Байкал — озеро. Глубина 1642 м."},
        {"doc_id": "d2", "title": "", "text": "Волга впадает в Каспийское море."},
    ]
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["questions"]["read"] == 4
    assert manifest["questions"]["dropped"] == {"no_relevant_document": 1, "relevant_document_without_text": 1}
    assert manifest["documents"] == {"written": 2, "dropped": {"without_text": 1}}
    assert [file["name"] for file in manifest["inputs"]] == ["corpus.jsonl", "queries.jsonl", "test.tsv"]


def test_only_judgements_of_enough_relevance_count(folder, tmp_path, run, read_lines) -> None:
    assert run("beir", folder, "--min-score", "2", "--out", tmp_path / "out").code == 0
    assert [question["qid"] for question in read_lines(tmp_path / "out" / "questions.jsonl")] == ["q1"]


def test_parquet_folders_of_mteb(folder, tmp_path, run) -> None:
    arrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    mteb = tmp_path / "mteb"
    judged = [dict(zip(("query-id", "corpus-id", "score"), line.split("\t"), strict=True)) for line in QRELS[1:]]
    for part, rows in (("corpus", CORPUS), ("queries", QUERIES), ("qrels", judged)):
        table = arrow.Table.from_pylist(
            [{**row, "score": int(row["score"])} if part == "qrels" else row for row in rows]
        )
        (mteb / f"ru-{part}").mkdir(parents=True)
        parquet.write_table(
            table.drop_columns(["metadata"]) if part == "corpus" else table, mteb / f"ru-{part}" / "test-0.parquet"
        )
    assert run("beir", folder, "--out", tmp_path / "one").code == 0
    assert run("beir", mteb, "--subset", "ru", "--out", tmp_path / "two").code == 0
    for name in ("questions.jsonl", "corpus.jsonl"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_ids_may_be_numbers_and_judgements_may_lie_apart_without_scores(tmp_path, run, read_lines, write_lines) -> None:
    write_lines(tmp_path / "data" / "corpus.jsonl.gz", [{"id": 7, "text": "Обь — река."}])
    write_lines(tmp_path / "data" / "queries.jsonl", [{"id": 1, "text": "Что такое Обь?"}])
    qrels = write_lines(tmp_path / "judged.tsv", ["corpus-id\tquery-id", "7\t1"])
    assert run("beir", tmp_path / "data", "--qrels", qrels, "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl")[0]["gold_doc_ids"] == ["7"]


@pytest.mark.parametrize(
    ("file", "line", "expected"),
    [
        ("corpus.jsonl", "{", r"corpus.jsonl:4: not JSON"),
        ("corpus.jsonl", {"text": "нет имени"}, r"corpus.jsonl:4: field _id or id: expected an id"),
        ("corpus.jsonl", {"_id": True, "text": "x"}, r"corpus.jsonl:4: field _id: expected an id"),
        ("corpus.jsonl", {"_id": "d9", "text": ["x"]}, r"corpus.jsonl:4: field text: expected text, found a list"),
        ("corpus.jsonl", {"_id": "d1", "text": "ещё раз"}, r"corpus.jsonl:4: the document id 'd1' stands twice"),
        ("queries.jsonl", {"_id": "q1", "text": "Снова?"}, r"queries.jsonl:5: field qid: 'q1' stands already at .*:1"),
        ("queries.jsonl", {"_id": "q2"}, r"queries.jsonl:5: field text: expected text, found no such field"),
        ("queries.jsonl", [], r"queries.jsonl:5: expected a JSON object, found a list"),
        ("qrels/test.tsv", "q1\td8\t1", r"test.tsv:6: the document 'd8' of the question 'q1' is not in the corpus"),
        ("qrels/test.tsv", "q8\td1\t1", r"test.tsv:6: the question 'q8' is in no file of questions"),
        ("qrels/test.tsv", "q1\td1\t1", r"test.tsv:6: field score: 'd1' has the score 1 for 'q1', and 2 at .*:2"),
        ("qrels/test.tsv", "q1\td1\tмного", r"test.tsv:6: field score: expected a number"),
        ("qrels/test.tsv", "q1\td1", r"test.tsv:6: expected 3 columns as in the header, found 2"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(folder, tmp_path, refused, file, line, expected) -> None:
    with (folder / file).open("a", encoding="utf-8") as out:
        out.write(line if isinstance(line, str) else json.dumps(line, ensure_ascii=False))
    assert re.search(expected, refused("beir", folder, "--out", tmp_path / "out"))


def test_unknown_ids_can_be_skipped_and_are_counted(folder, tmp_path, run) -> None:
    with (folder / "qrels" / "test.tsv").open("a", encoding="utf-8") as out:
        out.write("q8\td1\t1\nq1\td8\t1\nq4\td9\t1\n")
    ran = run("beir", folder, "--skip-unknown", "--out", tmp_path / "out")
    assert ran.code == 0
    assert "judgements skipped: 3" in ran.out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["judgements_skipped"] == {"unknown_question": 1, "unknown_document": 2}
    assert manifest["questions"]["dropped"] == {"relevant_document_unknown": 1, "relevant_document_without_text": 1}


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--split", "dev"], "no judgements of the split 'dev' found; .*found test.tsv"),
        (["--subset", "ru"], "no judgements of the split 'test' found; expected ru-qrels"),
        (["--hub", "mteb/RuBQRetrieval"], "either a folder or a data set of the hub"),
        (["--min-score", "9"], "no question is left to write .4 no_relevant_document."),
    ],
)
def test_what_is_not_there_is_said(folder, tmp_path, refused, arguments, expected) -> None:
    assert re.search(expected, refused("beir", folder, *arguments, "--out", tmp_path / "out"))


def test_a_header_without_the_columns(folder, tmp_path, refused, write_lines) -> None:
    write_lines(folder / "qrels" / "test.tsv", ["q1\t0\td1\t1"])
    said = refused("beir", folder, "--out", tmp_path / "out")
    assert "test.tsv:1: field query-id: expected a header with query-id, corpus-id and score" in said
    write_lines(folder / "qrels" / "test.tsv", [])
    assert "the file is empty" in refused("beir", folder, "--out", tmp_path / "out")
    assert "no such folder" in refused("beir", folder / "none", "--out", tmp_path / "out")
