"""Fitting the light scorer end to end on a small index, and putting the result back into the pipeline."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.chain import build_chain
from rag.documents.rows import SourceDocument
from rag.index import build_index, open_index
from rag.profile import load_profile
from retrievers.scorers.light import load_light_weights
from training import light_scorer

LAKES = {"Байкал": 1642, "Ладога": 230, "Онега": 127, "Ильмень": 10, "Селигер": 24, "Таймыр": 26}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Path, Path]:
    """An index over six lakes, three chunks each, and a question on the depth of every one."""
    folder = tmp_path_factory.mktemp("light")
    sources = [
        SourceDocument(
            f"lake{number}",
            name,
            f"{name} — озеро в России. Рыбаки любят {name} летом.\n\n== Глубина ==\nГлубина достигает {depth} м.\n\n"
            f"== Лёд ==\nЗимой озеро замерзает, и по льду ездят.",
            {},
        )
        for number, (name, depth) in enumerate(LAKES.items())
    ]
    build_index(sources, folder / "index", load_profile().index)
    rows = [
        {
            "qid": f"q{n}",
            "question": f"Какова глубина озера {name}?",
            "answers": [f"{depth} м"],
            "gold_doc_ids": [f"lake{n}"],
        }
        for n, (name, depth) in enumerate(LAKES.items())
    ]
    questions = folder / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return folder / "index", questions


def test_fit_report_and_use(data, tmp_path, capsys) -> None:
    index, questions = data
    out = tmp_path / "weights.json"
    flags = ["--data", str(index), str(questions), "--note", "Озёра.", "--out", str(out)]
    assert light_scorer.main(flags) == 0
    table = capsys.readouterr().out
    assert "questions.jsonl: 6 questions, cross-validated by document" in " ".join(table.split())
    assert "document MRR@10" in table
    weights = load_light_weights(out)
    assert weights.fitted_on.startswith("Озёра. questions.jsonl: 6 questions")
    profile = load_profile("offline", {"compressor": {"model": str(out)}, "abstention": {"min_confidence": 0.0}})
    with open_index(index) as opened:
        answer = build_chain(opened, profile).invoke("Какова глубина озера Ладога?")
    assert answer.contexts[0].doc_id == "lake1"
    assert "230" in answer.contexts[0].text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda index, questions, out: [str(index), str(questions.parent / "none.jsonl")], "no such file"),
        (lambda index, questions, out: [str(index.parent / "none"), str(questions)], "none"),
    ],
)
def test_bad_input_is_named(data, tmp_path, capsys, change, message) -> None:
    out = tmp_path / "weights.json"
    assert light_scorer.main(["--data", *change(*data, out), "--out", str(out)]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_questions_without_a_relevant_chunk_cannot_be_learned_from(data, tmp_path, capsys) -> None:
    index, _ = data
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"qid": "1", "question": "Какова глубина?", "answers": ["9 км"], "gold_doc_ids": ["lake1"]}')
    assert light_scorer.main(["--data", str(index), str(questions), "--out", str(tmp_path / "w.json")]) == 2
    assert "nothing to fit on" in capsys.readouterr().err
