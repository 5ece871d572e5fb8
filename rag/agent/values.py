"""Dates and quantities read from short Russian answers, so that code can compare them.

A date is its year, month and day as far as they are given; a quantity is a number in the base unit of its kind. What
cannot be read is None, and nothing is compared with it.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources

from retrievers.analysis import fold, lemma

_YEAR = re.compile(r"(?<!\d)(?P<year>[12]?\d{3}|20\d\d)(?!\d)")
_SHORT_YEAR = re.compile(r"(?<!\d)(?P<year>\d{1,4})\s*(?:год|г\.|г\b)")
_DAY_MONTH = re.compile(r"(?<!\d)(?P<day>[0-3]?\d)\)?\s+(?P<month>[а-яё]+)")
_NUMERIC = re.compile(r"(?<!\d)(?P<day>[0-3]?\d)\.(?P<month>[01]?\d)\.(?P<year>\d{4})(?!\d)")
_CENTURY = re.compile(r"(?<!\w)(?P<roman>[ivx]+)(?:[-–—]?(?:й|м|го))?\s*(?:век|столет|в\.)")
_BEFORE_CHRIST = re.compile(r"до\s+(?:н\.?\s*э|нашей\s+эры|рождества)")
_NUMBER = re.compile(r"(?P<sign>(?<![\w)])[-−])?(?P<whole>\d{1,3}(?:[\s\u00a0\u202f]\d{3})+|\d+)(?:[.,](?P<part>\d+))?")
_RANGE = re.compile(r"(?<=\d)\s*[-–—]\s*\d+(?:[.,]\d+)?")  # of a range, its beginning is read
_WORD = re.compile(r"[^\W\d_]+[²³23]?")
_ROMAN = {"i": 1, "v": 5, "x": 10}
# Words around a value that say nothing else.
_AROUND = frozenset(
    ("в", "во", "на", "около", "примерно", "почти", "год", "г", "век", "и", "до", "н", "э", "наш", "эра")
)
_SQUARE, _CUBIC = {"кв"}, {"куб"}


@dataclass(frozen=True, slots=True, order=True)
class Moment:
    """A date as far as it is known; 0 for a month or day that is not. Years before our era are negative."""

    year: int
    month: int = 0
    day: int = 0

    def same_as(self, other: Moment) -> bool:
        """Whether the two agree as far as both are known."""
        pairs = zip((self.year, self.month, self.day), (other.year, other.month, other.day), strict=True)
        return all(left == right for left, right in pairs if left and right)

    def comparable(self, other: Moment) -> bool:
        """Whether one is known to be earlier: equal as far as both are known says nothing."""
        return not self.same_as(other)


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number in the base unit of its kind: metres, kilograms, … ``kind`` is ``""`` for a bare number."""

    value: float
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Units:
    """Words of numbers and units by lemma.

    Args:
        multipliers: «тысяча» to 1000.
        units: «километр» to ("length", 1000).
        months: «январь» to 1.
        numerals: «два» to 2.
    """

    multipliers: Mapping[str, float]
    units: Mapping[str, tuple[str, float]]
    months: Mapping[str, int]
    numerals: Mapping[str, int]


@functools.cache
def units() -> Units:
    """The shipped words."""
    text = resources.files("rag.agent").joinpath("data/values.toml").read_text(encoding="utf-8")
    table = tomllib.loads(text)
    return Units(
        multipliers={word: float(value) for word, value in table["multipliers"].items()},
        units={
            fold(word): (kind, float(factor))
            for kind, words in table["units"].items()
            for word, factor in words.items()
        },
        months={word: number for number, word in enumerate(table["months"], start=1)},
        numerals={word: int(value) for word, value in table["numerals"].items()},
    )


