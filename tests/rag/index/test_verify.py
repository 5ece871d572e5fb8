from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
import pytest
from chromadb import Collection

from rag.index import open_index, verify_index
from retrievers.stores.chroma.client import close_client, open_client
from retrievers.stores.chroma.store import COLLECTION
from tests.rag.index.samples import HashEmbeddings, rewrite_manifest


def manifest(directory: Path) -> Path:
    name = json.loads((directory / "CURRENT.json").read_text())["generation"]
    return directory / "generations" / name / "manifest.json"


def segment(directory: Path) -> Path:
    (path,) = (directory / "segments").iterdir()
    return path


def rewrite(directory: Path, statement: str) -> None:
    """Change the sources and make the manifest agree with the changed file, as a fault of our own would."""
    path = segment(directory) / "sources.sqlite"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(statement)
    values = json.loads(manifest(directory).read_text())
    values["segments"][0]["files"]["sources.sqlite"] = {
        "size": path.stat().st_size,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }
    rewrite_manifest(directory, segments=values["segments"])


@contextmanager
def vectors(directory: Path) -> Iterator[Collection]:
    client = open_client(segment(directory) / "chroma")
    try:
        yield client.get_collection(COLLECTION, embedding_function=None)
    finally:
        close_client(client)


def drop_vector(directory: Path) -> None:
    with vectors(directory) as collection:
        collection.delete(ids=["baikal_1"])


def add_vector(directory: Path) -> None:
    with vectors(directory) as collection:
        collection.add(ids=["чужой_0"], embeddings=np.ones((1, 64), np.float32))


def turn_vector(directory: Path) -> None:
    with vectors(directory) as collection:
        collection.update(ids=["baikal_0"], embeddings=np.ones((1, 64), np.float32))


def flip_byte(directory: Path) -> None:
    path = segment(directory) / "bm25" / "counts.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("damage", "part", "message"),
    [
        (flip_byte, "files", "other contents"),
        (lambda d: rewrite(d, "UPDATE documents SET title = 'Иное' WHERE doc_id = 'пушкин'"), "documents", "пушкин"),
        (lambda d: rewrite(d, "UPDATE chunks SET end = 100000 WHERE chunk_id = 'baikal_1'"), "chunks", "outside"),
        (
            lambda d: rewrite(d, "UPDATE chunks SET first_byte = 2 WHERE chunk_id = 'baikal_0'"),
            "chunks",
            "another text",
        ),
        (lambda d: rewrite(d, "UPDATE chunks SET chunk_index = 5 WHERE chunk_id = 'baikal_1'"), "chunks", "gaps"),
        (
            lambda d: rewrite(d, "UPDATE chunks SET chunk_id = 'x_0' WHERE chunk_id = 'baikal_0'"),
            "chunks",
            "its record",
        ),
        (lambda d: rewrite(d, "UPDATE chunks SET terms = 'не то' WHERE chunk_id = 'baikal_0'"), "terms", "baikal_0"),
        (drop_vector, "vectors", "chunks without a vector: baikal_1"),
        (add_vector, "vectors", "vectors without a chunk: чужой_0"),
        (turn_vector, "vectors", "not those that were stored: baikal_0"),
    ],
)
def test_damage_is_found(
    index_directory: Path, encoder: HashEmbeddings, damage: Callable[[Path], None], part: str, message: str
) -> None:
    damage(index_directory)
    problems = verify_index(index_directory, embeddings=encoder)
    assert any(problem.part == part and message in problem.message for problem in problems), problems


def test_another_encoder_is_a_problem_and_no_crash(index_directory: Path) -> None:
    (problem,) = verify_index(index_directory, embeddings=HashEmbeddings(fingerprint="иной"))
    assert problem.part == "encoder"


def test_verifying_changes_nothing_that_is_compared(index_directory: Path, encoder: HashEmbeddings) -> None:
    for _ in range(2):
        assert verify_index(index_directory, embeddings=encoder) == []
    with open_index(index_directory, embeddings=encoder) as index:
        index.dense().invoke("Байкал")
    assert verify_index(index_directory, embeddings=encoder) == []
