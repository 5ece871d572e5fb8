from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from evals.datasets import hub
from evals.datasets.reading import Row
from evals.datasets.rubq import answers_of

PARAGRAPHS = [
    {"uid": 10, "ru_wiki_pageid": 500, "text": "Чили — государство в Южной Америке."},
    {"uid": 11, "ru_wiki_pageid": 600, "text": "Остров Пасхи принадлежит Чили."},
    {"uid": 12, "ru_wiki_pageid": 600, "text": "На острове стоят моаи."},
]


def question(uid: int, text: str, with_answer: list[int], *answers: dict[str, object], quiz: str = "") -> dict:
    """A question in the shape of RuBQ_2.0_dev.json."""
    return {
        "uid": uid,
        "question_text": text,
        "answer_text": quiz,
        "answers": list(answers),
        "paragraphs_uids": {"with_answer": with_answer, "all_related": [10, 11, 12]},
        "tags": ["1-hop"],
        "RuBQ_version": "2.0",
    }


def entity(label: str, names: list[str], wp_names: list[str] | None = None) -> dict[str, object]:
    return {
        "type": "uri",
        "label": label,
        "value": "http://www.wikidata.org/entity/Q298",
        "wd_names": {"ru": names, "en": ["Chile"]},
        "wp_names": wp_names or [],
    }


QUESTIONS = [
    question(4, "Какой стране принадлежит остров Пасхи?", [11], entity("Чили", ["Республика Чили", "Чили"])),
    question(5, "Где стоят моаи?", [12, 10, 11], quiz="'Остров Пасхи'"),
    question(6, "Кем был по специальности Вакула?", [], quiz="Кузнец"),
]


@pytest.fixture
def own(tmp_path: Path) -> list[object]:
    """Flags naming the authors' files."""
    questions, paragraphs = tmp_path / "RuBQ_2.0_test.json", tmp_path / "RuBQ_2.0_paragraphs.json"
    questions.write_text(json.dumps(QUESTIONS, ensure_ascii=False), "utf-8")
    paragraphs.write_text(json.dumps(PARAGRAPHS, ensure_ascii=False), "utf-8")
    return ["rubq", "--questions", questions, "--paragraphs", paragraphs]


@pytest.fixture
def retrieval(tmp_path: Path, write_lines) -> Path:
    """A folder as kaengreg/rubq and kaengreg/rubq-qrels have it."""
    folder = tmp_path / "hub"
    write_lines(
        folder / "corpus.jsonl",
        [{"_id": str(row["uid"]), "title": "", "text": row["text"], "processed_text": "чили"} for row in PARAGRAPHS],
    )
    write_lines(folder / "queries.jsonl", [{"_id": str(row["uid"]), "text": row["question_text"]} for row in QUESTIONS])
    write_lines(folder / "test.tsv", ["query-id\tcorpus-id\tscore", "4\t11\t1", "5\t12\t1", "5\t10\t1"])
    write_lines(folder / "README.md", ["---", "license: mit", "language:", "- ru", "---"])
    return folder


def test_own_files_by_page(own, tmp_path, run, read_lines) -> None:
    assert run(*own, "--out", tmp_path / "out").code == 0
    assert read_lines(tmp_path / "out" / "questions.jsonl") == [
        {
            "qid": "4",
            "question": "Какой стране принадлежит остров Пасхи?",
            "answers": ["Чили", "Республика Чили"],
            "gold_doc_ids": ["600"],
            "paragraph": "Остров Пасхи принадлежит Чили.",
        },
        {"qid": "5", "question": "Где стоят моаи?", "answers": ["Остров Пасхи"], "gold_doc_ids": ["600", "500"]},
    ]
    assert read_lines(tmp_path / "out" / "corpus.jsonl")[1] == {
        "doc_id": "600",
        "title": "",
        "text": "Остров Пасхи принадлежит Чили.\n\nНа острове стоят моаи.",
    }
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["questions"]["dropped"] == {"no_relevant_document": 1}
    assert manifest["licence"] == "CC-BY-SA-4.0"


def test_own_files_by_paragraph(own, tmp_path, run, read_lines) -> None:
    assert run(*own, "--unit", "paragraph", "--out", tmp_path / "out").code == 0
    assert [row["gold_doc_ids"] for row in read_lines(tmp_path / "out" / "questions.jsonl")] == [
        ["11"],
        ["12", "10", "11"],
    ]
    assert [row["doc_id"] for row in read_lines(tmp_path / "out" / "corpus.jsonl")] == ["10", "11", "12"]


def test_answers_are_labels_then_names_then_the_quiz(own) -> None:
    def answers(*entries: dict[str, object], quiz: str = "") -> list[str]:
        return answers_of(Row("here", question(1, "?", [], *entries, quiz=quiz)))

    both = (entity("Чили", ["Республика Чили"], ["чилийских"]), entity("Перу", ["Чили", "Республика Перу"]))
    assert answers(*both, quiz="Чили и Перу") == ["Чили", "Перу", "Республика Чили", "Республика Перу", "Чили и Перу"]
    date = {"type": "literal", "datatype": "http://www.w3.org/2001/XMLSchema#dateTime", "wp_names": ["в феврале 2005"]}
    assert answers({**date, "label": "2005-02-14T00:00:00Z"}) == ["14 февраля 2005 года", "в феврале 2005"]
    assert answers({**date, "label": "1873-01-01T00:00:00Z", "wp_names": []}) == ["1873"]
    number = {"type": "literal", "datatype": "http://www.w3.org/2001/XMLSchema#integer", "label": "2"}
    assert answers({**number, "wp_names": ["два"]}, quiz='"2"') == ["2", "два"]
    assert answers(quiz="'Роллинг Стоунз'") == ["Роллинг Стоунз"]


