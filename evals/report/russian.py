"""Numbers and counted nouns as a Russian reader expects them.

Decimal comma, a true minus, groups of three digits from five digits on, no line break inside a number with its noun.
"""

from __future__ import annotations

import math

NO_BREAK = "\u00a0"
MINUS = "\u2212"
NOTHING = "—"  # stands where a value is undefined

Forms = tuple[str, str, str]  # with 1, with 2-4, with 5 and more

QUESTIONS: Forms = ("вопрос", "вопроса", "вопросов")
DOCUMENTS: Forms = ("документ", "документа", "документов")
CHUNKS: Forms = ("отрывок", "отрывка", "отрывков")
FAILURES: Forms = ("ошибка", "ошибки", "ошибок")
VARIANTS: Forms = ("вариант", "варианта", "вариантов")


def plural(count: int, forms: Forms) -> str:
    """The form of a noun that goes with ``count``: ``plural(21, QUESTIONS) == "вопрос"``."""
    tail = abs(count) % 100
    if 11 <= tail <= 14:
        return forms[2]
    return forms[0] if tail % 10 == 1 else forms[1] if 2 <= tail % 10 <= 4 else forms[2]


def counted(count: int, forms: Forms) -> str:
    """A number with its noun: ``"2 вопроса"``."""
    return f"{integer(count)}{NO_BREAK}{plural(count, forms)}"


def integer(value: float) -> str:
    """A whole number: ``integer(43642) == "43 642"``, four digits stay together."""
    digits = f"{abs(value):.0f}"
    text = f"{abs(value):,.0f}".replace(",", NO_BREAK) if len(digits) > 4 else digits
    return MINUS + text if value < 0 and digits != "0" else text


def decimal(value: float | None, digits: int = 3) -> str:
    """A number with a decimal comma: ``"0,912"``; a dash where there is none."""
    if value is None or not math.isfinite(value):
        return NOTHING
    text = f"{abs(value):.{digits}f}"
    return (MINUS if value < 0 and text.strip("0.") else "") + text.replace(".", ",")


def signed(value: float, digits: int = 3) -> str:
    """A difference with its sign: ``"+0,012"``; zero has none."""
    text = decimal(value, digits)
    return f"+{text}" if value > 0 and text.strip("0,") else text


def interval(low: float, high: float) -> str:
    """An interval: ``"[0,874; 0,941]"``."""
    return f"[{decimal(low)};{NO_BREAK}{decimal(high)}]"


def p_value(value: float) -> str:
    """A p-value to three digits; smaller ones are only known to be below ``0,001``."""
    return f"<{NO_BREAK}0,001" if value < 0.001 else decimal(value)


def milliseconds(seconds: float) -> str:
    """Milliseconds; below ten with one digit behind the comma."""
    value = 1000 * seconds
    return decimal(value, 1) if value < 10 else integer(value)


def score(value: float) -> str:
    """A ranking score of unknown scale, to three significant digits or more."""
    if not math.isfinite(value):
        return NOTHING
    magnitude = abs(value)
    return decimal(value, 1 if magnitude >= 100 else 2 if magnitude >= 1 else 3)


def shortened(text: str, length: int) -> str:
    """``text`` on one line, cut after a word within ``length`` characters and marked by «…»."""
    line = " ".join(text.split())
    if len(line) <= length:
        return line
    cut = line[:length]
    return (cut.rpartition(" ")[0] or cut).rstrip(" .,;:…—-") + "…"
