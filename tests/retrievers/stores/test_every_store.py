"""What holds for every store: the same tests run over each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import pytest
from langchain_core.documents import Document

from retrievers.dense import DenseRetriever
from retrievers.errors import InputError, StoreUnavailableError
from retrievers.filters import matches
from retrievers.stores import Batch, ChunkStore, SegmentedVectors
from tests.retrievers.stores.conftest import Opening
from tests.retrievers.stores.samples import DIMENSION, ENCODER, Shelf, batch, chunk

OLD, NEW = "000001-aaaaaaaa", "000002-bbbbbbbb"

LAKES = [
    chunk("байкал", 0, "Байкал — самое глубокое озеро.", topic="география", year=1996, tags=["озеро", "лёд"]),
    chunk("байкал", 1, "Лёд на Байкале стоит до мая.", topic="география", year=1996.5, open=True),
    chunk('o\'нил "x" \\', 0, "Река Шеннон течёт в Ирландии.", topic='«"кавычки"» и \\ косая', open=False),
    chunk("пушкин", 0, "Пушкин родился в Москве.", topic="литература", year=1799, tags=["поэт"]),
]


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture(scope="module")
def lakes(place: Opening) -> Iterator[SegmentedVectors]:
    """A reader that no test changes anything for."""
    with place() as store:
        shelf = Shelf()
        store.write(OLD, [batch(shelf.put(LAKES[:2])), batch(shelf.put(LAKES[2:]))])
        yield store.reader({OLD: []}, ENCODER, shelf)


def ids(documents: list[Document]) -> list[str]:
    return [str(document.id) for document in documents]


def test_a_segment_is_written_read_and_dropped(store: ChunkStore, shelf: Shelf) -> None:
    store.write(OLD, [batch(shelf.put(LAKES[:2])), batch(LAKES[2:])])
    assert sorted(store.ids(OLD)) == sorted(ids(LAKES))
    reader = store.reader({OLD: ()}, ENCODER, shelf)
    assert sorted(reader.all_ids()) == sorted(ids(LAKES))
    assert reader.count() == 4
    wanted = dict(zip(ids(LAKES), batch(LAKES).vectors, strict=True))
    found = store.vectors(OLD, [*wanted, "нет_0"])
    assert found.keys() == wanted.keys()
    for chunk_id, vector in wanted.items():
        assert found[chunk_id].dtype == np.float32
        np.testing.assert_array_equal(found[chunk_id], vector)
    store.drop(OLD)
    store.drop(OLD)  # a second time is fine


def test_what_a_crashed_try_left_is_replaced(store: ChunkStore, shelf: Shelf) -> None:
    def crashing() -> Iterator[Batch]:
        yield batch(LAKES[:2])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.write(OLD, crashing())
    store.write(OLD, [batch(shelf.put(LAKES[2:]))])
    store.write(OLD, [batch(shelf.put(LAKES[3:]))])
    assert store.ids(OLD) == ids(LAKES[3:])


def test_a_store_opened_again_has_what_was_written(
    again: Callable[[], AbstractContextManager[ChunkStore]], shelf: Shelf
) -> None:
    with again() as store:
        store.write(OLD, [batch(shelf.put(LAKES))])
    with again() as store:
        reader = store.reader({OLD: ()}, ENCODER, shelf)
        assert ids(reader.similarity_search("глубокое озеро", k=1)) == ["байкал_0"]
        reader.close()
    with again() as store:
        store.write(NEW, [batch(shelf.put([chunk("волга", 0, "Волга впадает в Каспийское море.")]))])
        assert ids(store.reader({OLD: (), NEW: ()}, ENCODER, shelf).similarity_search("Каспийское море", 1)) == [
            "волга_0"
        ]


def test_segments_without_chunks_and_no_segments(store: ChunkStore, shelf: Shelf) -> None:
    store.write(NEW, [])
    assert store.ids(NEW) == []
    store.write(OLD, [batch(shelf.put(LAKES))])
    assert store.reader({NEW: ["нечто"], OLD: []}, ENCODER, shelf).count() == 4
    assert store.reader({NEW: []}, ENCODER, shelf).similarity_search("озеро") == []
    assert store.reader({}, ENCODER, shelf).similarity_search("озеро") == []


def test_scores_are_cosines_in_order(lakes: SegmentedVectors) -> None:
    question = "глубокое озеро Байкал"
    found = lakes.similarity_search_with_score(question, k=4)
    vectors = lakes.vectors([str(document.id) for document, _ in found])
    asked = np.asarray(ENCODER.embed_query(question))
    expected = [float(vectors[str(document.id)] @ asked) for document, _ in found]
    assert [score for _, score in found] == pytest.approx(expected, abs=1e-5)
    assert expected == sorted(expected, reverse=True)
    assert found[0][0] == LAKES[0]
    assert lakes.search_vector(7 * asked, 4) == [
        (document, pytest.approx(score, abs=1e-5)) for document, score in found
    ]


def test_it_is_a_store_of_the_dense_retriever(lakes: SegmentedVectors) -> None:
    retriever = DenseRetriever(store=lakes, k=2)
    hits = retriever.invoke("Где родился Пушкин?")
    assert hits[0].id == "пушкин_0"
    assert hits[0].page_content == "Пушкин родился в Москве."
    assert hits[0].metadata["ranks"] == {"dense": 1}
    assert ids(retriever.invoke("Пушкин и река", k=1, filter={"open": False})) == [LAKES[2].id]
    assert ids(retriever.search_vector(ENCODER.embed_query("лёд до мая"), 1)) == ["байкал_1"]
    assert retriever.invoke("— !") == []  # no known word, a zero vector


def test_the_dead_are_never_found_and_the_living_of_their_name_are(store: ChunkStore, shelf: Shelf) -> None:
    before = [chunk("озеро", number, f"Озеро номер {number} глубокое.") for number in range(40)]
    store.write(OLD, [batch(before), batch(shelf.put(LAKES))])
    after = [chunk("озеро", 0, "Озеро осушили.", topic="история")]
    store.write(NEW, [batch(shelf.put(after))])
    reader = store.reader({OLD: ["озеро"], NEW: []}, ENCODER, shelf)
    found = reader.similarity_search("глубокое озеро номер", k=5)
    assert len(found) == 5
    assert {str(document.id) for document in found} == {*ids(LAKES), "озеро_0"}
    assert reader.get_by_ids(["озеро_0"])[0].page_content == "Озеро осушили."
    np.testing.assert_array_equal(reader.vectors(["озеро_0", "озеро_7"])["озеро_0"], batch(after).vectors[0])
    assert "озеро_7" not in reader.vectors(["озеро_0", "озеро_7"])
    assert sorted(reader.all_ids()) == sorted([*ids(LAKES), "озеро_0"])
    # The generation before still sees the old ones.
    old = store.reader({OLD: []}, ENCODER, Shelf({str(found.id): found for found in [*before, *LAKES]}))
    assert len(old.similarity_search("глубокое озеро номер", k=50)) == 44


def test_equal_scores_are_in_the_order_of_segments_then_chunks(store: ChunkStore, shelf: Shelf) -> None:
    same = np.eye(1, DIMENSION, dtype=np.float32)
    for segment, numbers in ((NEW, (3, 10)), (OLD, (2,))):
        chunks = [chunk("d", number, f"текст {number}") for number in numbers]
        store.write(segment, [batch(shelf.put(chunks), np.repeat(same, len(chunks), axis=0))])
    reader = store.reader({NEW: [], OLD: []}, ENCODER, shelf)
    assert [document.id for document, _ in reader.search_vector(same[0], 3)] == ["d_3", "d_10", "d_2"]


WHERES: list[dict[str, Any]] = [
    {"topic": "география"},
    {"topic": '«"кавычки"» и \\ косая'},
    {"topic": {"$ne": "география"}},
    {"year": {"$gte": 1996}},
    {"year": {"$lt": 1996.25}},
    {"year": {"$in": [1799, 1900]}},
    {"year": {"$nin": [1799, 1900]}},
    {"open": True},
    {"open": {"$ne": 1}},
    {"open": 1},
    {"tags": {"$contains": "лёд"}},
    {"tags": {"$not_contains": "лёд"}},
    {"нет такого": {"$ne": 1}},
    {"нет такого": 1},
    {"doc_id": 'o\'нил "x" \\'},
    {"$or": [{"topic": "литература"}, {"$and": [{"open": True}, {"year": {"$gt": 1000}}]}]},
    {"$and": [{"topic": {"$ne": "литература"}}, {"topic": "география"}]},
    {"topic": '" or metadata["topic"] != "'},
    {'topic"] != "" or metadata["topic': "география"},
    {"": "география"},
]


def test_filters_mean_what_they_mean_elsewhere(lakes: SegmentedVectors) -> None:
    question = "Пушкин на Байкале, лёд и река"
    for where in WHERES:
        expected = sorted(str(found.id) for found in LAKES if matches(found.metadata, where))
        assert sorted(ids(lakes.similarity_search(question, k=4, filter=where))) == expected, where
    nearest = [str(found.id) for found in lakes.similarity_search(question, k=4)]
    first = lakes.similarity_search(question, k=1, filter={"topic": {"$ne": LAKES[0].metadata["topic"]}})
    assert ids(first) == [found for found in nearest if not found.startswith("байкал")][:1]
    with pytest.raises(InputError, match="unknown filter operator"):
        lakes.similarity_search(question, filter={"year": {"$near": 1}})


async def test_langchains_other_names(lakes: SegmentedVectors) -> None:
    vector = ENCODER.embed_query("Пушкин родился")
    assert ids(await lakes.asimilarity_search("Пушкин родился", k=1)) == ["пушкин_0"]
    assert ids(lakes.similarity_search_by_vector(vector, k=1)) == ["пушкин_0"]
    ((_, relevance),) = lakes.similarity_search_with_relevance_scores("Пушкин родился", k=1)
    assert 0.5 < relevance <= 1.0
    assert sorted(ids(lakes.max_marginal_relevance_search("Байкал", k=3, fetch_k=4))) != []
    assert ids(lakes.as_retriever(search_kwargs={"k": 1, "filter": {"topic": "литература"}}).invoke("лёд")) == [
        "пушкин_0"
    ]
    assert ids(lakes.get_by_ids(["пушкин_0", "нет_3"])) == ["пушкин_0"]
    assert ids(await lakes.aget_by_ids(["пушкин_0"])) == ["пушкин_0"]


def test_it_cannot_be_changed_from_here(lakes: SegmentedVectors) -> None:
    for change in (
        lambda: lakes.add_texts(["нечто"]),
        lambda: lakes.add_documents(LAKES),
        lambda: lakes.delete(["пушкин_0"]),
        lambda: SegmentedVectors.from_texts(["нечто"], ENCODER),
    ):
        with pytest.raises(InputError, match=r"rag\.index add"):
            change()


def test_without_embeddings_it_is_searched_by_vectors(store: ChunkStore, shelf: Shelf) -> None:
    store.write(OLD, [batch(shelf.put(LAKES))])
    bare = store.reader({OLD: []}, None, shelf)
    with pytest.raises(InputError, match="without embeddings"):
        bare.similarity_search("озеро")
    assert ids([document for document, _ in bare.search_vector(ENCODER.embed_query("Пушкин"), 1)]) == ["пушкин_0"]


def test_what_does_not_belong_together_is_reported(store: ChunkStore) -> None:
    store.write(OLD, [batch(LAKES[3:])])
    with pytest.raises(StoreUnavailableError, match=r"пушкин_0.*verify"):
        store.reader({OLD: []}, ENCODER, Shelf()).similarity_search("Пушкин")


def test_metadata_of_odd_kinds(store: ChunkStore, shelf: Shelf) -> None:
    odd = chunk("d", 0, "текст", none=None, empty=[], nested={"a": 1}, **{"$x": 1, "": 2, "#y": 3})
    store.write(OLD, [batch(shelf.put([odd]))])
    reader = store.reader({OLD: []}, ENCODER, shelf)
    for where in ({"none": {"$ne": 1}}, {"nested": {"$ne": 1}}, {"doc_id": "d"}, {"": 2}):
        assert ids(reader.similarity_search("текст", filter=where)) == ["d_0"]
    for metadata in ({"a": float("nan")}, {"a": 2**63}, {"a": ["x", 1]}, {"a": [[1]]}):
        with pytest.raises(InputError, match="chunk d_0"):
            store.write(NEW, [batch([chunk("d", 0, "текст", **metadata)])])
        assert sorted(store.ids(OLD)) == ["d_0"]


def test_one_store_keeps_several_indexes_apart(place: Opening, kind: str, shelf: Shelf) -> None:
    if kind == "chroma":
        pytest.skip("the store inside an index has the one")
    with place() as mine, place() as other:
        mine.write(OLD, [batch(shelf.put(LAKES[:2]))])
        other.write(OLD, [batch(shelf.put(LAKES[2:]))])
        assert sorted(mine.ids(OLD)) == sorted(ids(LAKES[:2]))
        other.drop(OLD)
        assert sorted(mine.ids(OLD)) == sorted(ids(LAKES[:2]))
