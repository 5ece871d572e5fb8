from __future__ import annotations

import itertools
import json
import subprocess
import sys

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from retrievers import entities
from retrievers.entities import EntityType, extract_entities, extract_entities_batch

ANY_TEXT = st.text() | st.text("абвАБВйЙ\u0306\u0301\u00ad\u200b\u00a0\u2011 \n.«»()-1", max_size=60)
WRITTEN = st.lists(
    st.sampled_from(
        [
            "Витус Беринг",
            "в Санкт\u2011Петербурге",
            "Бай\u00adкал\u0301",
            "МГУ",
            "«Газпром»",
            "О Пушкине",
            "\n",
            ".",
            "дом",
            "(",
        ]
    ),
    max_size=30,
).map(" ".join)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Экспедиция Витуса Беринга вышла из Петропавловска.",
            [("Витуса Беринга", "PER", "Витус Беринг"), ("Петропавловска", "LOC", "Петропавловск")],
        ),
        (
            "Стихи А. С. Пушкина читали Софье Ковалевской.",
            [("А. С. Пушкина", "PER", "А. С. Пушкин"), ("Софье Ковалевской", "PER", "Софья Ковалевская")],
        ),
        ("Он родился в Петропавловске-Камчатском.", [("Петропавловске-Камчатском", "LOC", "Петропавловск-Камчатский")]),
        (
            "Она окончила физический факультет Московского университета.",
            [("Московского университета", "ORG", "Московский университет")],
        ),
        ("О Витусе Беринге писали много.", [("Витусе Беринге", "PER", "Витус Беринг")]),
        (
            "В 1867 году Россия продала Аляску Соединённым Штатам Америки.",
            [
                ("Россия", "LOC", "Россия"),
                ("Аляску", "LOC", "Аляска"),
                ("Соединённым Штатам Америки", "LOC", "Соединённые Штаты Америки"),
            ],
        ),
        (
            "Премию Российской академии наук вручили Жоресу Алфёрову.",
            [
                ("Российской академии наук", "ORG", "Российская академия наук"),
                ("Жоресу Алфёрову", "PER", "Жорес Алфёров"),
            ],
        ),
        ("Вода кипит при ста градусах.", []),
        ("", []),
        (" \n\t ", []),
        ("— … !", []),
    ],
)
def test_entities_of_sentences(text, expected) -> None:
    assert [(entity.text, entity.type, entity.normal) for entity in extract_entities(text)] == expected


@pytest.mark.parametrize(
    ("text", "surface", "normal"),
    [
        ("Озеро Байка\u0301л глубоко.", "Байка\u0301л", "Байкал"),
        ("Музей в Кале\u0301.", "Кале\u0301", "Кале"),  # the mark of the last letter belongs to the name
        ("Книга Ива\u00adна\u00a0Черского вышла.", "Ива\u00adна\u00a0Черского", "Иван Черский"),
        ("Дом в Петропавловске\u2011Камчатском.", "Петропавловске\u2011Камчатском", "Петропавловск-Камчатский"),
        ("Город Горно-Алтаи\u0306ск растёт.", "Горно-Алтаи\u0306ск", "Горно-Алтайск"),
    ],
)
def test_offsets_with_marks_inside(text, surface, normal) -> None:
    entity = extract_entities(text)[-1]
    assert entity.text.endswith(surface)
    assert entity.normal.endswith(normal)
    assert text[entity.start : entity.stop] == entity.text


def test_type_is_an_enumeration_that_reads_as_text() -> None:
    (entity,) = extract_entities("Он жил в Москве.")
    assert entity.type is EntityType.LOC
    assert json.dumps([entity.normal, entity.type], ensure_ascii=False) == '["Москва", "LOC"]'


def test_a_name_ends_at_the_end_of_a_line() -> None:
    found = extract_entities("Участники:\nИван Петров\nСергей Сидоров\nАнна Смирнова\n")
    assert [entity.text for entity in found] == ["Иван Петров", "Сергей Сидоров", "Анна Смирнова"]


def test_a_name_goes_on_in_a_wrapped_line() -> None:
    text = "В 1741 году из Петропавловской гавани вышли два корабля: командовал Витус\nБеринг, опытный мореплаватель."
    assert ("Витус\nБеринг", "Витус Беринг") in [(entity.text, entity.normal) for entity in extract_entities(text)]


