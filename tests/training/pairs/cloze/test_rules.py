"""Sentences and the questions the rules make of them."""

from __future__ import annotations

import pytest

from training.pairs.cloze.generate import ClozeOptions, cloze_pairs, is_plain_sentence
from training.pairs.corpus import Passage

_ALL = ClozeOptions(per_sentence=20, reworded=0.0, phrases=1.0)


def asked(text: str, title: str = "Заметка") -> dict[str, set[str]]:
    """Question to its answers, over all choices that the seed leaves open."""
    found: dict[str, set[str]] = {}
    for seed in range(12):
        options = ClozeOptions(seed=seed, per_sentence=20, reworded=0.0, phrases=1.0)
        for example in cloze_pairs([Passage("1", title, text)], options):
            found.setdefault(example.question, set()).add(example.answers[0])
    return found


OBLOMOV = "Роман „Обломов“ написал Иван Гончаров в 1859 году."


BERING = "Экспедиция Беринга вернулась из Японии в августе 1739 года."
KAPITSA = "Пётр Капица работал в Кембридже с 1921 года."
BAIKAL = "Озеро Байкал содержит 23 тысячи кубических километров воды."


@pytest.mark.parametrize(
    ("text", "question", "answer"),
    [
        (OBLOMOV, "Кто написал роман „Обломов“ в 1859 году?", "Иван Гончаров"),
        (OBLOMOV, "В каком году Иван Гончаров написал роман „Обломов“?", "1859 году"),
        (OBLOMOV, "Когда Иван Гончаров написал роман „Обломов“?", "1859 году"),
        (OBLOMOV, "Какой роман написал Иван Гончаров в 1859 году?", "Обломов"),
        (KAPITSA, "С какого года работал Пётр Капица в Кембридже?", "1921 года"),
        (BERING, "Откуда вернулась экспедиция Беринга в августе 1739 года?", "Японии"),
        (BERING, "Из какой страны вернулась экспедиция Беринга в августе 1739 года?", "Японии"),
        (BERING, "Когда вернулась экспедиция Беринга из Японии?", "августе 1739 года"),
        (BERING, "В каком году вернулась экспедиция Беринга из Японии?", "1739"),
        ("Суворов познакомился с Потёмкиным в Яссах.", "С кем Суворов познакомился в Яссах?", "Потёмкиным"),
        ("Средняя глубина Байкала составляет 744 метра.", "Какова средняя глубина Байкала?", "744 метра"),
        (BAIKAL, "Сколько кубических километров воды содержит озеро Байкал?", "23 тысячи"),
    ],
)
def test_question_and_answer(text: str, question: str, answer: str) -> None:
    found = asked(text)
    assert answer in found.get(question, set()), found


def test_a_pronoun_and_a_missing_subject_become_the_title() -> None:
    found = asked(
        "Ксения Собчак родилась в Ленинграде. Она стала телеведущей в 2004 году. В 2013 году вышла замуж за актёра.",
        title="Ксения Анатольевна Собчак",
    )
    answers = {
        question: answer for question, answer in found.items() if "телеведущей" in question and "году" in question
    }
    assert answers
    assert all("Собчак" in question for question in answers)
    assert set().union(*answers.values()) >= {"2004 году"}


def test_another_subject_ends_the_topic() -> None:
    about_her = asked("Ксения Собчак живёт в Москве. Работала на телевидении с 2004 года.", "Ксения Собчак")
    about_another = asked("Мария Шарапова живёт в Москве. Работала на телевидении с 2004 года.", "Ксения Собчак")
    assert any("телевидении" in question for question in about_her)
    assert not any("телевидении" in question for question in about_another)


@pytest.mark.parametrize(
    "text",
    [
        "В этом городе он написал свой первый роман в 1859 году.",  # who, which city?
        "Здесь в 1859 году открыли завод.",
        "Иван Гончаров, Иван Тургенев и Лев Толстой.",  # no predicate
    ],
)
def test_sentences_that_point_outside_make_no_question(text: str) -> None:
    assert not asked(text)


def test_a_definition() -> None:
    text = "Байкал — глубочайшее озеро планеты, резервуар пресной воды."
    assert asked(text, "Байкал")["Что такое Байкал?"] == {"глубочайшее озеро планеты"}


def test_brackets_and_side_clauses_stay_out() -> None:
    text = "Владимир Набоков (псевдоним Сирин), который жил тогда в Берлине, издал роман «Дар» в 1938 году."
    for question in asked(text):
        assert "Сирин" not in question
        assert "который" not in question


def test_the_answer_is_not_given_away() -> None:
    for question, answers in asked("Гончаров любил Гончарова из журнала „Гончаров“ в 1859 году.").items():
        assert not any(answer in question for answer in answers)


def test_offsets_count_stress_marks() -> None:
    text = "Ива́н Гончаро́в роди́лся в Симби́рске в 1812 году́."
    examples = list(cloze_pairs([Passage("1", "Обломов", text)], _ALL))
    people = [example for example in examples if example.source == "cloze:person"]
    assert people
    assert text[people[0].answer_start :].startswith("Ива́н Гончаро́в")


def test_the_same_seed_makes_the_same_questions() -> None:
    passages = [Passage("1", "Обломов", OBLOMOV), Passage("2", "Байкал", "Байкал находится в России с 1991 года.")]
    first, again = (list(cloze_pairs(passages, ClozeOptions(seed=3))) for _ in range(2))
    assert first == again != []


def test_a_limit_on_each_sentence() -> None:
    assert len(list(cloze_pairs([Passage("1", "Обломов", OBLOMOV)], ClozeOptions(per_sentence=1)))) == 1


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        (OBLOMOV, True),
        ("== Раздел ==", False),
        ("f(x) = 2x + 1 при x > 0 и так далее для всех x.", False),
        ("Слишком коротко.", False),
        ("со строчной буквы предложения начинаются только в списках.", False),
    ],
)
def test_plain_sentences(text: str, plain: bool) -> None:
    assert is_plain_sentence(text) is plain