def read_moment(text: str) -> Moment | None:
    """The first date that ``text`` names.

    >>> read_moment("12 июня 1842 года"), read_moment("в XIX веке")
    (Moment(year=1842, month=6, day=12), Moment(year=1801, month=0, day=0))
    """
    lowered = _RANGE.sub("", text.lower().replace("ё", "е"))
    sign = -1 if _BEFORE_CHRIST.search(lowered) else 1
    if numeric := _NUMERIC.search(lowered):
        return _checked(int(numeric["year"]), int(numeric["month"]), int(numeric["day"]))
    if century := _CENTURY.search(lowered):
        number = _roman(century["roman"])
        return Moment(sign * number * 100 if sign < 0 else (number - 1) * 100 + 1) if number else None
    found = _SHORT_YEAR.search(lowered) or _YEAR.search(lowered)
    if found is None or int(found["year"]) == 0:
        return None
    year = sign * int(found["year"])
    # The last one: where both calendars are given, the new style stands in brackets after the old.
    for named in reversed(list(_DAY_MONTH.finditer(lowered[: found.start()]))):
        month = units().months.get(lemma(named["month"]), 0)
        if month and (moment := _checked(year, month, int(named["day"]))):
            return moment
    months = (units().months.get(lemma(word.group()), 0) for word in _WORD.finditer(lowered[: found.start()]))
    return Moment(year, next((month for month in months if month), 0))


def read_quantity(text: str) -> Quantity | None:
    """The first quantity that ``text`` names, in the base unit of its kind.

    >>> read_quantity("17 870 км²"), read_quantity("3,5 млн человек")
    (Quantity(value=17870000000.0, kind='area'), Quantity(value=3500000.0, kind='count'))
    """
    lowered = _RANGE.sub("", text.lower().replace("\u00a0", " ").replace("\u202f", " "))
    found = _NUMBER.search(lowered)
    if found is None:
        return _spelled(lowered)
    digits = re.sub(r"\s", "", found["whole"])
    value = float(f"{digits}.{found['part'] or 0}") * (-1 if found["sign"] else 1)
    return _in_units(value, lowered[found.end() :])


def is_value(text: str) -> bool:
    """Whether ``text`` is a date or a quantity and nothing else: «в 1812 году», and not «Школа № 57»."""
    known = {lemma(word.group()) for word in _WORD.finditer(text.lower())} - _AROUND - set(units().months)
    named = (set(units().units), set(units().multipliers), set(units().numerals))
    return any(char.isdigit() for char in text) and not any(all(word not in part for part in named) for word in known)


def _in_units(value: float, rest: str) -> Quantity:
    """``value`` with the multiplier and the unit that ``rest`` begins with, if it does."""
    power, end = "", 0
    for word in _WORD.finditer(rest):
        if rest[end : word.start()].strip(" .°"):  # something stands between: the unit is not this number's
            break
        end = word.end()
        name = fold(word.group())
        if multiplier := units().multipliers.get(name) or units().multipliers.get(lemma(name)):
            value *= multiplier
        elif name in _SQUARE or name.startswith("квадратн"):
            power = "²"
        elif name in _CUBIC or name.startswith("кубическ"):
            power = "³"
        elif unit := units().units.get(name + power) or units().units.get(lemma(name) + power):
            return Quantity(value * unit[1], unit[0])
        else:
            break
    return Quantity(value)


def _spelled(text: str) -> Quantity | None:
    """A number in words: «четыре», «двадцать семь»."""
    total: int | None = None
    end = 0
    for word in _WORD.finditer(text):
        number = units().numerals.get(lemma(word.group()))
        if number is None:
            if total is not None:
                break
            continue
        total, end = (total or 0) + number, word.end()
    return None if total is None else _in_units(float(total), text[end:])


def _checked(year: int, month: int, day: int) -> Moment | None:
    return Moment(year, month, day) if 1 <= month <= 12 and 1 <= day <= 31 else None


def _roman(text: str) -> int:
    values = [_ROMAN.get(char, 0) for char in text]
    if 0 in values:
        return 0
    return sum(
        -value if value < following else value for value, following in zip(values, [*values[1:], 0], strict=True)
    )
