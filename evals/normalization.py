"""When two answers are the same answer: words of an answer in a form that can be compared.

There are two regimes, chosen for a prediction and its gold answers together (:func:`detect_language`):

* Russian: "the same word" is what ``retrievers.analysis`` says (case, ё, punctuation, quotes, dashes, stress marks,
  soft hyphens and non-breaking characters make no difference), and on top of it what is written in more than one way
  gets one: Roman numerals, digit groups, ordinal endings, dates, years, centuries, decades, percent (the rules below).
* English: exactly the normalisation of the official SQuAD script (Rajpurkar et al., 2016): lower case, no ASCII
  punctuation, no articles, split at white space.

The lemma strength of either puts Russian words into their dictionary form; number words up to hundreds of thousands
(``data/number_words.toml``) become digits there, because only dictionary forms can be looked up.
"""

from __future__ import annotations

import calendar
import functools
import re
import string
import tomllib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Literal, TypeVar

from retrievers.analysis import fold, lemma, visible_with_offsets, words

Language = Literal["ru", "en"]
_Form = TypeVar("_Form")

# --- which regime

# Cyrillic letters and signs of Russian typography: « » „ “ ” — №, non-breaking spaces, stress marks, soft hyphens.
_RUSSIAN = re.compile("[\u0400-\u052f«»„“”—№\u00a0\u202f\u0300\u0301\u00ad]")
_LATIN_WORD = re.compile(r"[A-Za-z\u00c0-\u024f]{2,}")  # a letter alone is a unit or a mark: «100 °C», «5 m»

# --- Roman numerals

# Cyrillic letters that stand in for Latin numerals: «ХIХ» is often typed on two keyboards.
_LOOK_ALIKES = str.maketrans({"Х": "X", "І": "I"})
# The Cyrillic letter alone says too little, the century after it says enough: «Х век».
_ROMAN_CANDIDATE = re.compile(r"(?<![^\W_])(?:[IVXLCDMХІ]{2,}|[IVX]|Х(?=\s+в(?:ек|\.)))(?![^\W_])")
_ROMAN_FORM = re.compile(r"M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})")
_ROMAN_DIGITS = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}
# «I Will», «I'm», «V. Nabokov»: one letter in front of a Latin word is a word or an initial.
_LATIN_FOLLOWS = re.compile(r"['’.]?\s*[A-Za-z]")


def roman_value(numeral: str) -> int | None:
    """Value of an upper-case Roman numeral, or None: ``roman_value("XIX") == 19``.

    Numerals of L, C, D and M alone are none here: they are abbreviations more often (CD, DC, MM).
    """
    if not _ROMAN_FORM.fullmatch(numeral) or not set(numeral) & set("IVX"):
        return None
    digits = [_ROMAN_DIGITS[sign] for sign in numeral]
    return sum(-now if now < following else now for now, following in zip(digits, [*digits[1:], 0], strict=True))


def _arabic(match: re.Match[str]) -> str:
    numeral = match.group().translate(_LOOK_ALIKES)
    text, end = match.string, match.end()
    value = roman_value(numeral)
    if value is None or (len(numeral) == 1 and _LATIN_FOLLOWS.match(text, end)):
        return match.group()
    return f"{value} " if text[end : end + 1].isspace() else str(value)


# --- Russian forms

_MONTH_FORMS = {
    "январь": "янв января январе январю январем",
    "февраль": "фев февр февраля феврале февралю февралем",
    "март": "мар марта марте марту мартом",
    "апрель": "апр апреля апреле апрелю апрелем",
    "май": "мая мае маю маем",
    "июнь": "июн июня июне июню июнем",
    "июль": "июл июля июле июлю июлем",
    "август": "авг августа августе августу августом",
    "сентябрь": "сен сент сентября сентябре сентябрю сентябрем",
    "октябрь": "окт октября октябре октябрю октябрем",
    "ноябрь": "ноя нояб ноября ноябре ноябрю ноябрем",
    "декабрь": "дек декабря декабре декабрю декабрем",
}
_MONTHS = tuple(_MONTH_FORMS)
_MONTH_OF = {form: month for month, forms in _MONTH_FORMS.items() for form in (month, *forms.split())}
_MONTH = f"({'|'.join(sorted(_MONTH_OF, key=len, reverse=True))})"
_NOMINATIVE = f"(?:{'|'.join(_MONTHS)})"
_DAY = r"(?<![\d.,])(\d{1,2})"
_YEAR = r"(?<![\d.,])\d{3,4}"
_YEARS = rf"(?:{_YEAR}\s*[-—]\s*)?{_YEAR}"
_END = r"(?![^\W_])"  # no letter or digit follows
_PLURAL = "е|х|ые|ых|ми|ыми"  # endings of «1990-е», a decade; «в 1990-м» is a year
_ORDINAL = "й|ый|ий|ой|го|ого|его|му|ому|ему|м|ым|им|ом|я|ая|яя|ю|ую|е|ое|ее|х|ых|их|ми|ыми|ти|и"
_YEAR_WORD = r"(?:год(?:а|у|ом|е|ы|ов|ах|ам|ами)?|гг?\b\.?)"

