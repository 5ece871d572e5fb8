from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rag.documents.rows import SourceDocument
from rag.errors import IndexFormatError, IndexNotFoundError, InputError
from rag.index import (
    IndexOptions,
    add_documents,
    build_index,
    copy_index,
    open_index,
    remove_documents,
    verify_index,
)
from rag.index.__main__ import main
from rag.index.options import EncoderKind, EncoderOptions
from tests.rag.index.samples import SOURCES, VOLGA, HashEmbeddings, files_below, found_ids

QUESTIONS = ("глубина озера", "Каспийское море", "Где родился Пушкин?")


def answers(directory: Path, encoder: HashEmbeddings) -> list[Any]:
    """What an index finds: ids and scores of each leg."""
    with open_index(directory, embeddings=encoder) as index:
        legs = {"bm25": index.bm25(k=4), "tfidf": index.tfidf(k=4), "dense": index.dense(k=4)}
        return [
            [(hit.id, hit.page_content, round(hit.metadata["scores"][name], 5)) for hit in leg.invoke(question)]
            for name, leg in legs.items()
            for question in QUESTIONS
        ]


@pytest.fixture
def changed(index_directory: Path, encoder: HashEmbeddings) -> Path:
    """An index of two segments, with a document deleted from the first."""
    text = "Волга впадает в Каспийское море у Астрахани."
    add_documents([SourceDocument("volga_1", "Волга", text)], index_directory, embeddings=encoder)
    return index_directory


@pytest.mark.parametrize(
    "store", [None, "chroma:{}/vectors", "milvus:{}/vectors.db"], ids=["inside", "chroma", "milvus"]
)
def test_a_copy_answers_as_the_original_does(
    changed: Path, tmp_path: Path, encoder: HashEmbeddings, store: str | None
) -> None:
    if store is not None and store.startswith("milvus"):
        pytest.importorskip("milvus_lite", reason="milvus-lite of the extra scale is not installed")
    target = tmp_path / "copy"
    encoder.asked.clear()
    done = copy_index(changed, target, store=store and store.format(tmp_path))
    assert encoder.asked == []
    assert done.rounding < 1e-6
    assert verify_index(target, embeddings=encoder) == []
    with open_index(changed, embeddings=encoder) as before, open_index(target, embeddings=encoder) as after:
        assert before.chunks.chunk_ids() == after.chunks.chunk_ids()
        assert done.vectors == sum(segment.chunks for segment in before.manifest.segments) > len(before.chunks)
        assert after.manifest.index_id != before.manifest.index_id
        digest = hashlib.sha256()
        for segment in after.chunks.segments:
            for chunk_id in segment.sources.chunk_ids():
                vector = after.store().vectors(segment.name, [chunk_id])[chunk_id]
                digest.update(chunk_id.encode() + b"\0" + vector.tobytes())
        assert done.vectors_sha256 == digest.hexdigest()
    assert answers(target, encoder) == answers(changed, encoder)
    # Each goes its own way afterwards.
    remove_documents(["пушкин"], target, embeddings=encoder)
    add_documents([VOLGA, SourceDocument("новый", "", "Новое озеро.")], changed, embeddings=encoder)
    assert verify_index(target, embeddings=encoder) == verify_index(changed, embeddings=encoder) == []
    with open_index(target, embeddings=encoder) as after:
        assert after.chunks.doc_ids() == ["baikal", "volga_1"]


def test_a_copy_of_a_copy_is_the_same(changed: Path, tmp_path: Path) -> None:
    pytest.importorskip("milvus_lite", reason="milvus-lite of the extra scale is not installed")
    store = f"milvus:{tmp_path / 'both.db'}"  # one file, two indexes
    first = copy_index(changed, tmp_path / "one", store=store)
    second = copy_index(tmp_path / "one", tmp_path / "two", store=store)
    assert second.rounding == 0.0
    assert second.vectors_sha256 == first.vectors_sha256


def test_the_path_of_a_store_holds_from_everywhere(
    changed: Path, tmp_path: Path, encoder: HashEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    copy_index(changed, "copy", store="chroma:vectors")
    monkeypatch.chdir("/")
    with open_index(tmp_path / "copy", embeddings=encoder) as index:
        assert found_ids(index.dense(k=1).invoke("глубина озера")) == ["baikal_0"]


def test_only_a_new_directory_is_taken(changed: Path, tmp_path: Path, encoder: HashEmbeddings) -> None:
    build_index(SOURCES, tmp_path / "other", embeddings=encoder)
    before = files_below(tmp_path / "other")
    for target in (tmp_path / "other", changed, tmp_path / "other" / "CURRENT.json"):
        with pytest.raises(InputError, match="does not exist or is empty"):
            copy_index(changed, target)
    assert files_below(tmp_path / "other") == before
    with pytest.raises(IndexNotFoundError):
        copy_index(tmp_path / "nothing", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("damage", ["file", "vector", "store"])
def test_nothing_is_left_of_a_copy_that_fails(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    from retrievers.stores.chroma.store import ChromaStore

    read = ChromaStore.vectors

    def changing(self: ChromaStore, segment: str, ids: list[str]) -> dict[str, np.ndarray]:
        found = read(self, segment, ids)
        if self._url.embedded:  # the original's
            return {name: vector for name, vector in found.items() if damage != "vector" or name != "volga_1_0"}
        return {name: vector + (0.01 if damage == "store" else 0.0) for name, vector in found.items()}

    monkeypatch.setattr(ChromaStore, "vectors", changing)
    if damage == "file":
        path = next((changed / "segments").iterdir()) / "sources.sqlite"
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    message = {"file": "other contents", "vector": "no vector of volga_1_0", "store": "largest difference"}[damage]
    with pytest.raises(IndexFormatError, match=message):
        copy_index(changed, tmp_path / "copy", store=f"chroma:{tmp_path / 'vectors'}")
    assert not (tmp_path / "copy").exists()
    from chromadb import PersistentClient
    from chromadb.config import Settings

    if damage != "file":
        client = PersistentClient(str(tmp_path / "vectors"), settings=Settings(anonymized_telemetry=False))
        assert client.list_collections() == []
        client.close()


def test_an_index_without_vectors(tmp_path: Path) -> None:
    options = IndexOptions(encoder=EncoderOptions(kind=EncoderKind.NONE))
    build_index(SOURCES, tmp_path / "index", options)
    assert copy_index(tmp_path / "index", tmp_path / "copy").vectors == 0
    with open_index(tmp_path / "copy") as index:
        assert found_ids(index.bm25(k=1).invoke("глубина озера")) == ["baikal_0"]
    with pytest.raises(InputError, match="has none"):
        copy_index(tmp_path / "index", tmp_path / "other", store="chroma:x")


def test_the_command(changed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["copy", str(changed), str(tmp_path / "copy")]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"{tmp_path / 'copy'}: documents: 3, chunks: 4"
    assert second.startswith("5 vectors, sha256 ")
    assert main(["copy", str(changed), str(tmp_path / "copy")]) == 2
    assert "does not exist or is empty" in capsys.readouterr().err
    assert main(["copy", str(changed), str(tmp_path / "third"), "--store", "qdrant:x"]) == 2
    assert "as the store, got 'qdrant:x'" in capsys.readouterr().err
    assert not (tmp_path / "third").exists()