def test_the_retrieval_task_takes_answers_from_the_authors_files(retrieval, own, tmp_path, run, read_lines) -> None:
    assert run("rubq", "--from", retrieval, "--out", tmp_path / "bare").code == 0
    assert read_lines(tmp_path / "bare" / "questions.jsonl")[0] == {
        "qid": "4",
        "question": "Какой стране принадлежит остров Пасхи?",
        "gold_doc_ids": ["11"],
        "paragraph": "Остров Пасхи принадлежит Чили.",
    }
    assert run("rubq", "--from", retrieval, *own[1:3], "--out", tmp_path / "full").code == 0
    assert [row["answers"] for row in read_lines(tmp_path / "full" / "questions.jsonl")] == [
        ["Чили", "Республика Чили"],
        ["Остров Пасхи"],
    ]


def test_the_hub_is_asked_for_data_files_at_one_revision(retrieval, tmp_path, run, monkeypatch) -> None:
    asked = []
    commit = "0123456789abcdef0123456789abcdef01234567"
    snapshot = tmp_path / commit
    retrieval.rename(snapshot)

    def download(name: str, **options: object) -> str:
        asked.append((name, options["repo_type"], options["revision"]))
        assert not [pattern for pattern in options["allow_patterns"] if pattern.endswith((".py", "*", ".bin"))]
        return str(snapshot)

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    ran = run("rubq", "--revision", "dce090a", "--out", tmp_path / "out")
    assert ran.code == 0
    assert asked == [("kaengreg/rubq", "dataset", "dce090a"), ("kaengreg/rubq-qrels", "dataset", "main")]
    assert f"kaengreg/rubq at revision {commit}" in ran.out
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))
    assert manifest["origins"] == [
        {"name": "kaengreg/rubq", "revision": commit, "licence": "mit"},
        {"name": "kaengreg/rubq-qrels", "revision": commit, "licence": "mit"},
    ]


def test_a_hub_out_of_reach_is_explained(tmp_path, refused, monkeypatch) -> None:
    def download(name: str, **options: object) -> str:
        raise FileNotFoundError("no connection\nand a long tale")

    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    said = refused("rubq", "--out", tmp_path / "out")
    assert "kaengreg/rubq at revision main could not be fetched (no connection)" in said
    assert "hf download --repo-type dataset kaengreg/rubq --revision main" in said


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="expected owner/name"):
        hub.fetch("../rubq", "main")


@pytest.mark.parametrize(
    ("file", "content", "expected"),
    [
        ("test", "[{", "RuBQ_2.0_test.json:1: not JSON"),
        ("test", "{}", "expected a JSON list of objects, found a dict"),
        ("test", [{"uid": 1}], "[0]: field paragraphs_uids: expected an object"),
        (
            "test",
            [question(1, "Кто?", [99])],
            "[0]: the document 'paragraph 99' of the question '1' is not in the corpus",
        ),
        ("test", [question(1, "Кто?", [10]), question(1, "Что?", [10])], "[1]: field qid: '1' stands already at"),
        ("test", [{**question(1, "Кто?", [10]), "answers": "Чили"}], "[0]: field answers: expected a list of objects"),
        ("test", [{**question(1, " ", [10])}], "[0]: field question_text: expected text, found ' '"),
        ("paragraphs", [PARAGRAPHS[0], PARAGRAPHS[0]], "[1]: field uid: 10 stands already at"),
        ("paragraphs", [{"uid": 10, "text": "x"}], "[0]: field ru_wiki_pageid: expected an id (text or an integer)"),
    ],
)
def test_wrong_files_are_named_by_entry_and_field(own, tmp_path, refused, file, content, expected) -> None:
    path = tmp_path / f"RuBQ_2.0_{file}.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content, ensure_ascii=False), "utf-8")
    assert expected in refused(*own, "--out", tmp_path / "out")


def test_flags_that_do_not_go_together(own, retrieval, tmp_path, refused) -> None:
    out = ["--out", tmp_path / "out"]
    assert "--unit page needs RuBQ's own files" in refused("rubq", "--from", retrieval, "--unit", "page", *out)
    assert "--paragraphs needs --questions" in refused("rubq", *own[3:], *out)
    assert "two sources" in refused(*own, "--from", retrieval, *out)
    assert "--qrels needs --from" in refused("rubq", "--qrels", retrieval, *out)


def test_the_published_development_questions(shared_data, tmp_path, run, read_lines, own) -> None:
    """The true question file; of the paragraphs only the ids are known here, so their texts are made."""
    path = shared_data / "questions" / "RuBQ_2.0_dev.json.gz"
    published = json.loads(gzip.decompress(path.read_bytes()))
    uids = sorted({uid for row in published for uid in row["paragraphs_uids"]["with_answer"]})
    made = [{"uid": uid, "ru_wiki_pageid": uid // 5, "text": f"Абзац {uid}."} for uid in uids]
    (tmp_path / "made.json").write_text(json.dumps(made), "utf-8")
    flags = ["rubq", "--questions", path, "--paragraphs", tmp_path / "made.json", "--out", tmp_path / "out"]
    assert run(*flags).code == 0
    questions = {row["qid"]: row for row in read_lines(tmp_path / "out" / "questions.jsonl")}
    assert len(questions) == 580 - 136
    assert questions["4"]["answers"] == ["Чили", "Республика Чили"]
    assert all(row["answers"] for row in questions.values())
    assert not [answer for row in questions.values() for answer in row["answers"] if "T00:00:00Z" in answer]
