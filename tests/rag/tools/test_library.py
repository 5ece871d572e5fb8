"""Searching and reading as a tool does it, over real articles."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.tools.bounds import MAX_LENGTH, MAX_PASSAGES, MIN_LENGTH
from rag.tools.library import RefusedCallError, page_end
from tests.rag.tools.samples import HOSTILE


def test_the_passage_that_answers_comes_first(library) -> None:
    found = library.search("Какова наибольшая глубина Байкала?", k=3)
    assert len(found) == 3
    assert found[0].metadata["doc_id"] == "baikal"
    assert "1642 м" in found[0].page_content
    assert "cross_encoder" in found[0].metadata["scores"]


@pytest.mark.parametrize(("asked", "given"), [(-3, 1), (0, 1), (2, 2), (10_000, MAX_PASSAGES)])
def test_the_number_of_passages_is_clamped(library, index, asked: int, given: int) -> None:
    assert len(library.search("озеро", k=asked)) == min(given, len(index.chunks))


@pytest.mark.parametrize("query", ["", "  ", "!?", "7"])
def test_a_query_without_a_word_is_refused(library, query: str) -> None:
    with pytest.raises(RefusedCallError, match="нет ни одного слова"):
        library.search(query)


def test_an_endless_query_is_refused_with_its_length(library) -> None:
    with pytest.raises(RefusedCallError, match="4999 знаков слишком велик, можно до 2000"):
        library.search("слово " * 833 + "а")


def test_pages_make_up_the_document(library, index) -> None:
    pages, offset = [], 0
    while offset is not None:
        page = library.read("baikal", offset, 500)
        assert page.text == index.chunks.text_of("baikal")[page.start : page.end]
        assert len(page.text) <= 500
        pages.append(page)
        offset = page.next_offset
    assert "".join(page.text for page in pages) == index.chunks.text_of("baikal")
    assert len(pages) == 5
    assert all(page.text.endswith(("\n", " ")) for page in pages[:-1])  # no word is cut


@pytest.mark.parametrize(("asked", "longest"), [(-5, MIN_LENGTH), (1, MIN_LENGTH), (10**9, MAX_LENGTH)])
def test_the_length_of_a_page_is_clamped(library, asked: int, longest: int) -> None:
    page = library.read("baikal", 0, asked)
    assert len(page.text) == min(page.length, len(page.text))
    assert len(page.text) <= longest


@pytest.mark.parametrize(
    ("doc_id", "offset", "message"),
    [
        ("baikal", -1, r"не может быть отрицательным \(-1\)"),
        ("baikal", 10**6, "места 1000000 в нём нет"),
        ("нет такого", 0, "Документа «нет такого» в собрании нет"),
        ("", 0, "Документа «» в собрании нет"),
        ("baikal_1", 0, "Передай doc_id=baikal, offset=326"),
        ("я" * 5000, 0, "я…» в собрании нет"),
    ],
)
def test_a_place_that_is_not_there_is_refused(library, doc_id: str, offset: int, message: str) -> None:
    with pytest.raises(RefusedCallError, match=message) as refused:
        library.read(doc_id, offset)
    assert len(str(refused.value)) < 300


@pytest.mark.parametrize("copied", ["baikal", "«baikal»", '"baikal"', " baikal "])
def test_an_id_may_come_back_in_quotes(library, copied: str) -> None:
    assert library.read(copied).doc_id == "baikal"


def test_an_id_is_found_as_it_was_shown(library) -> None:
    assert library.read("зло<1> было").doc_id == HOSTILE.doc_id


def test_threads_share_a_library(library) -> None:
    found: list[str] = []

    def search(query: str) -> None:
        found.append(library.search(query, k=1)[0].metadata["doc_id"])

    threads = [threading.Thread(target=search, args=(query,)) for query in ("глубина Байкала", "исток Ангары") * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == ["angara"] * 3 + ["baikal"] * 3


@pytest.mark.parametrize(
    ("text", "length", "page"),
    [
        ("Первый абзац.\n\nВторой абзац длиннее.", 18, "Первый абзац.\n\n"),
        ("Волга впадает в море. Длина реки 3530 км.", 25, "Волга впадает в море. "),
        ("Одно предложение без конца и края", 20, "Одно предложение "),
        ("Неразрывноеслово", 10, "Неразрывно"),
        ("Коротко.", 200, "Коротко."),
    ],
)
def test_a_page_ends_at_the_best_place_near_its_end(text: str, length: int, page: str) -> None:
    assert text[: page_end(text, 0, length)] == page


@given(st.text(alphabet="аб .\n!»", max_size=300), st.integers(1, 60))
def test_pages_always_go_on_and_lose_nothing(text: str, length: int) -> None:
    start, pages = 0, []
    while start < len(text):
        end = page_end(text, start, length)
        assert start < end <= start + length
        pages.append(text[start:end])
        start = end
    assert "".join(pages) == text
