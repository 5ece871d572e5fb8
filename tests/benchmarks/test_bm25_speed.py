from __future__ import annotations

from langchain_core.documents import Document

from benchmarks.bm25_speed import halved


def test_the_longest_chunks_are_halved_until_there_are_enough() -> None:
    terms = [["а"] * 8, ["б", "в", "г"], []]
    documents = [Document("а" * 16), Document("бвг"), Document("")]
    pieces, rows = halved(documents, terms, 6)
    assert sorted(map(len, rows)) == [0, 2, 2, 2, 2, 3]
    assert [piece.page_content for piece in pieces] == ["аааа", "бвг", "", "аааа", "аааа", "аааа"]
    assert halved(documents, terms, 2) == (documents, terms)
