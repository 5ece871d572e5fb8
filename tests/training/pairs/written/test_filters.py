from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.examples import Example
from training.pairs.corpus import Passage
from training.pairs.written.filters import Refusal, example_of, is_russian, round_trip_f1
from training.pairs.written.replies import Reply
from training.pairs.written.requests import Request

TEXT = "Роман «Обломов» Иван Гончаров написал в 1859 году. Его напечатал журнал «Отечественные записки»."
PASSAGE = Passage("1", "Обломов", TEXT)


def reply(**fields: object) -> Reply:
    return Reply(key="k", text=json.dumps(fields, ensure_ascii=False))


def test_a_good_reply_becomes_an_example_with_its_place() -> None:
    made = example_of(Request(PASSAGE), reply(question="Кто написал роман «Обломов»?", answer="Иваном Гончаровым"))
    assert isinstance(made, Example)
    assert made.answers == ("Иван Гончаров",)  # as the passage words it
    assert made.answer_start == TEXT.index("Иван")
    assert made.source == "written:free"


def test_a_given_answer_stays_where_it_was() -> None:
    request = Request(PASSAGE, "1859 году", TEXT.index("1859"))
    made = example_of(request, reply(question="Когда вышел роман «Обломов»?"))
    assert isinstance(made, Example)
    assert (made.answers, made.answer_start, made.source) == (("1859 году",), TEXT.index("1859"), "written:span")


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({}, Refusal.UNREADABLE),
        ({"question": 5, "answer": "Иван Гончаров"}, Refusal.UNREADABLE),
        ({"question": "Who wrote «Обломов»?", "answer": "Иван Гончаров"}, Refusal.LANGUAGE),
        ({"question": "Расскажи о романе «Обломов».", "answer": "Иван Гончаров"}, Refusal.NO_QUESTION),
        ({"question": "«Обломов»?", "answer": "Иван Гончаров"}, Refusal.QUESTION_LENGTH),
        ({"question": "Кто написал роман «Обломов»?", "answer": "Лев Толстой"}, Refusal.NOT_IN_PASSAGE),
        ({"question": "Кто написал роман «Обломов»?", "answer": ""}, Refusal.ANSWER_LENGTH),
        ({"question": "Кто написал роман «Обломов»?", "answer": TEXT}, Refusal.ANSWER_LENGTH),
        ({"question": "Написал ли Гончаров Иван роман?", "answer": "Иван Гончаров"}, Refusal.GIVEN_AWAY),
        ({"question": "Кто написал этот роман?", "answer": "Иван Гончаров"}, Refusal.DEPENDENT),
    ],
)
def test_refusals(fields: dict, refusal: Refusal) -> None:
    assert example_of(Request(PASSAGE), reply(**fields)) is refusal


def test_an_object_is_found_in_chatter() -> None:
    text = 'Конечно! {не то} ```json\n{"question": "Кто\n написал?", "n": 1}\n``` Надеюсь, помог.'
    assert Reply(key="k", text=text).fields() == {"question": "Кто написал?"}


@given(st.text(max_size=200))
def test_any_text_is_a_reply(text: str) -> None:
    fields = Reply(key="k", text=text).fields()
    assert all(isinstance(value, str) for value in fields.values())


@given(st.text(alphabet='{}[]":,\\ abя1', max_size=60))
def test_any_json_like_text_is_a_reply(text: str) -> None:
    assert isinstance(example_of(Request(PASSAGE), Reply(key="k", text=text)), (Example, Refusal))


def test_russian_is_told_by_its_letters() -> None:
    assert is_russian("Что такое BMW?")
    assert not is_russian("What is Лада?")
    assert not is_russian("1859?")


def test_round_trip_compares_lemmas() -> None:
    made = example_of(Request(PASSAGE), reply(question="Кто написал роман «Обломов»?", answer="Иван Гончаров"))
    assert isinstance(made, Example)
    assert round_trip_f1(made, lambda *_: "Иваном Гончаровым") == 1.0
    assert round_trip_f1(made, lambda *_: "Толстой") == 0.0
    assert round_trip_f1(made, lambda *_: "") == 0.0
