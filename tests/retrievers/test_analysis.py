from __future__ import annotations

import itertools
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrievers import analysis
from retrievers.analysis import (
    Analyzer,
    TermForm,
    fold,
    fold_with_offsets,
    lemma,
    lemmas,
    stem,
    stop_words,
    tokenize,
    visible_with_offsets,
    words,
)

ANY_TEXT = st.text() | st.text("аёЁйЙиИ\u0306\u0308\u0301\u00ad\u00a0 -—«»“'1,.İßǅ²\ud800", max_size=40)


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("Ёлка", "елка"),
        ("Но\u0301вая Ёлка", "новая елка"),
        ("Е\u0308лка", "елка"),  # ё spelt as a letter and two dots
        ("Бай\u00adкал", "байкал"),
        ("\ufeffМосква\u200b", "москва"),
        ("русскии\u0306", "русский"),  # й spelt as a letter and a breve
        ("И\u0306од", "йод"),
        ("1\u00a0642\u202fм", "1 642 м"),
        ("Ростов\u2011на\u2010Дону", "ростов-на-дону"),
        ("1941–1945", "1941—1945"),
        ("«Война и мир» „Idiot“", '"война и мир" "idiot"'),
        ("д’Арк", "д'арк"),
        ("Café Zürich", "cafe zurich"),
        ("İstanbul", "istanbul"),
        ("", ""),
        ("🦄", "🦄"),
    ],
)
def test_fold(text, folded) -> None:
    assert fold(text) == folded


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Какова глубина Байкала?", ["какова", "глубина", "байкала"]),
        ("1 642 м", ["1642", "м"]),
        ("1\u00a0642 м", ["1642", "м"]),
        ("31 722 тыс.", ["31722", "тыс"]),
        ("в 1941 году 5 мая", ["в", "1941", "году", "5", "мая"]),
        ("4,5 млрд", ["4.5", "млрд"]),
        ("4.5 млрд", ["4.5", "млрд"]),
        ("22.06.1941", ["22", "06", "1941"]),
        ("1, 2, 3", ["1", "2", "3"]),
        ("Санкт-Петербург", ["санкт", "петербург"]),
        ("Пётр I", ["петр", "i"]),
        ("C++ и snake_case", ["c", "и", "snake", "case"]),
        ("COVID-19", ["covid", "19"]),
        ("… — !", []),
        ("", []),
    ],
)
def test_words(text, expected) -> None:
    assert words(text) == expected


def test_tokens_point_into_the_source() -> None:
    text = "Озеро «Бай\u00adка\u0301л» — 1\u00a0642 м. Окно\u0301!"
    assert [(token.text, text[token.start : token.stop]) for token in tokenize(text)] == [
        ("озеро", "Озеро"),
        ("байкал", "Бай\u00adка\u0301л"),
        ("1642", "1\u00a0642"),
        ("м", "м"),
        ("окно", "Окно\u0301"),
    ]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("байкала", "байкал"),
        ("озера", "озеро"),
        ("шли", "идти"),
        ("детей", "ребенок"),
        ("глубочайшее", "глубокий"),
        ("еж", "еж"),
        ("ежа", "еж"),
        ("пушкина", "пушкин"),
        ("достоевского", "достоевский"),
        ("эпишурели", "эпишурель"),
        ("1642", "1642"),
        ("windows", "windows"),
        ("", ""),
    ],
)
def test_lemma(word, expected) -> None:
    assert lemma(word) == expected


@pytest.mark.parametrize(
    "forms",
    [
        ["анна ахматова", "анны ахматовой", "анной ахматовой", "анну ахматову"],
        ["лев толстой", "льва толстого", "льву толстому"],
        ["нижний новгород", "нижнего новгорода", "нижнем новгороде"],
        ["ребёнок", "ребенка", "детям"],
        ["крупенин", "крупенина", "крупениным", "крупенину"],  # surnames the dictionary does not know
        ["федякин", "федякина", "федякиным"],
        ["шефнер", "шефнера", "шефнером"],
        ["лежандр", "лежандра", "лежандру"],
    ],
)
def test_forms_of_a_word_have_one_lemma(forms) -> None:
    assert len({tuple(lemmas(form)) for form in forms}) == 1


