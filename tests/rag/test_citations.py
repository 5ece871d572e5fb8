from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.documents import Document

from generators.base import Evidence
from rag.citations import MAX_QUOTE, cite, final_score, sentence_around

TEXT = "Первое предложение. Глубина — 1642 м, А. С. Пушкин тут ни при чём. Третье!"


def chunk(text: str = TEXT, start: int = 100) -> Document:
    metadata = {"chunk_id": "a_0", "doc_id": "a", "title": "Т", "start": start, "scores": {"bm25": 3.0, "rerank": 0.5}}
    return Document(id="a_0", page_content=text, metadata=metadata)


def quote(text: str, needle: str) -> str:
    at = text.index(needle)
    first, last = sentence_around(text, at, at + len(needle))
    return text[first:last]


def test_the_whole_sentence_is_quoted() -> None:
    assert quote(TEXT, "1642 м") == "Глубина — 1642 м, А. С. Пушкин тут ни при чём."
    assert quote(TEXT, "Третье") == "Третье!"
    assert quote(TEXT, "предложение. Глубина") == TEXT[: TEXT.index(" Третье")]


def test_a_long_sentence_is_cut_at_words_around_the_answer() -> None:
    text = "слово " * 300 + "ответ " + "слово " * 300
    cut = quote(text, "ответ")
    assert len(cut) <= MAX_QUOTE
    assert "ответ" in cut
    assert set(cut.split()) == {"слово", "ответ"}


@given(st.text(alphabet="аб. \n!", min_size=1, max_size=1500), st.data())
def test_a_quote_always_holds_its_answer(text: str, data) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    first, last = sentence_around(text, start, end)
    assert 0 <= first <= start < end <= last <= len(text)
    assert last - first <= max(MAX_QUOTE, end - start)


def test_offsets_are_of_the_source() -> None:
    at = TEXT.index("1642")
    [citation] = cite([Evidence("a_0", at, at + 6)], [chunk()])
    assert (citation.start, citation.end) == (100 + TEXT.index("Глубина"), 100 + TEXT.index(" Третье"))
    assert citation.quote[citation.answer_start : citation.answer_end] == "1642 м"
    assert citation.score == final_score(chunk()) == 0.5


def test_one_sentence_is_quoted_once_and_foreign_evidence_is_an_error() -> None:
    at = TEXT.index("Глубина")
    spans = [Evidence("a_0", at, at + 7), Evidence("a_0", at + 10, at + 14)]
    assert len(cite(spans, [chunk()])) == 1
    for bad in (Evidence("b_0", 0, 1), Evidence("a_0", 5, 5), Evidence("a_0", 0, len(TEXT) + 1)):
        with pytest.raises(ValueError, match="does not lie in the chunks read"):
            cite([bad], [chunk()])
