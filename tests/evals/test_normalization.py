from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.normalization import comparable, detect_language, join_number_words, roman_value, russian_words, squad_words


@pytest.mark.parametrize(
    ("texts", "language"),
    [
        (["Denver Broncos", "the Broncos"], "en"),
        (["5 km"], "en"),
        (["Denver Broncos", "Денвер"], "ru"),
        (["«Nazareth»"], "ru"),
        (["“Yesterday”", "Yesterday"], "ru"),
        (["Nazareth\u00a0II"], "ru"),
        (["XIX"], "ru"),
        (["1 642"], "ru"),
        (["100 °C"], "ru"),
        ([""], "ru"),
        (["", "London"], "en"),
    ],
)
def test_the_regime_is_told_from_all_texts_together(texts: list[str], language: str) -> None:
    assert detect_language(texts) == language


SAME = [
    # the same words
    ("«Ёлочка»", "елочка"),
    ("„Пу\u0301шкин“…", "ПУШКИН"),
    ("Нью\u2011Йорк", "Нью-Йорк"),
    ("Санкт\u00adПетербург", "СанктПетербург"),
    ("группа The Beatles", "группа Beatles"),
    # numbers
    ("1\u00a0642 м", "1642 м"),
    ("1\u202f642", "1 642"),
    ("21.700.000", "21 700 000"),
    ("21'700'000", "21700000"),
    ("21’700 км", "21700 км"),
    ("1,234,567", "1234567"),
    ("1.234.567,89", "1234567.89"),
    ("4,5", "4.5"),
    ("5 км.", "5 км"),
    ("№ 631", "631"),
    ("−89,2 °C", "-89.2 °C"),
    ("−5", "минус 5"),
    ("около -5", "около минус 5"),
    ("«-5»", "(−5)"),
    ("1941 -1945", "1941-1945"),
    ("«Аполлон»-11", "Аполлон-11"),
    # Roman numerals
    ("XX", "20"),
    ("«ХХ»", "20"),
    ("ХIХ век", "19 век"),
    ("Х век", "10 век"),
    ("Людовик XIV", "Людовик 14"),
    ("Пётр I", "Петр 1"),
    ("I, II, III", "1, 2, 3"),
    ("MCMLXI", "1961"),
    # ordinals
    ("XX-й", "20"),
    ("20-го", "20"),
    ("5-й", "5"),
    ("14й", "14"),
    ("24-ти", "24"),
    # centuries
    ("XIX в.", "XIX век"),
    ("в XIX веке", "19 век"),
    ("XIX–XX вв.", "19-20 век"),
    ("в XIX–XX веках", "19-20 век"),
    ("с XV по XVII веков", "с XV по 17 век"),
    ("XIX в", "19 в."),
    # years
    ("1961 год", "1961"),
    ("1961 года", "1961"),
    ("1961 г.", "1961"),
    ("1961г", "1961"),
    ("в 1961 г.", "1961"),
    ("в 1961", "1961"),
    ("862 год", "862 г."),
    ("1941–1945", "1941 - 1945"),
    ("1941-1945 гг.", "1941—1945"),
    ("в 1941—1945 годах", "1941-1945"),
    ("1990-е годы", "в 1990-х"),
    ("90-е гг.", "90-х годов"),
    ("в 1990-м году", "1990"),
    ("753 год до н. э.", "753 до нашей эры"),
    # dates
    ("12 апреля 1961 года", "12.04.1961"),
    ("12 апреля 1961 года", "1961-04-12"),
    ("12 апреля 1961 года", "12 апр. 1961 г."),
    ("12 апреля 1961 года", "12/04/1961"),
    ("12 апреля 1961 года", "12-04-1961"),
    ("12-го апреля 1961", "12 Апреля, 1961 г."),
    ("02.01.2003", "2 января 2003"),
    ("29.02.2000", "29 февраля 2000 года"),
    ("в октябре 1552 года", "октябрь 1552"),
    ("27—28 сентября 1991 года", "27-28 сент. 1991"),
    # percent
    ("50%", "50 %"),
    ("50\u00a0%", "50 процентов"),
    ("4,5 процента", "4.5%"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_one_answer_in_two_spellings(one: str, other: str) -> None:
    assert russian_words(one) == russian_words(other) != []


DIFFERENT = [
    ("4,5", "45"),
    ("25.418", "25418"),  # one group after a dot is a fraction
    ("−5", "5"),
    ("50%", "50"),
    ("1990-е", "1990"),
    ("04.12.1961", "12.04.1961"),
    ("31.02.1961", "31 февраля 1961"),  # no such day: left as it is written
    ("04/13/1961", "13.04.1961"),
    ("500 г", "500"),  # grams
    ("12 В", "12 век"),  # volts
    ("1,5 в", "1,5 век"),
    ("до 19 в Москве", "до 19 век Москве"),
    ("5 лет", "5"),
    ("витамин A", "витамин"),
    ("IIII", "4"),
    ("CD", "400"),  # an abbreviation
    ("cXX", "c20"),
    ("I Will Survive — песня", "1 Will Survive песня"),
    ("862 год 300", "862300"),
    ("в 862 году 300", "862300"),
    ("Людовик I 300", "Людовик 1300"),
    ("100-150", "100 минус 150"),
    ("С-56", "с минус 56"),
    ("йод", "иод"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_two_answers(one: str, other: str) -> None:
    assert russian_words(one) != russian_words(other)


def test_a_date_is_three_words() -> None:
    assert russian_words("12.04.1961 г.") == ["12", "апрель", "1961"]
    assert russian_words("родился 4 мая (19 апреля) 1836 года") == ["родился", "4", "май", "19", "апрель", "1836"]


@pytest.mark.parametrize(
    ("numeral", "value"),
    [("I", 1), ("IV", 4), ("XIX", 19), ("XL", 40), ("XCIX", 99), ("MDCCCXII", 1812), ("MMXXVI", 2026)],
)
def test_roman_numerals(numeral: str, value: int) -> None:
    assert roman_value(numeral) == value


@pytest.mark.parametrize("text", ["", "IIII", "VX", "IC", "xix", "CD", "MM", "XIXA", "ХХ"])
def test_what_is_no_roman_numeral(text: str) -> None:
    assert roman_value(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("двадцать пять тысяч", "25000"),
        ("тысяча девятьсот шестьдесят первый", "1961"),
        ("7 тысяч", "7000"),
        ("150 тыс.", "150000"),
        ("сто двадцать", "120"),
        ("Пётр Первый", "петр 1"),
        ("двадцатый век", "20 век"),
        ("двух сестёр", "2 сестра"),
        ("ноль", "0"),
        ("пять шесть", "5 6"),  # not one number
        ("двадцать пятнадцать", "20 15"),
        ("тысяча тысяч", "1000 1000"),
        ("4,5 тысячи", "4.5 1000"),  # a fraction is left alone
    ],
)
def test_number_words_become_digits_in_dictionary_form(text: str, expected: str) -> None:
    assert list(comparable(text, language="ru", lemmatize=True).words) == expected.split()


def test_number_words_stay_words_on_the_surface() -> None:
    assert comparable("двадцать пять", language="ru").words == ("двадцать", "пять")


def test_dictionary_forms() -> None:
    assert comparable("в Москве", language="ru", lemmatize=True).words == ("в", "москва")
    assert comparable("the Moscow", language="en", lemmatize=True).words == ("moscow",)


@pytest.mark.parametrize(
    ("text", "count", "marked"),
    [
        ("Толстой, Достоевский и Чехов", 3, True),
        ("Чехов; Толстой;\nДостоевский", 3, True),
        ("Толстой и Чехов", 2, False),
        ("слова, а также изображения", 2, True),
        ("«Война и мир»", 0, False),
        ("«Мцыри, или послушник», Лермонтов", 2, True),
        ("4,5 м", 0, False),
        ("наказанием,", 0, True),
        ("Париж", 0, False),
        ("идея", 0, False),
    ],
)
def test_items_of_a_list(text: str, count: int, marked: bool) -> None:
    found = comparable(text, language="ru")
    assert (len(found.items), found.marked) == (count, marked)


def test_english_has_no_lists() -> None:
    assert comparable("Paris, London", language="en").items == ()


def test_squad_normalisation() -> None:
    assert squad_words("The U.S.A. and\n an  apple—a day") == ["usa", "and", "apple—", "day"]


@given(st.dates(min_value=datetime.date(1000, 1, 1)))
def test_every_date_in_every_spelling(date: datetime.date) -> None:
    months = ["января", "февраля", "марта", "апреля", "мая", "июня"]
    months += ["июля", "августа", "сентября", "октября", "ноября", "декабря"]
    spellings = [
        f"{date:%d.%m.%Y}",
        f"{date.day}.{date.month}.{date.year}",
        f"{date:%d/%m/%Y}",
        date.isoformat(),
        f"{date.day} {months[date.month - 1]} {date.year} года",
        f"{date.day}\u00a0{months[date.month - 1][:3]}. {date.year} г.",
    ]
    forms = {tuple(russian_words(spelling)) for spelling in spellings}
    assert len(forms) == 1
    assert str(date.year) in forms.pop()


@given(st.integers(min_value=1, max_value=3999))
def test_roman_numerals_there_and_back(value: int) -> None:
    table = [(1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL")]
    table += [(10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I")]
    numeral, rest = "", value
    for worth, sign in table:
        numeral += sign * (rest // worth)
        rest %= worth
    assert roman_value(numeral) == (value if set(numeral) & set("IVX") else None)


@given(st.integers(min_value=0, max_value=10**12), st.sampled_from([" ", "\u00a0", "\u202f", "\u2009", "'", "’"]))
def test_digit_groups(value: int, separator: str) -> None:
    assert russian_words(f"{value:,}".replace(",", separator)) == [str(value)]


@given(st.text())
def test_no_text_is_too_strange(text: str) -> None:
    for language in ("ru", "en"):
        for lemmatize in (False, True):
            assert all(comparable(text, language=language, lemmatize=lemmatize).words)


@given(st.text(alphabet="абвеёжий ,.—«»-12\u0301\u00a0\u00ad"))
def test_folding_makes_no_difference(text: str) -> None:
    changed = text.replace("ё", "е").replace("\u00a0", " ").replace("«", '"').replace("»", '"').replace("\u00ad", "")
    assert russian_words(changed) == russian_words(text)


@given(st.lists(st.integers() | st.sampled_from(["один", "двадцать", "сто", "тысяча", "ноль", "дом"])))
def test_joining_number_words_loses_no_other_word(found: list[str | int]) -> None:
    joined = join_number_words([str(word) for word in found])
    assert joined.count("дом") == found.count("дом")
    assert not set(joined) & {"один", "двадцать", "сто", "тысяча", "ноль"}
