from __future__ import annotations

import pytest

from generators.reading.parsing import find_names, parse
from training.pairs.cloze.answers import AnswerKind
from training.pairs.cloze.kinds import PlaceKinds


def words(text: str):
    return parse(text).sentences[0].words


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Франции", "страна"), ("Париже", "город"), ("Чёрное море", "море"), ("Тамбове", "город")],
)
def test_known_places_and_those_near_them(name: str, kind: str) -> None:
    assert PlaceKinds().kind_of(words(name), AnswerKind.PLACE) == kind


def test_what_nothing_tells_is_not_guessed() -> None:
    assert PlaceKinds().kind_of(words("Лопасня"), AnswerKind.PLACE) is None
    assert PlaceKinds().kind_of(words("Стрела"), AnswerKind.ORGANIZATION) is None


def test_a_corpus_tells() -> None:
    kinds = PlaceKinds()
    text = "Город стоит на реке Лопасне, ниже по реке Лопасне лежит мельница."
    kinds.learn(text, find_names([text])[0])
    assert kinds.kind_of(words("Лопасню"), AnswerKind.PLACE) == "река"
