from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from generators.base import NO_ANSWER
from generators.refusals import is_refusal
from generators.transcript import Transcript, cited_numbers


def read(text: str) -> tuple[str, list[int]]:
    transcript = Transcript()
    parts = transcript.feed(text) + transcript.close()
    assert parts == transcript.text
    return transcript.text, transcript.cited


@pytest.mark.parametrize(
    ("said", "text", "cited"),
    [
        ("Лев Толстой", "Лев Толстой", []),
        ("Лев Толстой [1]", "Лев Толстой", [1]),
        ("Лев Толстой [1].", "Лев Толстой.", [1]),
        ("Лев Толстой[2]", "Лев Толстой", [2]),
        ("Лев Толстой [1, 3]", "Лев Толстой", [1, 3]),
        ("Лев Толстой [1; 3 и 4]", "Лев Толстой", [1, 3, 4]),
        ("Лев Толстой [1-3]", "Лев Толстой", [1, 2, 3]),
        ("Лев Толстой [1–3], [5]", "Лев Толстой,", [1, 2, 3, 5]),
        ("Лев [2] Толстой [1][2]", "Лев Толстой", [2, 1]),
        ("В 1869 году [документ 2], в Москве [Источник 3].", "В 1869 году, в Москве.", [2, 3]),
        ("Лев Толстой 【4】", "Лев Толстой", [4]),
        ("Лев Толстой [1", "Лев Толстой", []),
        ("Лев Толстой [", "Лев Толстой", []),
        ("массив a[x] и [см. далее]", "массив a[x] и [см. далее]", []),
        ("[1812] год и [0]", "[1812] год и [0]", []),
        ("Ответ: Лев Толстой [1]", "Лев Толстой", [1]),
        ("**Ответ:** Лев Толстой", "Лев Толстой", []),
        ("Короткий ответ: 5", "5", []),
        ("Ответственный редактор", "Ответственный редактор", []),
        ("  \n Лев Толстой \n", "Лев Толстой", []),
        ("<think>в [3] сказано…</think>\n\nЛев Толстой [1]", "Лев Толстой", [1]),
        ("<THINK>хм</Think>да", "да", []),
        ("<think>не успел договорить [1]", "", []),
        ("<thing>2 < 3</thing>", "<thing>2 < 3</thing>", []),
        ("1642 м[1]\n(данные 2002 года)", "1642 м\n(данные 2002 года)", [1]),
        ("", "", []),
    ],
)
def test_texts(said, text, cited) -> None:
    assert read(said) == (text, cited)


@pytest.mark.parametrize(
    "said",
    [
        "В документах нет ответа на этот вопрос",
        "В документах нет ответа на этот вопрос. [1]",
        "в документах нет ответа на этот вопрос, но возможно, что это Москва [2]",
        "Нет ответа в документах.",
        "Ответ: Ответа на этот вопрос в документах нет.",
        "«В предоставленных документах нет информации о возрасте актёра.»",
        "В тексте не указано, кто построил мост.",
        "Ответ на этот вопрос отсутствует в документах.",
        "Информация о дате рождения в документах отсутствует",
        "Документы не содержат ответа на этот вопрос.",
        "К сожалению, в документах нет ответа.",
        "Я не могу ответить на этот вопрос по этим документам.",
        "Не указано",
        "Нет данных",
        "Невозможно определить",
        "Неизвестно.",
        "<think>документы о другом</think>В документах ответа нет",
    ],
)
def test_refusals_become_one(said) -> None:
    assert read(said) == (NO_ANSWER, [])


@pytest.mark.parametrize(
    "said",
    [
        "Нет, в 1812 году",
        "Нет",
        "Неизвестный солдат",
        "Информация",
        "Данные методы не применялись до 1950 года",
        "Документы подписаны в 1990 году",
        "Текст гимна написал Сергей Михалков",
        "В тексте «Слова о полку Игореве»",
        "В документах 1147 года",
        "Не более пяти человек",
        "Не Москва, а Петербург",
        "Никто",
        "Ответ дал Эйнштейн",
    ],
)
def test_answers_that_look_like_refusals(said) -> None:
    assert not is_refusal(said)
    assert read(said)[0] == said


def test_numbers_of_a_marker() -> None:
    assert cited_numbers("[1, 3-5]") == [1, 3, 4, 5]
    assert cited_numbers("[1-999]") == [1, 999]
    assert cited_numbers("[5-3]") == [5, 3]


PIECES = st.sampled_from(
    [
        *"[]1234 ,-–.;\n<>/*:【】",
        "Лев", "Толстой", "документ", "Ответ", "Ответ:", "короткий", "<think>", "</think>", "<thi", "ink>", "[1]",
        " [2]", "[1, 3]", "[1-2]", "[документ 2]", "в документах", " нет ", "ответа", "не указано", "**", "  ",
    ]
)  # fmt: skip


@settings(deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join), st.lists(st.integers(0, 300), max_size=12))
@example("Ответ:** да", [6, 7, 8])
@example("Лев [1", [5])
@example("<thi<think>a</think", [4])
def test_the_sum_does_not_depend_on_the_cuts(said: str, cuts: list[int]) -> None:
    whole = read(said)
    places = [0, *sorted(cut for cut in cuts if cut <= len(said)), len(said)]
    transcript = Transcript()
    parts = [transcript.feed(said[start:end]) for start, end in itertools.pairwise(places)]
    parts.append(transcript.close())
    assert ("".join(parts), transcript.cited) == whole
    by_letter = Transcript()
    assert "".join([by_letter.feed(letter) for letter in said] + [by_letter.close()]) == whole[0]


def test_a_long_text_flows_before_its_end() -> None:
    transcript = Transcript()
    said = "Байкал — самое глубокое озеро на Земле [1]. " * 10
    first = transcript.feed(said)
    assert len(first) > 200
    assert "[" not in first
