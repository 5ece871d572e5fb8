from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retrievers.span_reader.windows import splits_word
from training.examples import Example
from training.reading.places import Match, answer_places


def places(passage: str, *answers: str, start: int | None = None) -> tuple[list[str], Match | None]:
    found, match = answer_places(Example(question="Что?", passage=passage, answers=answers, answer_start=start))
    return [passage[first:last] for first, last in found], match


@pytest.mark.parametrize(
    ("passage", "answers", "words", "match"),
    [
        ("Дон течёт мимо Донской станицы: тихий Дон.", ["Дон"], ["Дон", "Дон"], Match.EXACT),
        ("Глубина 1642 м.", ["1642 метра", "1642 м", "1642"], ["1642", "1642 м"], Match.EXACT),
        ("Комедия «Ревизор», тысячи Ёлок.", ["ёлок"], ["Ёлок"], Match.FOLDED),
        ("В Кале\u0301вале сказано.", ["калевале"], ["Кале\u0301вале"], Match.FOLDED),
        ("Площадь 31 722 км².", ["31722"], ["31 722"], Match.FOLDED),
        ("Роман написан Львом Толстым.", ["Лев Толстой"], ["Львом Толстым"], Match.LEMMA),
        ("Роман написан Львом Толстым.", ["Чехов"], [], None),
        ("Роман написан.", ["?"], [], None),
    ],
)
def test_the_closest_wording_wins(passage, answers, words, match) -> None:
    found, how = places(passage, *answers)
    assert (sorted(found), how) == (sorted(words), match)


def test_a_given_place_is_the_only_one() -> None:
    assert places("Дон и Дон", "Дон", start=6) == (["Дон"], Match.GIVEN)
    (span,), _ = answer_places(Example(question="Что?", passage="Дон и Дон", answers=("Дон",), answer_start=6))
    assert span == (6, 9)


def test_a_given_place_is_widened_to_whole_words() -> None:
    assert places("в 1994-м на Оке", "Ок", start=12) == (["Оке"], Match.GIVEN)


@settings(deadline=None)
@given(st.text(alphabet="абв А.\u0301-\n", min_size=1, max_size=40).filter(str.strip), st.data())
def test_any_stretch_of_whole_words_is_found_where_it_stands(passage, data) -> None:
    start = data.draw(st.integers(0, len(passage) - 1))
    stop = data.draw(st.integers(start + 1, len(passage)))
    answer = passage[start:stop]
    if not answer.strip() or answer != answer.strip() or splits_word(passage, start) or splits_word(passage, stop):
        return
    found, match = answer_places(Example(question="Что?", passage=passage, answers=(answer,)))
    assert (start, stop) in found
    assert match is Match.EXACT
