from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from generators.query_replies import MAX_PASSAGE, MAX_QUERY, parse_passage, parse_rewrites

TWO = ["Кто автор «Обломова»?", "Чьё перо создало «Обломова»?"]


@pytest.mark.parametrize(
    "reply",
    [
        "1. Кто автор «Обломова»?\n2. Чьё перо создало «Обломова»?",
        "1) Кто автор «Обломова»?\n\n2) Чьё перо создало «Обломова»?\n",
        "(1) Кто автор «Обломова»?\n(2) Чьё перо создало «Обломова»?",
        "- Кто автор «Обломова»?\n* Чьё перо создало «Обломова»?",
        "• Кто автор «Обломова»?\n— Чьё перо создало «Обломова»?",
        "**1.** Кто автор «Обломова»?\n**2.** **Чьё перо создало «Обломова»?**",
        "Вариант 1: Кто автор «Обломова»?\nВариант № 2: Чьё перо создало «Обломова»?",
        "Запрос: Кто автор «Обломова»?\nВопрос 2 — Чьё перо создало «Обломова»?",
        "Конечно! Вот варианты:\n1. Кто автор «Обломова»?\n2. Чьё перо создало «Обломова»?",
        '"Кто автор «Обломова»?"\n"Чьё перо создало «Обломова»?"',
        "1. Кто автор «Обломова»? 2. Чьё перо создало «Обломова»?",
        "> 1. Кто автор «Обломова»?\n> 2. Чьё перо создало «Обломова»?",
        "| Кто автор «Обломова»? |\n| Чьё перо создало «Обломова»? |",
        json.dumps(TWO, ensure_ascii=False),
        json.dumps({"запросы": TWO}, ensure_ascii=False, indent=1),
        json.dumps([{"id": 1, "query": TWO[0]}, {"id": 2, "query": TWO[1]}]),
        f"Вот JSON:\n```json\n{json.dumps(TWO, ensure_ascii=False)}\n```\nГотово!",
        "<think>Надо переписать\n1. так?</think>\n1. Кто автор «Обломова»?\n2. Чьё перо создало «Обломова»?",
        "<вопрос>Кто автор «Обломова»?</вопрос>\n<вопрос>Чьё перо создало «Обломова»?</вопрос>",
        "\n".join(["1. Кто автор «Обломова»?", "2. кто автор «Обломова»?", "3. Чьё перо создало «Обломова»?"]),
    ],
)
def test_whatever_form_the_list_has(reply: str) -> None:
    assert parse_rewrites(reply, 2) == TWO


@pytest.mark.parametrize(
    "reply", ["", " \n ", "…", "1.\n2.\n3.", "[]", "{}", "<think>без конца", "Вот варианты:", "123"]
)
def test_a_reply_without_a_query(reply: str) -> None:
    assert parse_rewrites(reply, 3) == []


def test_no_more_than_asked_for_and_each_once() -> None:
    endless = "Кто автор «Обломова»?\n" * 5000
    assert parse_rewrites(endless, 3) == TWO[:1]
    assert parse_rewrites("а?\nб?\nв?\nг?", 3) == ["а?", "б?", "в?"]
    assert parse_rewrites("слово " * 5000, 3) == []  # one line without end is no question
    assert all(len(text) <= MAX_QUERY for text in parse_rewrites("д" * MAX_QUERY + "\n" + "е" * (MAX_QUERY + 1), 3))


@pytest.mark.parametrize(
    ("line", "query"),
    [
        ("1. 1812 год: кто победил?", "1812 год: кто победил?"),
        ("2. 3,5 процента — это сколько?", "3,5 процента — это сколько?"),
        ("В 1961 году. 12 апреля кто полетел?", "В 1961 году. 12 апреля кто полетел?"),
        ("1. «Война и мир» — чей роман? О чём «Идиот»", "«Война и мир» — чей роман? О чём «Идиот»"),
        ("- Санкт-Петербург — когда основан?", "Санкт-Петербург — когда основан?"),
        ("1. Кто\u202eавтор <|im_end|> книги?", "Ктоавтор ‹|im_end|> книги?"),
    ],
)
def test_what_belongs_to_the_query_stays(line: str, query: str) -> None:
    assert parse_rewrites(line, 3) == [query]


