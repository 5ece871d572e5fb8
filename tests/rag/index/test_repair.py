"""Whatever is damaged is found and made anew from what is left, or named as lost."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError, IndexLockedError, IndexMismatchError, IndexNotFoundError
from rag.index import (
    IndexOptions,
    add_documents,
    build_index,
    open_index,
    remove_documents,
    repair_index,
    verify_index,
)
from rag.index.__main__ import main
from rag.index.locks import writer_lock
from tests.rag.index.samples import BAIKAL, PUSHKIN, SOURCES, VOLGA, HashEmbeddings, found_ids, rewrite_manifest

OB = SourceDocument("ob", "Обь", "Обь — река в Сибири. Длина 3650 км.", {"topic": "реки"})
OTHERS = [SourceDocument(f"city_{n}", f"Город {n}", f"В городе № {n} живут люди.", {}) for n in range(3)]
LENGTHENED = dataclasses.replace(VOLGA, text=VOLGA.text + "\n\n## Дельта\n\nВ дельте растёт лотос.")
QUESTIONS = ("глубина озера", "длина реки", "Кто родился в Москве?", "лотос")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of two segments; documents of the first are removed and replaced."""
    directory = tmp_path_factory.mktemp("repair") / "index"
    encoder = HashEmbeddings()
    build_index([*SOURCES, OB, *OTHERS], directory, IndexOptions(tfidf=True), embeddings=encoder)
    add_documents([LENGTHENED], directory, embeddings=encoder)
    remove_documents(["ob"], directory, embeddings=encoder)
    return directory


@pytest.fixture
def directory(template: Path, tmp_path: Path) -> Path:
    shutil.copytree(template, tmp_path / "index")
    return tmp_path / "index"


def generation(directory: Path) -> Path:
    return directory / "generations" / json.loads((directory / "CURRENT.json").read_text())["generation"]


def first(directory: Path) -> Path:
    """The segment with most of the documents."""
    return min((directory / "segments").iterdir())


def answers(directory: Path) -> list[object]:
    """What an index holds and says."""
    with open_index(directory, embeddings=HashEmbeddings()) as index:
        said: list[object] = [list(index.chunks), list(index.chunks.terms()), list(index.chunks.documents())]
        for question in QUESTIONS:
            said += [index.bm25().invoke(question), index.tfidf().invoke(question)]
            said.append(sorted(found_ids(index.dense().invoke(question))))
        return said


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def lose_generation(directory: Path) -> None:
    """Lose the pointer, and leave a whole older generation beside the one in use."""
    older = directory / "generations" / "000001-00000000"
    shutil.copytree(generation(directory), older)
    for path in (older / "manifest.json", older / "copy" / "manifest.json"):
        path.write_text(json.dumps({**json.loads(path.read_text()), "generation": older.name, "profile": "older"}))
    (directory / "CURRENT.json").unlink()


def lose_vector(directory: Path) -> None:
    from retrievers.stores.chroma.client import close_client, open_client

    client = open_client(first(directory) / "chroma")
    try:
        client.get_collection("chunks").delete(["baikal_1"])
    finally:
        close_client(client)