def test_stems() -> None:
    assert {stem(word) for word in ("озеро", "озера", "озером")} == {"озер"}
    assert stem("1642") == "1642"


def test_stems_are_the_same_in_many_threads(monkeypatch) -> None:
    forms = ["озерами", "глубочайшего", "переименованиями", "путешественниками"] * 500
    expected = [stem.__wrapped__(form) for form in forms]
    results: list[list[str]] = []
    threads = [
        threading.Thread(target=lambda: results.append([stem.__wrapped__(form) for form in forms])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [expected] * 4


def test_stop_words_are_folded_and_hold_question_words() -> None:
    assert all(fold(word) == word for word in stop_words())
    assert {"кто", "где", "сколько", "и", "ее"} <= stop_words()
    assert not stop_words() & {"первый", "год", "человек", "написать", "столица"}


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("Кто написал роман «Война и мир»?", TermForm.LEMMA, ["написать", "роман", "война", "мир"]),
        ("В каком году основан Санкт-Петербург?", TermForm.LEMMA, ["год", "основать", "санкт", "петербург"]),
        ("Глубокие озёра", TermForm.STEM, ["глубок", "озер"]),
        ("Глубокие озёра", TermForm.WORD, ["глубокие", "озера"]),
        ("Кто протестовал?", TermForm.LEMMA_AND_STEM, ["протестовать", "протестова*"]),
        ("Кто они?", TermForm.LEMMA_AND_STEM, ["кто", "кто*", "они", "он*"]),
        ("Кто они?", TermForm.LEMMA, ["кто", "они"]),  # nothing but stop words: they stay
        ("", TermForm.LEMMA, []),
    ],
)
def test_analyzer(text, form, expected) -> None:
    assert Analyzer(form=form)(text) == expected


def test_analyzer_keeps_stop_words_on_request() -> None:
    assert Analyzer(stop=False)("Кто написал?") == ["кто", "написать"]


@given(ANY_TEXT)
def test_words_and_tokens_agree(text) -> None:
    tokens = tokenize(text)
    assert words(text) == [token.text for token in tokens]
    assert all(0 <= token.start < token.stop <= len(text) for token in tokens)
    assert all(left.stop <= right.start for left, right in itertools.pairwise(tokens))
    for token in tokens:
        assert words(text[token.start : token.stop]) == [token.text]


@given(ANY_TEXT)
def test_folding_twice_changes_nothing(text) -> None:
    assert fold(fold(text)) == fold(text)


@given(ANY_TEXT)
def test_offsets_of_folded_characters(text) -> None:
    folded, offsets = fold_with_offsets(text)
    assert folded == fold(text)
    assert len(offsets) == len(folded) + 1
    assert offsets[-1] == len(text)
    assert all(left < right for left, right in itertools.pairwise(offsets))


@pytest.mark.parametrize(
    ("text", "visible"),
    [
        ("Озеро Бай\u00adка\u0301л", "Озеро Байкал"),
        ("Е\u0308лка и Ё\u0301ж", "Ёлка и Ёж"),
        ("и\u0306од, И\u0306од", "йод, Йод"),
        ("«Ростов\u2011на\u2011Дону»\u00a0— 1\u202f000", "«Ростов-на-Дону» — 1 000"),
        ("", ""),
    ],
)
def test_visible_text_keeps_case_and_quotes(text, visible) -> None:
    assert visible_with_offsets(text)[0] == visible


@given(ANY_TEXT)
def test_offsets_of_visible_characters(text) -> None:
    visible, offsets = visible_with_offsets(text)
    assert fold(visible) == fold(text)
    assert len(offsets) == len(visible) + 1
    assert offsets[-1] == len(text)
    assert all(left < right for left, right in itertools.pairwise(offsets))
    assert visible_with_offsets(visible)[0] == visible


@given(ANY_TEXT)
def test_every_form_reads_any_text(text) -> None:
    for form, stop in itertools.product(TermForm, (True, False)):
        assert all(Analyzer(form=form, stop=stop)(text))


def test_lemmas_are_cached() -> None:
    lemma("кэшированными")
    hits = analysis.lemma.cache_info().hits
    lemma("кэшированными")
    assert analysis.lemma.cache_info().hits == hits + 1
