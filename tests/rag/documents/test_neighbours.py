from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from rag.documents.chunking import ChunkingOptions, chunk_document
from rag.documents.neighbours import widen, widener
from rag.documents.rows import SourceDocument
from retrievers.documents import with_score

TEXT = (
    "Ноль ноль.\nОдин один.\n\nДва два.\nТри три.\n\n"
    "## Раздел\n\nЧетыре четыре.\nПять пять.\n\n## Дальше\n\nШесть шесть."
)
SOURCE = SourceDocument("lake_1", "Озеро", TEXT, {"topic": "вода"})
CHUNKS = {str(chunk.id): chunk for chunk in chunk_document(SOURCE, ChunkingOptions(size=16, limit=16))}


def hit(index: int, score: float = 1.0) -> Document:
    return with_score(CHUNKS[f"lake_1_{index}"], "bm25", score, rank=1)


def texts(hits: list[Document], **options: object) -> list[str]:
    return [passage.page_content for passage in widen(hits, CHUNKS.get, source_text={"lake_1": TEXT}.get, **options)]


def test_the_document_of_these_tests():
    assert len(CHUNKS) == 7


def test_a_hit_is_shown_with_its_neighbours():
    (passage,) = widen([hit(1, 0.5)], CHUNKS.get, source_text={"lake_1": TEXT}.get)
    assert passage.page_content == "Ноль ноль.\nОдин один.\n\nДва два."
    assert passage.id == passage.metadata["chunk_id"] == "lake_1_1"
    assert passage.metadata["scores"] == {"bm25": 0.5}
    assert passage.metadata["topic"] == "вода"
    assert passage.metadata["chunk_ids"] == ["lake_1_0", "lake_1_1", "lake_1_2"]
    assert TEXT[passage.metadata["start"] : passage.metadata["end"]] == passage.page_content


def test_the_hit_itself_is_not_changed():
    original = hit(1)
    before = dict(original.metadata)
    widen([original], CHUNKS.get)
    assert original.metadata == before
    assert original.page_content == "Один один."


def test_a_window_stops_at_the_section():
    assert texts([hit(4)]) == ["Четыре четыре.\nПять пять."]
    assert texts([hit(4)], neighbours=2) == ["Четыре четыре.\nПять пять."]


def test_across_sections_the_headings_between_are_shown():
    assert texts([hit(4)], same_section=False) == ["Три три.\n\n## Раздел\n\nЧетыре четыре.\nПять пять."]


def test_a_window_stops_at_the_ends_of_the_document():
    assert texts([hit(0)], neighbours=9) == ["Ноль ноль.\nОдин один.\n\nДва два.\nТри три."]
    assert texts([hit(6)]) == ["Шесть шесть."]


def test_no_neighbours_leave_the_hit():
    original = hit(1)
    assert widen([original], CHUNKS.get, neighbours=0) == [original]


def test_overlapping_windows_become_one_of_the_better_hit():
    (passage,) = widen([hit(3, 0.9), hit(1, 0.4)], CHUNKS.get, source_text={"lake_1": TEXT}.get)
    assert passage.page_content == "Ноль ноль.\nОдин один.\n\nДва два.\nТри три."
    assert (passage.id, passage.metadata["scores"]) == ("lake_1_3", {"bm25": 0.9})


def test_a_window_that_bridges_two_makes_one_in_the_best_place():
    hits = [hit(5), hit(0), hit(3), hit(1)]
    passages = widen(hits, CHUNKS.get, source_text={"lake_1": TEXT}.get)
    assert [passage.id for passage in passages] == ["lake_1_5", "lake_1_0"]
    assert passages[1].page_content == "Ноль ноль.\nОдин один.\n\nДва два.\nТри три."


def test_windows_that_only_touch_stay_apart():
    assert texts([hit(0), hit(3)], neighbours=1) == ["Ноль ноль.\nОдин один.", "Два два.\nТри три."]


def test_the_same_hit_twice_is_shown_once():
    assert len(widen([hit(1), hit(1)], CHUNKS.get)) == 1


def test_hits_of_different_documents_do_not_merge():
    other = chunk_document(SourceDocument("lake", "", "Ноль ноль."))[0]
    assert [passage.id for passage in widen([hit(0), other], CHUNKS.get)] == ["lake_1_0", "lake_0"]


def test_documents_that_are_no_chunks_pass_through():
    foreign = Document(page_content="Из другого хранилища.")
    assert widen([foreign, hit(6)], CHUNKS.get) == [foreign, hit(6)]


def test_without_the_source_text_gaps_are_white_space_of_the_same_length():
    (passage,) = widen([hit(1)], CHUNKS.get)
    assert passage.page_content == "Ноль ноль. Один один.\n\nДва два."
    assert len(passage.page_content) == passage.metadata["end"] - passage.metadata["start"]


def test_overlapping_chunks_are_joined_once():
    text = "Один два. Три четыре. Пять шесть. Семь восемь."
    chunks = chunk_document(SourceDocument("a", "", text), ChunkingOptions(size=34, limit=40, overlap=12))
    assert len(chunks) == 2
    (passage,) = widen([chunks[0]], {str(chunk.id): chunk for chunk in chunks}.get)
    assert passage.page_content == text


@given(st.lists(st.integers(0, 6), max_size=6), st.integers(0, 3), st.booleans(), st.booleans())
def test_passages_are_exact_disjoint_and_hold_their_hits(
    indexes: list[int], neighbours: int, same_section: bool, with_source: bool
):
    hits = [hit(index) for index in indexes]
    lookup = {"lake_1": TEXT}.get if with_source else None
    passages = widen(hits, CHUNKS.get, neighbours=neighbours, same_section=same_section, source_text=lookup)
    shown = [set(passage.metadata.get("chunk_ids", [passage.id])) for passage in passages]
    assert all(not one & other for one, other in itertools.combinations(shown, 2))
    assert {str(document.id) for document in hits} <= set().union(*shown)
    assert [p.id for p in passages] == [h for h in dict.fromkeys(d.id for d in hits) if h in {p.id for p in passages}]
    for passage in passages:
        span = TEXT[passage.metadata["start"] : passage.metadata["end"]]
        assert len(passage.page_content) == len(span)
        assert passage.page_content == span or not with_source
        assert CHUNKS[str(passage.id)].page_content in passage.page_content


class Table:
    """Chunks and documents as an index keeps them."""

    def by_chunk_ids(self, chunk_ids: list[str]) -> list[Document]:
        return [CHUNKS[chunk_id] for chunk_id in chunk_ids]

    def document(self, doc_id: str) -> SourceDocument:
        return {"lake_1": SOURCE}[doc_id]


def test_widening_over_an_index():
    foreign = Document(id="x_0", page_content="Чужое.", metadata={"doc_id": "x", "chunk_id": "x_0", "chunk_index": 0})
    passages = widener(Table(), 1)([hit(0), foreign])
    assert [passage.page_content for passage in passages] == ["Ноль ноль.\nОдин один.", "Чужое."]
    assert len(widener(Table(), 1, same_section=False)([hit(6)])[0].metadata["chunk_ids"]) == 2


@pytest.mark.parametrize("neighbours", [0, 1])
def test_no_hits(neighbours: int):
    assert widen([], CHUNKS.get, neighbours=neighbours) == []
