"""The comparison with other libraries: each of them really searches, and the command compares on equal terms."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding

from benchmarks.peers import contenders
from benchmarks.peers.__main__ import Contender, main, measure
from evals.dataset import Question
from rag.documents.rows import SourceDocument
from rag.index import build_index
from rag.profile import load_profile

LAKES = {"Байкал": "1642", "Ладога": "230", "Онега": "127", "Ильмень": "10", "Селигер": "24", "Таймыр": "26"}
CHUNKS = [
    Document(id=f"lake{number}_0", page_content=f"Озеро {name} имеет глубину {depth} м")
    for number, (name, depth) in enumerate(LAKES.items())
]


@pytest.fixture(autouse=True)
def _no_telemetry(monkeypatch) -> None:
    for name, value in contenders.NO_TELEMETRY.items():
        monkeypatch.setenv(name, value)  # undone afterwards, as what the command itself sets then is


@pytest.fixture
def _peers() -> None:
    try:
        contenders.versions()
    except ImportError as error:
        pytest.skip(str(error))


def ensemble(chunks) -> contenders.Search:
    return contenders.langchain_ensemble(chunks, DeterministicFakeEmbedding(size=8))


@pytest.mark.usefixtures("_peers")
@pytest.mark.parametrize(
    "build",
    [
        contenders.langchain_bm25,
        contenders.llamaindex_bm25,
        contenders.llamaindex_russian_bm25,
        contenders.haystack_bm25,
        contenders.rank_bm25,
        ensemble,
    ],
)
def test_a_peer_gives_the_chunk_of_the_asked_word_first(build) -> None:
    found = build(CHUNKS)("Селигер")
    assert found[0] == "lake4_0"
    assert set(found) <= {chunk.id for chunk in CHUNKS}
    assert len(found) == len(set(found))


@pytest.mark.usefixtures("_peers")
@pytest.mark.parametrize(
    ("build", "finds"), [(contenders.llamaindex_russian_bm25, True), (contenders.haystack_bm25, False)]
)
def test_only_a_russian_stemmer_finds_another_form_of_the_word(build, finds: bool) -> None:
    chunks = [*CHUNKS, Document(id="towns_0", page_content="Города стоят на реках")]
    assert (build(chunks)("городов")[:1] == ["towns_0"]) is finds


def test_rankings_come_back_as_the_chunks_of_the_index() -> None:
    chunks = {str(chunk.id): Document(chunk.page_content, metadata={"title": "Озёра"}) for chunk in CHUNKS}
    given: list[list[str]] = []

    def build(bare) -> Callable[[str], list[str]]:
        given.append([chunk.page_content for chunk in bare])
        return lambda question: ["lake1_0", "lake0_0"]

    run = measure(Contender("reversed", build), [Question(qid="1", question="Что?")], chunks)
    assert run.rankings == [[chunks["lake1_0"], chunks["lake0_0"]]]
    assert run.rate > 0
    assert given[-1] == [f"Озёра\n{chunk.page_content}" for chunk in CHUNKS]  # titles are searched by all alike


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> tuple[Path, Path]:
    """An index over the lakes and a question on each."""
    folder = tmp_path_factory.mktemp("peers")
    sources = [SourceDocument(str(chunk.id)[:-2], "", chunk.page_content, {}) for chunk in CHUNKS]
    build_index(sources, folder / "index", load_profile().index)
    rows = [
        {"qid": name, "question": f"Глубина озера {name}?", "answers": [depth], "gold_doc_ids": [f"lake{number}"]}
        for number, (name, depth) in enumerate(LAKES.items())
    ]
    questions = folder / "questions.jsonl"
    questions.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), encoding="utf-8")
    return folder / "index", questions


@pytest.mark.usefixtures("_peers")
def test_the_command_prints_every_contender_and_its_version(data, capsys) -> None:
    index, questions = data
    assert main(["--index", str(index), "--questions", str(questions), "--limit", "4", "--folds"]) == 0
    captured = capsys.readouterr()
    assert "4 questions, 6 chunks, 50 chunks a question, ours: offline" in captured.out
    rows = {cells[1].strip(): cells[2:-1] for line in captured.out.splitlines() if len(cells := line.split("│")) > 2}
    assert list(rows) == [
        "ours: bm25",
        "LangChain BM25",
        "LlamaIndex BM25",
        "LlamaIndex BM25, Russian",
        "Haystack BM25",
        "rank-bm25",
        "ours: hybrid",
        "LangChain ensemble, our encoder",
        "ours: hybrid + compressor, folds",
    ]
    assert float(rows["ours: bm25"][0]) == 1.0
    for name, cells in rows.items():
        assert bool(cells[7].strip()) is not name.startswith("ours"), "a peer is compared with ours, ours with nobody"
    assert "rank-bm25 0." in captured.out
    assert captured.err == ""


def test_a_missing_peer_is_named_with_the_command_that_brings_it(data, monkeypatch, capsys) -> None:
    def absent(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(contenders, "version", absent)
    index, questions = data
    assert main(["--index", str(index), "--questions", str(questions)]) == 2
    assert 'pip install -e ".[peers]"' in capsys.readouterr().err


@pytest.mark.usefixtures("_peers")
def test_questions_without_gold_documents_are_refused(data, tmp_path, capsys) -> None:
    file = tmp_path / "questions.jsonl"
    file.write_text('{"qid": "1", "question": "Что?", "answerable": false}\n', encoding="utf-8")
    assert main(["--index", str(data[0]), "--questions", str(file)]) == 2
    assert "expected questions with gold_doc_ids" in capsys.readouterr().err
