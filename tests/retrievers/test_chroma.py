from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import DeterministicFakeEmbedding, Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests
from pydantic import Field

from retrievers.chroma import ChunkChroma, delete_collection, is_url, open_store
from retrievers.errors import InputError, StoreUnavailableError
from tests.chroma_server import chroma_server, free_port


class Spy(DeterministicFakeEmbedding):
    """Deterministic vectors that remember which texts were asked for."""

    asked: list[str] = Field(default_factory=list)

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.asked.extend(texts)
        return super().embed_documents(texts)


def chunk(chunk_id: str, text: str, **metadata: object) -> Document:
    doc_id, _, index = chunk_id.rpartition("_")
    base = {"doc_id": doc_id, "chunk_id": chunk_id, "chunk_index": int(index), "title": "Байкал", "headings": "Лёд"}
    return Document(id=chunk_id, page_content=text, metadata={**base, **metadata})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ChunkChroma]:
    opened = open_store(tmp_path / "chroma", "тест".encode().hex(), Spy(size=8))
    yield opened
    opened.close()


class TestStandardSuite(VectorStoreIntegrationTests):
    @pytest.fixture
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:  # type: ignore[override]
        opened = open_store(f"chroma:{tmp_path / 'standard'}", embeddings=self.get_embeddings())
        yield opened
        opened.close()


def test_embeds_title_headings_and_body_but_shows_the_body(store: ChunkChroma) -> None:
    store.add_documents([chunk("a_0", "Толщина льда до 1 м.")])
    assert store.embeddings.asked == ["Байкал\nЛёд\nТолщина льда до 1 м."]
    (found,) = store.similarity_search("что угодно", k=1)
    assert (found.id, found.page_content) == ("a_0", "Толщина льда до 1 м.")


def test_takes_vectors_that_are_known_and_encodes_nothing(store: ChunkChroma) -> None:
    store.add_documents([chunk("a_0", "лёд"), chunk("a_1", "вода")], embeddings=np.eye(8, dtype=np.float32)[:2])
    assert store.embeddings.asked == []
    (nearest, distance), _ = store.similarity_search_by_vector_with_relevance_scores([1.0] + [0.0] * 7, k=2)
    assert nearest.id == "a_0"
    assert distance == pytest.approx(0.0, abs=1e-6)


def test_distance_is_cosine_whatever_the_lengths(store: ChunkChroma) -> None:
    store.add_documents([chunk("a_0", "лёд")], embeddings=[[0.0, 5.0, *[0.0] * 6]])
    ((_, distance),) = store.similarity_search_by_vector_with_relevance_scores([3.0, 4.0, *[0.0] * 6], k=1)
    assert distance == pytest.approx(1 - 4 / 5)


def test_replacing_a_chunk_leaves_no_metadata_of_the_old_one(store: ChunkChroma) -> None:
    store.add_documents([chunk("a_0", "старое", topic="спорт")])
    store.add_documents([chunk("a_0", "новое")])
    (found,) = store.get_by_ids(["a_0"])
    assert found.page_content == "новое"
    assert "topic" not in found.metadata
    assert store.count() == 1


def test_metadata_that_chroma_refuses_are_left_out(store: ChunkChroma) -> None:
    store.add_documents([chunk("a_0", "лёд", author=None, tags=[]), Document(page_content="без метаданных")])
    (found,) = store.get_by_ids(["a_0"])
    assert not {"author", "tags"} & found.metadata.keys()
    assert store.count() == 2


def test_batches_no_larger_than_the_store_takes(store: ChunkChroma, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    upsert = store._collection.upsert
    monkeypatch.setattr(store._client, "get_max_batch_size", lambda: 2)
    monkeypatch.setattr(store._collection, "upsert", lambda **rows: (sizes.append(len(rows["ids"])), upsert(**rows)))
    keys = store.add_documents([chunk(f"a_{number}", f"текст {number}") for number in range(5)])
    assert sizes == [2, 2, 1]
    assert sorted(store.all_ids()) == keys


def test_vectors_come_back_as_they_were_given(store: ChunkChroma) -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 8)).astype(np.float32)
    store.add_documents([chunk("a_0", "лёд"), chunk("a_1", "вода")], embeddings=vectors)
    found = store.vectors(["a_1", "нет такого", "a_0"])
    assert found.keys() == {"a_0", "a_1"}
    np.testing.assert_allclose([found["a_0"], found["a_1"]], vectors, rtol=1e-6)


