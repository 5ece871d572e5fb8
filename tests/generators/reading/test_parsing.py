from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.reading.parsing import acyclic, clean, parse, rarity, similarity


def test_clean_drops_stress_marks_and_keeps_й_and_offsets() -> None:
    text = "Кале\u0301 и\u0306од\u00ad!"
    cleaned, offsets = clean(text)
    assert cleaned == "Кале и\u0306од!"
    assert [text[at] for at in offsets[:-1]] == list(cleaned)
    assert offsets[-1] == len(text)


def test_words_point_into_the_source_past_stress_marks() -> None:
    text = "Па-де-Кале\u0301 — пролив."
    word = parse(text).sentences[0].words[0]
    assert word.text == "Па-де-Кале"
    assert text[word.start : word.stop] == "Па-де-Кале\u0301"


def test_lines_end_sentences() -> None:
    assert [len(sentence.words) for sentence in parse("Первый пункт\nВторой\n\nТретий").sentences] == [2, 1, 1]


def test_names_are_found_with_their_types() -> None:
    text = "Иван Гончаров родился в Симбирске."
    assert [(text[n.start : n.stop], n.type) for n in parse(text).names] == [
        ("Иван Гончаров", "PER"),
        ("Симбирске", "LOC"),
    ]


@pytest.mark.parametrize("text", ["", " ", "\n\n", "\u0301", "\u200b"])
def test_a_text_without_words_has_no_sentences(text: str) -> None:
    assert parse(text).sentences == ()


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([], []),
        ([0], [-1]),
        ([1, 2, 0], [1, 2, -1]),
        ([-1, 0, 1], [-1, 0, 1]),
        ([5, 0], [-1, 0]),
        ([1, 0, 0, 2], [1, -1, 0, 2]),
    ],
)
def test_acyclic(heads: list[int], expected: list[int]) -> None:
    assert acyclic(heads) == expected


@given(st.lists(st.integers(-2, 12), max_size=10))
def test_acyclic_heads_lead_to_a_root(heads: list[int]) -> None:
    result = acyclic(heads)
    for start in range(len(result)):
        at, steps = start, 0
        while at >= 0:
            at, steps = result[at], steps + 1
            assert steps <= len(result)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="абвйё\u0301\u00ad \n.,«»()—-012ABc%", max_size=60))
def test_offsets_rise_and_stay_inside(text: str) -> None:
    position = 0
    for sentence in parse(text).sentences:
        for word in sentence.words:
            assert position <= word.start < word.stop <= len(text)
            position = word.stop


def test_rare_words_weigh_more_than_common_ones() -> None:
    assert rarity("год") < rarity("роман") < rarity("кибернетика")


def test_similarity_knows_equal_near_and_unknown_words() -> None:
    assert similarity("щщщы", "щщщы") == 1.0
    assert similarity("щщщы", "роман") == 0.0
    assert similarity("роман", "повесть") > similarity("роман", "температура")
