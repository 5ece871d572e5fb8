"""Mining over a real index of three pages, and the table of what was dropped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rag.documents.rows import document_from_row
from rag.index import build_index
from rag.profile import load_profile
from tests.training.pairs.samples import PAGES
from training.examples import Example, read_examples, write_examples
from training.negatives.__main__ import main
from training.negatives.arguments import build_parser

_LADOGA = """О глубине озера Ладога спорят: измерить её берётся каждый рыбак. Роман об озере никто не написал.

== Порт ==
Порт на озере основан недавно, и кто его строил, все помнят. Лодки ходят в Шлиссельбург и обратно.
"""


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> Path:
    directory = tmp_path_factory.mktemp("negatives") / "index"
    pages = [*PAGES, {"doc_id": "4", "title": "Ладога", "text": _LADOGA}]
    build_index([document_from_row(page, "page") for page in pages], directory, load_profile().index)
    return directory


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    rows = [
        ("Какова глубина озера Байкал?", "Средняя глубина Байкала составляет 744 метра.", "744 метра", "1"),
        ("Кто написал роман «Обломов»?", "Роман «Обломов» Иван Гончаров написал в 1859 году.", "Иван Гончаров", "2"),
        ("Когда основан Владивосток?", "Владивосток основан в 1860 году как военный пост.", "1860 году", "3"),
    ]
    path = tmp_path / "pairs.jsonl"
    write_examples(
        path,
        [
            Example(question=question, passage=passage, answers=(answer,), title=f"Страница {doc_id}", doc_id=doc_id)
            for question, passage, answer, doc_id in rows
        ],
    )
    return path


@pytest.mark.parametrize("kind", ["bm25", "dense", "hybrid"])
def test_negatives_of_an_index(kind: str, index: Path, pairs: Path, tmp_path: Path, capsys) -> None:
    out = tmp_path / "mined.jsonl"
    assert main([str(pairs), "--index", str(index), "--kind", kind, "--count", "2", "--out", str(out)]) == 0
    for example in read_examples(out):
        assert all(example.answers[0] not in negative for negative in example.negatives)
        own = next(page["title"] for page in PAGES if page["doc_id"] == example.doc_id)
        assert all(not negative.startswith(own) for negative in example.negatives)
    facts = json.loads((tmp_path / "mined.manifest.json").read_text(encoding="utf-8"))
    assert facts["negatives"] == sum(len(example.negatives) for example in read_examples(out)) > 0
    assert facts["dropped"]["same document"] > 0
    assert "left out: same document" in capsys.readouterr().out


def test_scores_of_the_light_scorer_are_kept(index: Path, pairs: Path, tmp_path: Path) -> None:
    out = tmp_path / "scored.jsonl"
    flags = ["--filter", "cross-encoder", "--margin", "0.1", "--keep-scores"]
    assert main([str(pairs), "--index", str(index), "--kind", "hybrid", *flags, "--out", str(out)]) == 0
    mined = [example for example in read_examples(out) if example.negatives]
    assert mined
    for example in mined:
        assert len(example.scores) == 1 + len(example.negatives)
        assert max(example.scores[1:]) <= example.scores[0] - 0.1


def test_random_needs_no_index(pairs: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    for out in (first, again):
        assert main([str(pairs), "--kind", "random", "--count", "1", "--seed", "4", "--out", str(out)]) == 0
    assert read_examples(first) == read_examples(again)
    assert all(len(example.negatives) == 1 for example in read_examples(first))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--kind", "bm25"], "--index"),
        (["--kind", "random", "--margin", "1"], "--filter cross-encoder"),
        (["--kind", "random", "--filter", "cross-encoder"], "ranks nothing"),
        (["--kind", "bm25", "--index", "нет"], "нет"),
        (["--kind", "bm25", "--index", "INDEX", "--rank-window", "5", "2"], "--rank-window"),
        (["--kind", "bm25", "--index", "INDEX", "--count", "0"], "--count"),
        (["--kind", "random", "--filter", "none", "--keep-scores"], "--keep-scores needs scores"),
    ],
)
def test_mistakes_in_one_line(flags, message, index: Path, pairs: Path, tmp_path: Path, capsys) -> None:
    flags = [str(index) if flag == "INDEX" else flag for flag in flags]
    out = tmp_path / "out.jsonl"
    assert main([str(pairs), *flags, "--out", str(out)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not out.exists()


def test_every_flag_is_explained() -> None:
    assert all(action.help for action in build_parser()._actions)
