from __future__ import annotations

import random

import pytest

from generators.reading.parsing import parse
from training.pairs.cloze.forms import agreeing, gender_of, group_in_case, in_number, noun_form
from training.pairs.cloze.rules import rules
from training.pairs.cloze.wording import reworded, synonym_form


def words(text: str):
    return parse(text).sentences[0].words


@pytest.mark.parametrize(
    ("noun", "case", "form"),
    [
        ("страна", "Loc", ("стране", "femn")),
        ("город", "Gen", ("города", "masc")),
        ("озеро", "Ins", ("озером", "neut")),
    ],
)
def test_nouns_of_the_rules(noun: str, case: str, form: tuple[str, str]) -> None:
    assert noun_form(noun, case) == form


def test_unknown_nouns_and_cases_have_no_form() -> None:
    assert noun_form("город", "Par") is None


def test_which_agrees_with_animate_nouns() -> None:
    assert agreeing(rules().which, "masc", "Acc") == "какой"
    assert agreeing(rules().which, "masc", "Acc", animate=True) == "какого"
    assert agreeing(rules().whose, "femn", "Ins") == "чьей"


@pytest.mark.parametrize(
    ("sentence", "gender", "form"),
    [
        ("Повесть написала Анна.", "masc", "написал"),
        ("Песню написали братья.", "neut", "написало"),
        ("Город основан князем.", "femn", "основана"),
        ("Собаки бегают во дворе.", "masc", "бегает"),
    ],
)
def test_a_verb_agrees_with_the_question_word(sentence: str, gender: str, form: str) -> None:
    verb = next(word for word in words(sentence) if word.pos == "VERB")
    assert in_number(verb, gender) == form


@pytest.mark.parametrize(
    ("title", "genitive"),
    [
        ("Владивосток", "Владивостока"),
        ("Александр Сергеевич Пушкин", "Александра Сергеевича Пушкина"),
        ("Тихий океан", "Тихого океана"),
        ("Полтавская битва", "Полтавской битвы"),
    ],
)
def test_titles_in_the_genitive(title: str, genitive: str) -> None:
    assert group_in_case(words(title), "Gen") == genitive


def test_a_plural_is_a_key_of_its_own() -> None:
    assert gender_of(words("Русские войска наступают.")[1]) == "plur"


@pytest.mark.parametrize(
    ("sentence", "word", "synonym", "form"),
    [
        ("Жена была рядом.", "Жена", "супруга", "Супруга"),
        ("Завод был построен в Туле.", "построен", "возвести", "возведён"),
        ("Он умер в Москве.", "умер", "скончаться", "скончался"),
    ],
)
def test_synonyms_in_the_same_form(sentence: str, word: str, synonym: str, form: str) -> None:
    found = next(one for one in words(sentence) if one.text == word)
    assert synonym_form(found, synonym) == form


def test_a_noun_of_another_gender_is_no_synonym() -> None:
    assert synonym_form(words("Картина висит в зале.")[0], "портрет") is None


def test_names_and_quoted_titles_are_not_reworded() -> None:
    sentence = words("Писатель умер после фильма «Он умер».")
    assert set(reworded(sentence, {1}, random.Random(0), share=1.0)) == {3}
    assert set(reworded(sentence, set(), random.Random(0), share=1.0)) == {1, 3}
