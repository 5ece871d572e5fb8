"""Rows made of the shipped demo corpus, and a tiny base made of its text, for the tests of fine-tuning."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rag.documents.readers import read_sources
from retrievers.sentences import sentence_spans
from training.examples import Example, write_examples

CORPUS = Path(__file__).resolve().parents[2] / "rag" / "demo" / "corpus"


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Tiny models gain nothing from several threads, and on busy cores these mostly wait for each other."""
    if importlib.util.find_spec("torch") is None:
        yield
        return
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def demo_rows() -> list[Example]:
    """The first sentence of 24 pages as a question, the next ones as its passage, two other pages' as negatives."""
    found = []
    for source in read_sources([CORPUS / "geography", CORPUS / "history"]):
        paragraph = next(part for part in source.text.split("\n\n") if len(part) > 200)
        sentences = [paragraph[start:end] for start, end in sentence_spans(paragraph)]
        found.append((source, sentences[0], " ".join(sentences[1:3])))
    found = found[:24]
    assert len(found) == 24
    return [
        Example(
            question=question,
            passage=passage,
            title=source.title,
            doc_id=source.doc_id,
            source="demo",
            negatives=tuple(found[(at + step) % len(found)][2] for step in (1, 5)),
        )
        for at, (source, question, passage) in enumerate(found)
    ]


@pytest.fixture(scope="session")
def row_file(tmp_path_factory) -> Callable[[list[Example]], Path]:
    """Writes rows to a file of their own."""

    def write(rows: list[Example]) -> Path:
        path = tmp_path_factory.mktemp("rows") / "rows.jsonl"
        write_examples(path, rows)
        return path

    return write


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory) -> Path:
    """A BERT of one layer over the demo corpus, its word pieces begun from navec's vectors."""
    for package in ("torch", "transformers", "sentence_transformers", "accelerate", "datasets"):
        pytest.importorskip(package, reason=f"{package} of the extra train is not installed")
    from training import scratch

    folder = tmp_path_factory.mktemp("models") / "tiny-base"
    shape = ["--layers", "1", "--dim", "32", "--heads", "2", "--vocabulary", "800", "--positions", "64"]
    assert scratch.main(["--texts", str(CORPUS), "--out", str(folder), "--init", "navec", *shape]) == 0
    return folder
