from __future__ import annotations

import copy

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from retrievers.documents import (
    HEADING_SEPARATOR,
    chunk_id_of,
    doc_id_of,
    make_chunk_id,
    score_of,
    search_text,
    split_chunk_id,
    unique_by_chunk,
    with_score,
)


@pytest.fixture
def chunk() -> Document:
    metadata = {"chunk_id": "lake_baikal_3", "doc_id": "lake_baikal", "title": "Байкал", "headings": "Воды > Глубина"}
    return Document(id="lake_baikal_3", page_content="Глубина озера — 1642 м.", metadata=metadata)


@pytest.mark.parametrize(
    ("doc_id", "index", "chunk_id"),
    [
        ("baikal", 0, "baikal_0"),
        ("a_b", 3, "a_b_3"),
        ("a_7", 12, "a_7_12"),
        ("_", 1, "__1"),
        ("озеро Байкал", 2, "озеро Байкал_2"),
    ],
)
def test_chunk_ids(doc_id, index, chunk_id) -> None:
    assert make_chunk_id(doc_id, index) == chunk_id
    assert split_chunk_id(chunk_id) == (doc_id, index)


@given(st.text(), st.integers(min_value=0))
def test_every_document_id_is_recovered(doc_id, index) -> None:
    assert split_chunk_id(make_chunk_id(doc_id, index)) == (doc_id, index)


@pytest.mark.parametrize(
    "chunk_id", ["", "baikal", "baikal_", "baikal_x", "baikal_-1", "baikal_1.5", "baikal_²", "baikal_٣", "7"]
)
def test_other_text_is_no_chunk_id(chunk_id) -> None:
    with pytest.raises(ValueError, match="expected a chunk id"):
        split_chunk_id(chunk_id)


@pytest.mark.parametrize(
    ("document", "chunk_id", "doc_id"),
    [
        (Document(id="x", page_content="т", metadata={"chunk_id": "a_b_1", "doc_id": "a_b"}), "a_b_1", "a_b"),
        (Document(id="x", page_content="т"), "x", "x"),
        (Document(page_content="Просто текст"), "Просто текст", "Просто текст"),
        (Document(id="x", page_content="т", metadata={"doc_id": "a"}), "x", "a"),
    ],
)
def test_identity(document, chunk_id, doc_id) -> None:
    assert chunk_id_of(document) == chunk_id
    assert doc_id_of(document) == doc_id


def test_a_chunk_is_searched_with_title_and_headings(chunk) -> None:
    assert search_text(chunk) == "Байкал\nВоды > Глубина\nГлубина озера — 1642 м."
    assert HEADING_SEPARATOR.join(["Воды", "Глубина"]) == chunk.metadata["headings"]


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, "Текст"),
        ({"title": "", "headings": ""}, "Текст"),
        ({"title": "Заголовок"}, "Заголовок\nТекст"),
        ({"headings": "Раздел"}, "Раздел\nТекст"),
        ({"title": None, "headings": None}, "Текст"),
        ({"title": 1984}, "1984\nТекст"),
    ],
)
def test_search_text_of_chunks_without_some_parts(metadata, expected) -> None:
    assert search_text(Document(page_content="Текст", metadata=metadata)) == expected


def test_scores_are_put_on_a_copy(chunk) -> None:
    before = copy.deepcopy(chunk)
    first = with_score(chunk, "bm25", 12.5, 1)
    second = with_score(first, "dense", 0.75, 4)
    third = with_score(second, "bm25", 1.0, 9)
    assert chunk == before
    assert first.metadata["scores"] == {"bm25": 12.5}
    assert (second.metadata["scores"], second.metadata["ranks"]) == (
        {"bm25": 12.5, "dense": 0.75},
        {"bm25": 1, "dense": 4},
    )
    assert (third.metadata["scores"], third.metadata["ranks"]) == (
        {"bm25": 1.0, "dense": 0.75},
        {"bm25": 9, "dense": 4},
    )
    assert (second.id, second.page_content) == (chunk.id, chunk.page_content)
    assert {**second.metadata, "scores": 0, "ranks": 0} == {**chunk.metadata, "scores": 0, "ranks": 0}


def test_scores_are_python_floats(chunk) -> None:
    import numpy as np

    assert type(with_score(chunk, "bm25", np.float32(0.5), 1).metadata["scores"]["bm25"]) is float


def test_score_of(chunk) -> None:
    scored = with_score(chunk, "bm25", -2.0, 1)
    assert score_of(scored, "bm25") == -2.0
    assert score_of(scored, "dense") == 0.0
    assert score_of(chunk, "bm25", default=-1.0) == -1.0


def test_chunks_are_unique_by_identity_not_by_text(chunk) -> None:
    other = Document(id="b_0", page_content=chunk.page_content, metadata={"chunk_id": "b_0"})
    again = Document(id="lake_baikal_3", page_content="другой текст", metadata={"chunk_id": "lake_baikal_3"})
    assert unique_by_chunk([chunk, other, again]) == [chunk, other]
    assert unique_by_chunk([]) == []