_RULED = re.compile(r"[\d%IVXХІ]")  # what some rule below could apply to; most answers have nothing of it
Rule = tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]


def _day_month_year(match: re.Match[str]) -> str:
    """«12.04.1961» as «12 апрель 1961»; a date that no calendar has stays as it is written."""
    day, month, year = (int(match[name]) for name in ("day", "month", "year"))
    if year < 1 or not 1 <= month <= 12 or not 1 <= day <= calendar.monthrange(year, month)[1]:
        return match.group()
    return f"{day} {_MONTHS[month - 1]} {year}"


def _digits_alone(match: re.Match[str]) -> str:
    return "".join(filter(str.isdigit, match.group()))


# Applied in this order to a folded answer. What is taken out leaves its spaces behind: two of them keep the numbers on
# either side from being read as one («862 год 300» is no 862300).
_NUMBER_RULES: tuple[Rule, ...] = (
    # 21.700.000, 21,700,000 and 21'700: digit groups. A single one after a dot or a comma is a decimal fraction.
    (re.compile(r"(?<![\d.,'])\d{1,3}(?:(?:\.\d{3}){2,}|(?:,\d{3}){2,}|(?:'\d{3})+)(?!\d)"), _digits_alone),
    # 12.04.1961, 12/04/1961, 12-04-1961; 1961-04-12
    (
        re.compile(r"(?<![\d.,/-])(?P<day>\d{1,2})(?P<sign>[./-])(?P<month>\d{1,2})(?P=sign)(?P<year>\d{4})(?![\d/-])"),
        _day_month_year,
    ),
    (re.compile(r"(?<![\d.,/-])(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})(?![\d/-])"), _day_month_year),
    # 1990-е, 1990-х годов; 90-е годы: a decade is no year
    (re.compile(rf"(?<!\d)(\d{{3}}0)-(?:{_PLURAL}){_END}(?:\s+{_YEAR_WORD}{_END})?"), r"\1 десятилетие"),
    (re.compile(rf"(?<!\d)([1-9]0)-(?:{_PLURAL})\s+{_YEAR_WORD}{_END}"), r"\1 десятилетие"),
    # 20-го, XX-й, 5й
    (re.compile(rf"(?<=\d)(?:-(?:{_ORDINAL})|й|го|ый|ой|ого|ая){_END}"), " "),
    # 12 апреля, 02 апр.: the month in its first form, the day without a zero before it
    (
        re.compile(rf"{_DAY}\s+{_MONTH}{_END}\.?"),
        lambda match: f"{int(match[1])} {_MONTH_OF[match[2]]} ",
    ),
    # апреле 1961
    (re.compile(rf"(?<![^\W_]){_MONTH}{_END}[.,]?\s*(?={_YEAR}{_END})"), lambda match: f"{_MONTH_OF[match[1]]} "),
    # до н. э.
    (re.compile(rf"(?<![^\W_])н\.?\s?э{_END}\.?"), "нашей эры"),
    # 19 веке
    (re.compile(rf"(?<![\d.,])(\d{{1,2}})\s*век(?:а|у|ом|е|ов|ам|ах|ами)?{_END}"), r"\1 век"),
    # в 1961 году, в апреле 1961, в 19 веке, в 19—20 веках, в 1990-х; «в 1961» where nothing else is said
    (
        re.compile(
            rf"(?<![^\W_])во?\s+"
            rf"(?={_YEARS}\s*{_YEAR_WORD}{_END}|{_NOMINATIVE}\s+{_YEAR}{_END}|(?:\d+\s*[-—]\s*)?\d+\s+(?:век|десятилетие){_END})"
        ),
        " ",
    ),
    (re.compile(r"^\W*в\s+(?=\d{4}\W*$)"), ""),
    # 1961 год, 1961 г., 1941—1945 гг., 862 год; three digits and a bare «г» are grams
    (re.compile(rf"(?<![\d.,])(\d{{4}})\s*{_YEAR_WORD}{_END}"), r"\1 "),
    (re.compile(rf"(?<![\d.,])(\d{{3}})\s*(?:год(?:а|у|ом|е|ы|ов|ах|ам|ами)?{_END}|гг?\.)"), r"\1 "),
    # 50%, 50 процентов
    (re.compile(rf"\s*%|(?<=\d)\s+(?:процент[а-я]*|проц){_END}"), " процент "),
)
# Two white spaces mean to the rules what a thousand do, and keep their search short.
_LONG_SPACE = re.compile(r"(\s\s)\s+")
# Applied before folding, which takes away what they go by: the case, and the difference of a minus and a dash.
_CASED_RULES: tuple[Rule, ...] = (
    # XIX, XX-й
    (_ROMAN_CANDIDATE, _arabic),
    # 19 в., 19—20 вв.; «12 В» are volts
    (re.compile(r"(?<![\d.,])(\d{1,2})\s*(?:вв?\.|вв?(?=\s*$))"), r"\1 век"),
    # −5 is no 5, at the beginning, in brackets or after a word; «1941 -1945» and «Союз-5» are no minus
    (re.compile(r"((?:^|(?<!\d)\s|[(\[])[«»„“”\"']*)[-\u2212](?=\d)"), r"\1минус "),
)