class Shelf:
    """Chunks kept elsewhere."""

    def __init__(self, chunks: Sequence[Document]) -> None:
        self.chunks = {chunk.id: chunk for chunk in chunks}

    def by_chunk_ids(self, chunk_ids: Sequence[str]) -> list[Document]:
        return [self.chunks[chunk_id] for chunk_id in chunk_ids]


def test_a_store_beside_the_chunks_keeps_no_text_but_shows_it(tmp_path: Path) -> None:
    chunks = [chunk("a_0", "Лёд прозрачен.", topic="зима"), chunk("a_1", "Вода холодна.", topic="лето")]
    store = open_store(tmp_path / "chroma", embeddings=DeterministicFakeEmbedding(size=8), chunks=Shelf(chunks))
    store.add_documents(chunks)
    assert store._collection.get()["documents"] == ["", ""]
    query = store.embeddings.embed_query("лёд")
    reads = [
        store.similarity_search("лёд", k=2),
        store.similarity_search_by_vector(query, k=2),
        store.max_marginal_relevance_search("лёд", k=2),
        store.max_marginal_relevance_search_by_vector(query, k=2),
        store.get_by_ids(["a_0", "a_1"]),
        [document for document, _ in store.similarity_search_with_score("лёд", k=2)],
        [document for document, _ in store.similarity_search_with_vectors("лёд", k=2)],
        [document for document, _ in store.similarity_search_by_vector_with_relevance_scores(query, k=2)],
    ]
    for documents in reads:
        assert sorted(documents, key=lambda document: str(document.id)) == chunks
    assert [found.id for found in store.similarity_search("лёд", k=2, filter={"topic": "лето"})] == ["a_1"]
    store.close()


def test_wrong_locations_and_names_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least three characters"):
        open_store(tmp_path, "ab")
    for location in ("chroma:", "http://", "http://localhost:8000/path"):
        with pytest.raises(InputError, match="expected"):
            open_store(location)
    with pytest.raises(StoreUnavailableError, match="no usable collection"):
        open_store(tmp_path / "chroma", "absent", create=False)
    assert is_url("https://host")
    assert not is_url("chroma:folder")


def test_a_damaged_store_is_reported(tmp_path: Path) -> None:
    (tmp_path / "chroma.sqlite3").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreUnavailableError, match=str(tmp_path)):
        open_store(tmp_path)


def test_without_embeddings_vectors_are_required(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with pytest.raises(InputError, match="embeddings"):
        store.add_documents([chunk("a_0", "лёд")])
    store.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with chroma_server(tmp_path_factory.mktemp("server")) as url:
        yield url


def test_a_server_stores_finds_copies_and_deletes(server: str, tmp_path: Path) -> None:
    embeddings: Embeddings = DeterministicFakeEmbedding(size=8)
    chunks = [chunk("a_0", "лёд", topic="зима"), chunk("a_1", "вода", topic="лето")]
    store = open_store(server, "first", embeddings)
    store.add_documents(chunks)
    assert [found.id for found in store.similarity_search("вода", k=5, filter={"topic": "лето"})] == ["a_1"]
    copy = open_store(server, "second", embeddings)
    copy.copy_from(store)
    assert copy.get_by_ids(["a_0", "a_1"]) == store.get_by_ids(["a_0", "a_1"])
    np.testing.assert_allclose(copy.vectors(["a_0"])["a_0"], store.vectors(["a_0"])["a_0"], rtol=1e-6)
    copy.close()
    store.close()
    delete_collection(server, "first")
    delete_collection(server, "first")  # a second time is fine
    with pytest.raises(StoreUnavailableError, match="first"):
        open_store(server, "first", embeddings, create=False)


def test_a_silent_server_is_reported() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(StoreUnavailableError, match=url):
        open_store(url)
    with pytest.raises(StoreUnavailableError, match=url):
        delete_collection(url, "any")
