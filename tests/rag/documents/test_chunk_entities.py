from __future__ import annotations

import json

import pytest

from rag.documents.chunking import chunk_document
from rag.documents.entities import entities_of, with_entities
from rag.documents.rows import SourceDocument

entities = pytest.importorskip("retrievers.entities")


def test_entities_are_kept_once_in_their_normal_form():
    text = "Витус Беринг вышел из Петропавловска.\n\n## Позже\n\nО Витусе Беринге и Витусе Беринге писали. Дождь."
    chunks = chunk_document(SourceDocument("bering", "Беринг", text))
    first, second = with_entities(chunks)
    assert ("Витус Беринг", "PER") in entities_of(first)
    assert "LOC" in {kind for _, kind in entities_of(first)}
    assert entities_of(second) == [("Витус Беринг", "PER")]
    assert isinstance(first.metadata["entities"], str)
    assert json.loads(second.metadata["entities"]) == [["Витус Беринг", "PER"]]


def test_chunks_are_copied():
    (chunk,) = chunk_document(SourceDocument("a", "", "Москва."))
    (marked,) = with_entities([chunk])
    assert "entities" not in chunk.metadata
    assert (marked.id, marked.page_content) == (chunk.id, chunk.page_content)
    assert {**marked.metadata, "entities": ""} == {**chunk.metadata, "entities": ""}


def test_no_chunks_no_entities():
    assert with_entities([]) == []


def test_a_chunk_whose_entities_were_not_looked_for():
    (chunk,) = chunk_document(SourceDocument("a", "", "Москва."))
    assert entities_of(chunk) == []