# --- lists

# A quoted name (of up to 500 characters, so that marks which never close cost no search to the end of the text each) is
# one item whatever stands in it; a comma between digits is a decimal one.
_SEPARATOR = re.compile(
    r"(?P<quoted>«[^»]{0,500}»|„[^“]{0,500}“|“[^”]{0,500}”|\"[^\"]{0,500}\")"
    r"|(?P<mark>[;\n]|,(?!\d)|(?<!\d),)"
    r"|\b(?:[иИ]|[аА]\s+также)\b"
)

# --- English

_PUNCTUATION = str.maketrans("", "", string.punctuation)
_ARTICLE = re.compile(r"\b(?:a|an|the)\b")
_ARTICLES = frozenset({"a", "an", "the"})

_CACHED = 1 << 16  # answers; a gold answer meets thousands of predictions
_CACHED_LENGTH = 500  # characters of one; what is longer is no answer, and so many of them fill the memory


@dataclass(frozen=True, slots=True)
class ComparableAnswer:
    """An answer ready to be compared.

    Args:
        words: its words in order.
        items: the words of each item where the answer can be read as a list, in the items' alphabetical order, so that
            equal lists are equal tuples; empty for fewer than two items.
        marked: the items are separated by a comma, a semicolon or a line break, not by «и» alone.
    """

    words: tuple[str, ...]
    items: tuple[tuple[str, ...], ...] = ()
    marked: bool = False


def detect_language(texts: Collection[str]) -> Language:
    """Regime for a prediction and its gold answers.

    "en" where none of them has a Cyrillic letter or a sign of Russian typography and at least one has a Latin word (of
    two letters or more, no Roman numeral); else "ru". So numbers alone are read the Russian way: «4,5» is 4.5.
    """
    traits = [_remembered(_traits, text) for text in texts]
    return "en" if any(latin for _, latin in traits) and not any(russian for russian, _ in traits) else "ru"


def comparable(text: str, *, language: Language, lemmatize: bool = False) -> ComparableAnswer:
    """An answer's words, and its items where it is a list: ``comparable("«Ёлка»", language="ru").words == ("елка",)``.

    Args:
        text: an answer.
        language: the regime.
        lemmatize: dictionary forms instead of word forms.
    """
    return _remembered(_lemma_form if lemmatize else _surface_form, text, language)


def squad_words(text: str) -> list[str]:
    """Words of an answer by the official SQuAD script: ``squad_words("The U.S.A.") == ["usa"]``."""
    return _ARTICLE.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def russian_words(text: str) -> list[str]:
    """Folded words of a Russian answer with numbers and dates in one form.

    ``russian_words("в XIX в.") == ["19", "век"]``, ``russian_words("12.04.1961 г.") == ["12", "апрель", "1961"]``.
    """
    if not _RULED.search(text):
        return _without_articles(words(text))
    plain = _LONG_SPACE.sub(r"\1", visible_with_offsets(text)[0])
    for pattern, replacement in _CASED_RULES:
        plain = pattern.sub(replacement, plain)
    folded = fold(plain)
    for pattern, replacement in _NUMBER_RULES:
        folded = pattern.sub(replacement, folded)
    return _without_articles(words(folded))


