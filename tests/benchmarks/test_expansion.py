"""The benchmark of query expansion on a corpus of three pages, and the file its replies are kept in."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from langchain_core.language_models import FakeListChatModel

from benchmarks.expansion import main
from benchmarks.replies import ReplyFile
from rag.index import build_index
from rag.profile import load_profile

TEXTS = {
    "сша": "Первый президент Соединённых Штатов Америки принёс присягу в Нью-Йорке.",
    "франция": "Первый президент Третьей республики во Франции был избран в 1871 году.",
    "солярис": "Фильм «Солярис» снял режиссёр Андрей Тарковский.",
}


@pytest.fixture
def corpus(tmp_path: Path) -> tuple[str, str]:
    pages = tmp_path / "pages.jsonl"
    pages.write_text("\n".join(json.dumps({"doc_id": name, "text": text}) for name, text in TEXTS.items()), "utf-8")
    build_index([pages], tmp_path / "index", load_profile("offline").index)
    rows = [
        {"qid": "1", "question": "Кто был первым президентом США?", "answers": ["?"], "gold_doc_ids": ["сша"]},
        {"qid": "2", "question": "Кто снял «Солярис»?", "answers": ["Тарковский"], "gold_doc_ids": ["солярис"]},
    ]
    questions = tmp_path / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(tmp_path / "index"), str(questions)


def test_offline_methods(corpus: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    index, questions = corpus
    assert main(["--index", index, "--questions", questions, "--retriever", "bm25"]) == 0
    out = capsys.readouterr().out
    rows = {line.split("│")[1].strip(): line for line in out.splitlines() if line.count("│") > 2}
    assert set(rows) == {"none", "feedback", "synonyms", "entities"}
    assert "0.500" in rows["none"]  # doc@1: France first for the USA
    assert "1.000" in rows["synonyms"]


def test_methods_of_a_model_ask_it_once(
    corpus: tuple[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str], fake_openai: ModuleType
) -> None:
    pytest.importorskip("langchain_openai", reason="langchain_openai of the extra chat is not installed")
    index, questions = corpus
    with fake_openai.serve(fake_openai.FakeOpenAI(text="1. Who?\n2. Кто глава США?")) as fake:
        flags = ["--index", index, "--questions", questions, "--base-url", fake.url, "--method", "multi-query"]
        flags += ["--replies", str(tmp_path / "replies.jsonl")]
        assert main(flags) == 0
        assert len(fake.requests) == 2
        first = capsys.readouterr().out
        assert "not Russian: 2" in first
        assert main(flags) == 0
    assert len(fake.requests) == 2  # the second run asked nothing


def test_a_question_file_that_is_missing_is_bad_input(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--index", str(tmp_path), "--questions", str(tmp_path / "none.jsonl")]) == 2
    assert "none.jsonl: no such file" in capsys.readouterr().err


def test_replies_survive_a_torn_line(tmp_path: Path) -> None:
    path = tmp_path / "replies.jsonl"
    asked: list[Any] = [("human", "Кто?")]
    assert FakeListChatModel(responses=["Первый"], cache=ReplyFile(path)).invoke(asked).text == "Первый"
    with path.open("a", encoding="utf-8") as file:
        file.write('{"key": "torn')
    model = FakeListChatModel(responses=["Второй"], cache=ReplyFile(path))
    # The list of responses is part of what identifies this model: it is asked anew, and both replies stand in the file.
    assert model.invoke(asked).text == "Второй"
    assert [json.loads(line)["reply"] for line in path.read_text("utf-8").splitlines()] == ["Первый", "Второй"]
    again = FakeListChatModel(responses=["Второй"], cache=ReplyFile(path))
    assert again.invoke(asked).text == "Второй"
    assert len(path.read_text("utf-8").splitlines()) == 2
    again.cache.clear()
    assert not path.exists()
