from __future__ import annotations

import time

import razdel
from hypothesis import given
from hypothesis import strategies as st

from retrievers.sentences import sentence_spans

# What razdel's rules look at: sentence ends, abbreviations, initials, quotes, brackets, bullets, smiles, dashes.
# fmt: off
PIECES = st.sampled_from([
    "А.", " С.", " Пушкин", " родился", " в", " 1799", " г.", " т.", " е.", " Он", " писал", "!", "?", "…", " «Да»",
    "»", '"', " (", ")", ":)", ";", " —", "-", "\n", "  ", "\t", "1.", " а)", " IV.", " им.", " руб.", "\u00a0", ".",
])
# fmt: on
TEXTS = st.lists(PIECES, max_size=40).map("".join) | st.text(max_size=60)


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in sentence_spans(text)]


def test_abbreviations_and_initials_do_not_end_a_sentence():
    assert sentences("А. С. Пушкин родился в 1799 г. в Москве. Он писал стихи! Правда?") == [
        "А. С. Пушкин родился в 1799 г. в Москве.",
        "Он писал стихи!",
        "Правда?",
    ]


def test_offsets_count_from_the_whole_text():
    text = "Пропуск. Первое.  Второе."
    assert [text[start:end] for start, end in sentence_spans(text, 8, len(text))] == ["Первое.", "Второе."]


def test_blank_text_has_no_sentences():
    assert sentence_spans("") == []
    assert sentence_spans(" \n ") == []


@given(TEXTS)
def test_same_sentences_as_razdel(text: str):
    expected = [(found.start, found.stop) for found in razdel.sentenize(text) if found.text]
    assert sentence_spans(text) == expected


def test_a_long_text_without_a_sentence_end_takes_linear_time():
    started = time.process_time()
    assert len(sentence_spans(") " * 200_000)) == 1
    assert time.process_time() - started < 20  # razdel itself: minutes
