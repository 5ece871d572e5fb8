"""The benchmark of follow-up questions runs over an index and prints its three ways."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.follow_ups import main
from rag.index import build_index
from rag.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
FOLLOW_UP = {
    "qid": "1", "question": "А какова его глубина?", "answers": ["1642 м"], "gold_doc_ids": ["baikal"],
    "history": [{"question": "Какое озеро самое глубокое в мире?", "answer": "Байкал"}],
    "standalone": "Какова глубина Байкала?",
}  # fmt: skip


def test_rewriting_is_measured_beside_asking_as_it_is(tmp_path, capsys) -> None:
    corpus, index, file = ROOT / "rag" / "demo" / "corpus" / "geography", tmp_path / "index", tmp_path / "some.jsonl"
    build_index([corpus], index, load_profile().index, profile="offline")
    file.write_text(json.dumps(FOLLOW_UP, ensure_ascii=False), "utf-8")
    assert main(["--index", str(index), "--questions", str(file)]) == 0
    asked, rewritten, person = capsys.readouterr().out.splitlines()[1:]
    assert asked.startswith("as asked")
    assert "word for word 0.000" in asked
    assert "hit@1 1.000" in rewritten
    assert person.startswith("rewritten by a person")
    assert "word for word 1.000" in person


def test_a_file_without_follow_ups_is_refused(tmp_path, capsys) -> None:
    file = tmp_path / "plain.jsonl"
    file.write_text(json.dumps({"qid": "1", "question": "Какова глубина Байкала?"}, ensure_ascii=False), "utf-8")
    assert main(["--index", str(tmp_path), "--questions", str(file)]) == 2
    assert "no question has a history" in capsys.readouterr().err