def join_number_words(found: Sequence[str]) -> list[str]:
    """Number words as digits: ``join_number_words(["двадцать", "пять", "тысяча"]) == ["25000"]``.

    Args:
        found: dictionary forms and numbers in the order of the text.
    """
    joined: list[str] = []
    index = 0
    while index < len(found):
        value, length = _number_at(found, index)
        joined.append(found[index] if length == 0 else str(value))
        index += length or 1
    return joined


def _remembered(form: functools._lru_cache_wrapper[_Form], text: str, *rest: str) -> _Form:
    """What a cached function gives; the cache keeps no text that is too long for an answer."""
    return (form if len(text) <= _CACHED_LENGTH else form.__wrapped__)(text, *rest)


@functools.lru_cache(maxsize=_CACHED)
def _traits(text: str) -> tuple[bool, bool]:
    """Whether there is something Russian, and whether there is a Latin word."""
    latin = any(roman_value(match.group()) is None for match in _LATIN_WORD.finditer(text))
    return bool(_RUSSIAN.search(text)), latin


@functools.lru_cache(maxsize=_CACHED)
def _surface_form(text: str, language: Language) -> ComparableAnswer:
    if language == "en":
        return ComparableAnswer(tuple(squad_words(text)))
    parts, marked = _split_items(text)
    items = sorted(item for part in parts if (item := tuple(russian_words(part)))) if len(parts) > 1 else []
    return ComparableAnswer(tuple(russian_words(text)), tuple(items) if len(items) > 1 else (), marked)


@functools.lru_cache(maxsize=_CACHED)
def _lemma_form(text: str, language: Language) -> ComparableAnswer:
    surface = comparable(text, language=language)
    if language == "en":
        return surface
    items = sorted(tuple(_lemmas(item)) for item in surface.items)
    return ComparableAnswer(tuple(_lemmas(surface.words)), tuple(items), surface.marked)


def _lemmas(found: Sequence[str]) -> list[str]:
    return join_number_words([lemma(word) for word in found])


def _split_items(text: str) -> tuple[list[str], bool]:
    """Parts of ``text`` between separators, and whether one of these is more than «и»."""
    parts: list[str] = []
    start, marked = 0, False
    for match in _SEPARATOR.finditer(text):
        if match["quoted"] is not None:
            continue
        marked = marked or match["mark"] is not None
        parts.append(text[start : match.start()])
        start = match.end()
    return [*parts, text[start:]], marked


def _without_articles(found: list[str]) -> list[str]:
    """English articles dropped in front of a Latin word: «The Beatles», but not «витамин A»."""
    if _ARTICLES.isdisjoint(found):
        return found
    following = [*found[1:], ""]
    return [
        word
        for word, after in zip(found, following, strict=True)
        if word not in _ARTICLES or not ("a" <= after[:1] <= "z")
    ]


@functools.cache
def _number_words() -> dict[str, tuple[int, int, int]]:
    """Number word to its value and the lowest and highest decimal place it fills; thousands are no place."""
    source = resources.files("evals").joinpath("data/number_words.toml").read_text(encoding="utf-8")
    places = {"units": (0, 0), "teens": (0, 1), "tens": (1, 1), "hundreds": (2, 2), "thousands": (3, 3)}
    return {
        word: (int(value), *places[section])
        for section, table in tomllib.loads(source).items()
        for value, forms in table.items()
        for word in forms
    }


def _is_quantity(word: str) -> bool:
    """Digits that may stand before «тысяч»; thousands of them are no number, to Python neither."""
    return word.isdecimal() and len(word) <= 18


def _number_at(found: Sequence[str], start: int) -> tuple[int, int]:
    """Value of the number whose words begin at ``start``, and how many there are; 0 words where none begins there."""
    table = _number_words()
    thousands, below, index = 0, 0, start
    place = 3  # the next word must fill places below this one
    if _is_quantity(found[start]) and start + 1 < len(found) and table.get(found[start + 1], (0,))[0] == 1000:
        below, index, place = int(found[start]), start + 1, 0
    while index < len(found) and found[index] in table:
        value, low, high = table[found[index]]
        if low == 3 and not thousands:
            thousands, below, place = 1000 * (below if index > start else 1), 0, 3
        elif high < place and value:
            below, place = below + value, low
        else:
            break
        index += 1
    if index == start and found[start] in table:
        return table[found[start]][0], 1
    return thousands + below, index - start