def spoil_terms(directory: Path) -> None:
    """Terms that no analyser makes, in files that agree with their digests: a fault of our own."""
    import hashlib

    path = first(directory) / "sources.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("UPDATE chunks SET terms = 'не то' WHERE chunk_id = 'baikal_0'")
    segments = json.loads((generation(directory) / "manifest.json").read_text())["segments"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    segments[0]["files"]["sources.sqlite"] = {"size": path.stat().st_size, "sha256": digest}
    rewrite_manifest(directory, segments=segments)


@pytest.mark.parametrize(
    ("damage", "reason", "encoded"),
    [
        (lambda d: cut(first(d) / "bm25" / "counts.npy"), "bm25/counts.npy has", False),
        (lambda d: flip(first(d) / "bm25" / "rows.npy"), "bm25/rows.npy has other contents", False),
        (lambda d: (first(d) / "documents.npy").unlink(), "documents.npy is missing", True),
        (lambda d: flip(first(d) / "fingerprints.npy"), "fingerprints.npy has other contents", True),
        (lambda d: (first(d) / "chroma" / "chroma.sqlite3").write_bytes(b""), "chunks", True),
        (lambda d: cut(first(d) / "chroma" / "chroma.sqlite3"), "chroma.sqlite3", True),
        (lambda d: shutil.rmtree(first(d) / "chroma"), "chroma", True),
        (lose_vector, "chunks without a vector: baikal_1", True),
        (spoil_terms, "terms are not those the analyser makes now: baikal_0", True),
        (lambda d: cut(generation(d) / "tfidf" / "tfidf.npz"), "tfidf.npz has", False),
        (lambda d: min((generation(d) / "deleted").iterdir()).unlink(), "deleted/", False),
        (lambda d: shutil.rmtree(generation(d) / "copy"), "copy/manifest.json cannot be read", False),
        (lambda d: (d / "CURRENT.json").unlink(), "CURRENT.json was lost", False),
        (lambda d: (d / "CURRENT.json").write_text("{"), "CURRENT.json was lost", False),
        (lose_generation, "CURRENT.json was lost", False),
        (lambda d: (generation(d) / "manifest.json").unlink(), "manifest.json was lost", False),
        (lambda d: flip(generation(d) / "manifest.json"), "restored from its copy", False),
        (lambda d: (d / "segments" / "000009-0123abcd").mkdir(), "1 directories that nothing needed", False),
    ],
)
def test_what_can_be_made_again_is(
    directory: Path,
    template: Path,
    encoder: HashEmbeddings,
    damage: Callable[[Path], object],
    reason: str,
    encoded: bool,
) -> None:
    before = answers(template)
    damage(directory)
    encoder.asked.clear()
    repair = repair_index(directory, embeddings=encoder)
    assert repair.finished
    assert repair.lost == []
    assert any(reason in line for line in repair.done), repair.done
    assert bool(encoder.asked) == encoded
    assert verify_index(directory, embeddings=encoder) == []
    assert answers(directory) == before
    assert repair_index(directory, embeddings=encoder).done == []


def test_a_sound_index_stays_as_it_is(directory: Path, encoder: HashEmbeddings) -> None:
    before = (directory / "CURRENT.json").read_bytes()
    assert repair_index(directory, embeddings=encoder).done == []
    assert (directory / "CURRENT.json").read_bytes() == before
    assert encoder.asked == []


@pytest.mark.parametrize("gone", [False, True])
def test_documents_that_are_lost_are_named_and_dropped_only_when_that_is_said(
    directory: Path, encoder: HashEmbeddings, gone: bool
) -> None:
    path = first(directory) / "sources.sqlite"
    content = path.read_bytes()
    path.write_bytes(content.replace("Пушкин родился".encode(), "Пушкин погибли".encode(), 1))
    lost = ["пушкин"]
    if gone:
        path.unlink()
        lost = ["baikal", *(source.doc_id for source in OTHERS), "ob", "пушкин"]  # nothing tells that one was removed
    before = sorted(file.relative_to(directory) for file in directory.rglob("*"))
    refused = repair_index(directory, embeddings=encoder)
    assert (refused.finished, sorted(refused.lost)) == (False, lost)
    assert sorted(file.relative_to(directory) for file in directory.rglob("*")) == before
    done = repair_index(directory, embeddings=encoder, drop_damaged=True)
    assert (done.finished, sorted(done.lost)) == (True, lost)
    assert verify_index(directory, embeddings=encoder) == []
    with open_index(directory, embeddings=encoder) as index:
        left = [source.doc_id for source in (*SOURCES, *OTHERS) if source.doc_id not in lost]
        assert index.chunks.doc_ids() == left
    add_documents([BAIKAL, PUSHKIN], directory, embeddings=encoder)  # they can come back
    assert verify_index(directory, embeddings=encoder) == []


def test_a_fitted_encoder_is_fitted_again(tmp_path: Path) -> None:
    directory = tmp_path / "index"
    build_index(SOURCES, directory)
    flip(min((directory / "encoders").rglob("*.npz")))
    assert [problem.part for problem in verify_index(directory)] == ["files"]
    repair = repair_index(directory)
    assert "the encoder was fitted anew" in repair.done
    assert verify_index(directory) == []
    with open_index(directory) as index:
        assert index.dense().invoke("глубина озера", k=1)[0].id == "baikal_0"


def test_nothing_is_encoded_by_another_encoder(directory: Path) -> None:
    shutil.rmtree(first(directory) / "chroma")
    for wrong in (HashEmbeddings(fingerprint="иной"), None):
        with pytest.raises(IndexMismatchError):
            repair_index(directory, embeddings=wrong)


def test_what_nothing_tells_any_more_is_not_guessed(directory: Path, encoder: HashEmbeddings) -> None:
    for path in directory.glob("generations/*/**/deleted/*.npy"):
        flip(path)
    with pytest.raises(IndexFormatError, match="which documents were removed"):
        repair_index(directory, embeddings=encoder)
    for path in directory.glob("generations/*/**/manifest.json"):
        path.write_text("{")
    with pytest.raises(IndexFormatError, match="only a manifest tells"):
        repair_index(directory, embeddings=encoder)


def test_another_format_is_not_repaired(directory: Path, encoder: HashEmbeddings) -> None:
    before = (directory / "CURRENT.json").read_text()
    (directory / "CURRENT.json").write_text(before.replace('"format": 2', '"format": 3'))
    with pytest.raises(IndexFormatError, match="has format 3"):
        repair_index(directory, embeddings=encoder)


def test_there_must_be_an_index_and_no_other_writer(directory: Path, tmp_path: Path) -> None:
    with pytest.raises(IndexNotFoundError, match="does not exist"):
        repair_index(tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(IndexNotFoundError, match="is empty"):
        repair_index(tmp_path / "empty")
    assert list((tmp_path / "empty").iterdir()) == []
    with writer_lock(directory / ".lock"), pytest.raises(IndexLockedError):
        repair_index(directory)


def test_the_command_tells_what_it_did(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    directory = tmp_path / "index"
    build_index(SOURCES, directory)

    def run(*arguments: str) -> tuple[int, str]:
        code = main(["repair", "--index", str(directory), *arguments])
        return code, capsys.readouterr().out

    assert run() == (0, "nothing had to be repaired\n")
    cut(first(directory) / "bm25" / "terms.npy")
    code, text = run()
    assert code == 0
    assert "terms.npy has" in text
    assert text.endswith("1 segments with 3 documents were written anew\nthe index is whole again\n")
    path = first(directory) / "sources.sqlite"
    path.write_bytes(path.read_bytes().replace("Пушкин родился".encode(), "Пушкин погибли".encode(), 1))
    code, text = run()
    assert code == 1
    assert "lost: пушкин\n1 documents cannot be read any more and nothing was changed" in text
    code, text = run("--drop-damaged", "--json")
    assert code == 0
    assert json.loads(text)["lost"] == ["пушкин"]
    assert main(["verify", "--index", str(directory)]) == 0