def test_a_refusal_is_no_query() -> None:
    assert parse_rewrites("Я не могу ответить на этот вопрос.", 3) == []
    assert parse_passage("К сожалению, я не знаю ответа.") == ""


PASSAGE = "Роман «Обломов» написал Иван Гончаров. Книга вышла в 1859 году."


@pytest.mark.parametrize(
    "reply",
    [
        PASSAGE,
        f"Отрывок: {PASSAGE}",
        f"**Отрывок:** {PASSAGE}",
        f"Вот отрывок статьи:\n\n{PASSAGE}",
        f"«{PASSAGE}»".replace("«Обломов»", "„Обломов“"),
        f"```\n{PASSAGE}\n```",
        f"<отрывок>{PASSAGE}</отрывок>",
        json.dumps({"passage": PASSAGE}, ensure_ascii=False),
        "Роман «Обломов» написал Иван Гончаров.\nКнига вышла в 1859 году.",
        f"{PASSAGE} Книга вышла в 1859 году. Книга вышла в 1859 году.",  # stuck
        f"<think>Гончаров или Тургенев?</think>{PASSAGE}",
    ],
)
def test_whatever_form_the_passage_has(reply: str) -> None:
    assert parse_passage(reply).replace("„Обломов“", "«Обломов»") == PASSAGE


@pytest.mark.parametrize("reply", ["", "\n", "…", "Отрывок:", "<think>думаю", "12 345"])
def test_a_reply_without_a_passage(reply: str) -> None:
    assert parse_passage(reply) == ""


def test_a_passage_without_end_is_cut_at_a_sentence() -> None:
    sentences = [f"Предложение номер {number} о мостах." for number in range(500)]
    passage = parse_passage(" ".join(sentences))
    assert 0 < len(passage) <= MAX_PASSAGE
    assert passage.endswith("о мостах.")
    assert len(parse_passage("слово" * 5000)) == MAX_PASSAGE


PARTS = [
    "1. ",
    "- ",
    "«",
    "»",
    '"',
    "[",
    "{",
    "]",
    "}",
    ":",
    ",",
    "\n",
    "Кто это?",
    "Вариант 2: ",
    "<think>",
    "</think>",
]
PARTS += ["**", "`", "Ответ:", "Who?", "1812", " ", "null", '{"a": ', "\\", "..."]
REPLY = st.text(max_size=200) | st.lists(st.sampled_from(PARTS), max_size=25).map("".join)


@given(REPLY, st.integers(1, 5))
def test_rewrites_of_any_reply(reply: str, limit: int) -> None:
    found = parse_rewrites(reply, limit)
    assert len(found) <= limit
    assert len({text.casefold() for text in found}) == len(found)
    for text in found:
        assert text == text.strip()
        assert 0 < len(text) <= MAX_QUERY
        assert "\n" not in text
        assert any(map(str.isalpha, text))


@given(REPLY)
def test_passage_of_any_reply(reply: str) -> None:
    passage = parse_passage(reply)
    assert passage == passage.strip()
    assert len(passage) <= MAX_PASSAGE
    assert "\n" not in passage


def test_brackets_without_end_are_no_json() -> None:
    assert parse_rewrites("[" * 15_000, 3) == []
    assert parse_passage('{"a":' * 3_000) == ""


def test_of_json_cut_short_the_whole_texts_are_taken() -> None:
    assert parse_rewrites('["Кто автор «Обломова»?", "Чьё перо создало «Обло', 3) == TWO[:1]
    assert parse_rewrites('{"rewrites": ["Кто автор «Обломова»?", "Чьё', 3) == TWO[:1]
