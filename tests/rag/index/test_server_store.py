"""An index whose vectors are on a Chroma server."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import chromadb
import pytest
from chromadb.config import Settings

from rag.errors import StoreUnavailableError
from rag.index import add_documents, build_index, compact_index, open_index, remove_documents, verify_index
from retrievers.stores.chroma.client import close_client
from tests.chroma_server import chroma_server, free_port
from tests.rag.index.samples import BAIKAL, SOURCES, VOLGA, HashEmbeddings, found_ids, rewrite_manifest


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


@pytest.fixture
def served(tmp_path: Path, server: str, encoder: HashEmbeddings) -> Iterator[Path]:
    build_index(SOURCES, tmp_path / "index", store=server, embeddings=encoder)
    encoder.asked.clear()
    yield tmp_path / "index"
    for name in collections(server):
        with _client(server) as client:
            client.delete_collection(name)


@dataclasses.dataclass
class _client:  # noqa: N801 - a context manager by its use
    url: str

    def __enter__(self) -> chromadb.ClientAPI:
        port = int(self.url.rpartition(":")[2])
        self.opened = chromadb.HttpClient("127.0.0.1", port, settings=Settings(anonymized_telemetry=False))
        return self.opened

    def __exit__(self, *error: object) -> None:
        close_client(self.opened)


def collections(server: str) -> list[str]:
    """Names of the collections on the server."""
    with _client(server) as client:
        return [collection.name for collection in client.list_collections()]


def test_vectors_go_to_the_server_and_texts_stay_here(served: Path, server: str, encoder: HashEmbeddings) -> None:
    assert verify_index(served, embeddings=encoder) == []
    assert not list(served.rglob("chroma.sqlite3"))
    (name,) = collections(server)
    with _client(server) as client:
        assert client.get_collection(name, embedding_function=None).get()["documents"] == [None] * 4
    with open_index(served, embeddings=encoder) as index:
        hits = index.dense().invoke("глубина озера", k=1, filter={"topic": "география"})
        assert found_ids(hits) == ["baikal_0"]
        assert hits[0].page_content.startswith("Байкал — озеро")


def test_every_segment_has_a_collection_of_its_own(served: Path, server: str, encoder: HashEmbeddings) -> None:
    with open_index(served, embeddings=encoder) as reader:
        (first,) = collections(server)
        change = add_documents([dataclasses.replace(VOLGA, text="Волга длинна.")], served, embeddings=encoder)
        assert (change.changed, change.encoded) == (1, 1)
        assert verify_index(served, embeddings=encoder) == []
        assert len(collections(server)) == 2
        assert first in collections(server)
        assert found_ids(reader.dense().invoke("Каспийское море", k=1)) == ["volga_1_0"]
        assert "Каспийское" in reader.dense().invoke("Каспийское море", k=1)[0].page_content
    remove_documents(["baikal"], served, embeddings=encoder)  # most of the first segment is deleted now
    assert verify_index(served, embeddings=encoder) == []
    assert len(collections(server)) == 2
    assert first not in collections(server)
    compact_index(served)
    assert verify_index(served, embeddings=encoder) == []
    assert len(collections(server)) == 1


def test_vectors_whose_server_is_away_are_removed_later(
    served: Path,
    server: str,
    encoder: HashEmbeddings,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_documents([dataclasses.replace(VOLGA, text="Волга длинна.")], served, embeddings=encoder)

    def away(*args: object) -> None:
        raise StoreUnavailableError("the server is away")

    with monkeypatch.context() as patch, caplog.at_level(logging.WARNING):
        patch.setattr("rag.index.vectors.drop_vectors", away)
        compact_index(served)
    assert "stay behind: the server is away" in caplog.text
    assert len(collections(server)) == 3
    assert sorted(len(list(path.iterdir())) for path in (served / "segments").iterdir())[:2] == [1, 1]
    remove_documents(["baikal"], served, embeddings=encoder)
    assert len(collections(server)) == 1
    assert len(list((served / "segments").iterdir())) == 1
    assert verify_index(served, embeddings=encoder) == []


def test_a_change_that_fails_leaves_the_old_collection_alone(
    served: Path, server: str, encoder: HashEmbeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = collections(server)

    def stop(*args: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("rag.index.writing.write_manifest", stop)
        with pytest.raises(KeyboardInterrupt):
            add_documents([dataclasses.replace(BAIKAL, text="Иное.")], served, embeddings=encoder)
    assert collections(server) == before
    assert verify_index(served, embeddings=encoder) == []


def test_a_server_that_is_gone_leaves_the_lexical_legs(
    served: Path, encoder: HashEmbeddings, caplog: pytest.LogCaptureFixture
) -> None:
    (manifest,) = served.glob("generations/*/manifest.json")
    store = json.loads(manifest.read_text())["store"]
    rewrite_manifest(served, store={**store, "location": f"http://127.0.0.1:{free_port()}"})
    with closing(open_index(served, embeddings=encoder)) as index:
        assert found_ids(index.bm25().invoke("глубина озера", k=1)) == ["baikal_0"]
        with pytest.raises(StoreUnavailableError, match="does not open"):
            index.dense()
    with pytest.raises(StoreUnavailableError), caplog.at_level(logging.WARNING):
        add_documents([dataclasses.replace(BAIKAL, text="Иное.")], served, embeddings=encoder)
