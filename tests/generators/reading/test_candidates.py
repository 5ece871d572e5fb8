from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from generators.reading.candidates import Kind, propose
from generators.reading.parsing import parse


def kinds(text: str) -> dict[str, Kind]:
    return {text[one.start : one.stop]: one.kind for one in propose(parse(text))}


@pytest.mark.parametrize(
    ("text", "span", "kind"),
    [
        ("Роман написал Иван Гончаров.", "Иван Гончаров", Kind.PERSON),
        ("Он родился в Симбирске в 1812 году.", "Симбирске", Kind.PLACE),
        ("Он родился в Симбирске в 1812 году.", "1812", Kind.YEAR),
        ("Он родился в Симбирске в 1812 году.", "1812 году", Kind.YEAR),
        ("Дом сдали 12 июня 1799 года в срок.", "12 июня 1799 года", Kind.DATE),
        ("Бой шёл 26 августа (7 сентября) 1812 года.", "26 августа (7 сентября) 1812 года", Kind.DATE),
        ("Отчёт сдают в апреле.", "апреле", Kind.MONTH),
        ("Замок построен в XVI веке.", "XVI веке", Kind.CENTURY),
        ("Голосовало около 30 % жителей.", "около 30 %", Kind.PERCENT),
        ("Длина моста 108,9 км вместе с подходами.", "108,9 км", Kind.QUANTITY),
        ("В музее более 14 000 предметов.", "более 14 000 предметов", Kind.QUANTITY),
        ("В музее более 14 000 предметов.", "14 000", Kind.NUMBER),
        ("Он владел двумя языками.", "двумя", Kind.NUMERAL),
        ("Вышел роман «Обыкновенная история» в журнале.", "Обыкновенная история", Kind.TITLE),
        ("Вышел роман «Обыкновенная история» в журнале.", "роман «Обыкновенная история»", Kind.PHRASE),
        ("По-английски это зовут deep learning в шутку.", "deep learning", Kind.LATIN),
        ("Глубоководный аппарат опустился на дно.", "Глубоководный аппарат", Kind.PHRASE),
        ("Спорили о причинах кризиса топлива.", "причинах кризиса топлива", Kind.PHRASE),
        ("Выращивают рожь, овёс и ячмень.", "рожь, овёс и ячмень", Kind.LIST),
        ("Столица (главный город) стоит на реке.", "главный город", Kind.PHRASE),
    ],
)
def test_a_span_is_proposed_as_its_kind(text: str, span: str, kind: Kind) -> None:
    assert kinds(text).get(span) == kind


def test_brackets_and_quotes_of_a_span_are_closed() -> None:
    text = "Стадион «Альянц Арена» (Мюнхен) вмещает 75 000 зрителей; «Бавария» играет там."
    for span in kinds(text):
        assert span.count("«") == span.count("»")
        assert span.count("(") == span.count(")")


def test_spans_are_unique_and_in_order() -> None:
    found = [
        (one.sentence, one.first, one.last)
        for one in propose(parse("Река Волга впадает в Каспийское море у Астрахани."))
    ]
    assert found == sorted(set(found))


@settings(deadline=None, max_examples=80)
@given(st.text(alphabet='Абвйёи\u0301\u00ad \n.,;«»()"—-°%0129XIVAbc', max_size=80))
def test_offsets_are_inside_and_hold_the_words(text: str) -> None:
    parsed = parse(text)
    for one in propose(parsed):
        words = parsed.sentences[one.sentence].words[one.first : one.last]
        assert words
        assert 0 <= one.start < one.stop <= len(text)
        assert (one.start, one.stop) == (words[0].start, words[-1].stop)
        assert all(parsed.text[w.start : w.stop] in parsed.text[one.start : one.stop] for w in words)
        assert one.first <= one.head < one.last