@pytest.mark.parametrize(
    ("text", "span", "expected"),
    [
        ("Дом «Общества взаимного кредита» стоит", "«Общества взаимного кредита", "«Общества взаимного кредита»"),
        ("Доротея Буссани (Деспина) пела", "Доротея Буссани (Деспина", "Доротея Буссани (Деспина)"),
        ("театр «Современник» в Москве", "Современник»", "Современник"),
        ("театр «Современник» в Москве", "«Современник»", "«Современник»"),
        ("сказал (Москва, 1950)", "(Москва", "Москва"),
        ("Иван Петров", "Иван Петров", "Иван Петров"),
    ],
)
def test_quotes_and_brackets_stay_in_pairs(text, span, expected) -> None:
    start = text.index(span)
    first, last = entities._balanced(text, start, start + len(span))
    assert text[first:last] == expected


@pytest.mark.parametrize(
    "text",
    [
        "Иван Петров приехал в Москву. " * 200,
        "а" * 5000,
        "слово " * 2000,
        "." * 5000,
        ("Иван Петров " * 300) + ". Он жил в Москве.",
    ],
)
def test_long_texts_are_cut_into_bounded_pieces(text) -> None:
    pieces = list(entities._pieces(text))
    assert len(pieces) > 1
    assert all(0 < stop - start <= entities._PIECE for start, stop in pieces)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(pieces))
    between = "".join(text[left[1] : right[0]] for left, right in itertools.pairwise(pieces))
    assert not between.strip()  # nothing but spaces is skipped
    assert pieces[0][0] == 0
    assert not text[pieces[-1][1] :].strip()


def test_long_texts_are_cut_between_sentences() -> None:
    sentence = "Экспедиция Витуса Беринга вышла из гавани. "
    text = sentence * 100
    assert all(text[start:stop].endswith("гавани.") for start, stop in entities._pieces(text))
    assert {entity.normal for entity in extract_entities(text)} == {"Витус Беринг"}
    assert len(extract_entities(text)) == 100


def test_a_wrapped_paragraph_is_one_piece_and_headings_stand_alone() -> None:
    text = (
        "Краткая история\n"
        "В середине восемнадцатого века экспедиция достигла берегов\n"
        "неизвестной земли и вернулась назад.\n\n"
        "- первый пункт\n- второй пункт\n"
    )
    assert [text[start:stop] for start, stop in entities._pieces(text)] == [
        "Краткая история",
        "В середине восемнадцатого века экспедиция достигла берегов\nнеизвестной земли и вернулась назад.",
        "- первый пункт",
        "- второй пункт",
    ]


def test_batches_of_real_pages_equal_single_texts(shared_data) -> None:
    import gzip

    with gzip.open(shared_data / "ruwiki" / "pages.jsonl.gz", "rt", encoding="utf-8") as pages:
        texts = [json.loads(line)["text"][:4000] for line in itertools.islice(pages, 12)]
    batch = extract_entities_batch(texts)
    assert batch == [extract_entities(text) for text in texts]
    assert sum(map(len, batch)) > 200
    for text, found in zip(texts, batch, strict=True):
        check(text, found)


def check(text, found) -> None:
    for entity in found:
        assert 0 <= entity.start < entity.stop <= len(text)
        assert text[entity.start : entity.stop] == entity.text
        assert entity.normal.strip() == entity.normal != ""
    assert all(left.stop <= right.start for left, right in itertools.pairwise(found))


@given(ANY_TEXT | WRITTEN)
@example("а\u0301" * 2000)
@example("Москва\u0301\u0302 и \u0301Киев")
def test_any_text_is_read(text) -> None:
    check(text, extract_entities(text))


@given(st.lists(ANY_TEXT | WRITTEN, max_size=5))
def test_batch_equals_single(texts) -> None:
    assert extract_entities_batch(texts) == [extract_entities(text) for text in texts]


def test_importing_loads_no_model() -> None:
    heavy = "{'slovnet', 'navec', 'pymorphy3', 'razdel', 'numpy'}"
    code = f"import sys, retrievers.entities; print(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
