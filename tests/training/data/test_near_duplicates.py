from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.errors import InputError
from training.data.near_duplicates import (
    NearPassages,
    NearTexts,
    containment,
    document_frequencies,
    jaccard,
    normal_form,
    shingles,
    terms_of,
)

# Few words, so that sets overlap; «в», «кто» and «какой» weigh a quarter.
TERMS = st.frozensets(st.sampled_from(["в", "кто", "какой", "год", "город", "река", "основать", "Томск"]), max_size=7)


@pytest.mark.parametrize(
    ("first", "second", "near"),
    [
        ("Какая самая высокая гора на Кавказе?", "Как называется самая высокая гора на Кавказе?", True),
        ("Какая высота Храма Христа Спасителя?", "Какой высоты Храм Христа Спасителя?", True),
        ("Когда США вступили в Первую мировую войну?", "Когда Италия вступила в Первую мировую войну?", False),
        ("В каком году основана компания Apple?", "В каком году основана компания Denso?", False),
        ("Куда впадает река Обь?", "Куда впадает река Енисей?", False),
        ("???", "???", False),
    ],
)
def test_questions_that_ask_the_same(first, second, near) -> None:
    known = NearTexts({})
    known.add(0, terms_of(first))
    assert (known.most_similar(terms_of(second)) is not None) is near


def test_similarity_by_hand() -> None:
    # common: высокий, гора (1 each), на (¼); all: Кавказ and Урал besides
    first, second = frozenset({"высокий", "гора", "на", "кавказ"}), frozenset({"высокий", "гора", "на", "урал"})
    assert jaccard(first, second) == pytest.approx(2.25 / 4.25)
    assert jaccard(frozenset(), frozenset()) == 0


@settings(deadline=None, max_examples=50)
@given(st.lists(TERMS, max_size=12), TERMS, st.sampled_from([0.3, 0.5, 0.7, 0.8, 1.0]))
def test_the_search_finds_what_comparing_all_with_all_finds(texts, wanted, threshold) -> None:
    known = NearTexts(document_frequencies(texts[::2]), threshold=threshold)
    for key, terms in enumerate(texts):
        known.add(key, terms)
    expected = [key for key, terms in enumerate(texts) if jaccard(wanted, terms) >= threshold - 1e-9]
    assert [match.key for match in known.similar(wanted)] == expected
    best = known.most_similar(wanted)
    assert (best.similarity if best else 0) == max((jaccard(wanted, texts[key]) for key in expected), default=0)


def test_a_passage_is_found_in_a_longer_one_and_the_other_way_round() -> None:
    page = "Байкал — озеро тектонического происхождения в южной части Восточной Сибири, глубочайшее озеро на планете."
    part = "озеро тектонического происхождения в южной части восточной сибири"
    known = NearPassages()
    known.add(3, shingles(page))
    match = known.most_similar(shingles(part))
    assert match is not None
    assert (match.key, match.similarity) == (3, 1.0)
    assert containment(shingles(page), shingles(part)) == 1.0
    assert known.most_similar(shingles("Глубочайшее озеро Африки — Танганьика, и оно тектоническое.")) is None


def test_texts_of_one_or_two_words_are_compared_as_a_whole() -> None:
    assert shingles("Да!") == {"да"}
    assert shingles("…") == frozenset()
    assert containment(shingles("да"), shingles("да нет")) == 0
    assert containment(frozenset(), frozenset()) == 0


def test_normal_form() -> None:
    assert normal_form("«Ёлка» Э. Гофмана") == normal_form("елка э гофмана")


@pytest.mark.parametrize("threshold", [0, -1, 1.01, float("nan")])
def test_a_threshold_is_a_share(threshold) -> None:
    with pytest.raises(InputError, match="similarity"):
        NearTexts({}, threshold=threshold)
