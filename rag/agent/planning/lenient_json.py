"""JSON as language models write it: with prose around it, code fences, single quotes, trailing commas, or cut off.

Reads more than the standard allows and never anything but data: nothing is evaluated.
"""

from __future__ import annotations

import re
from typing import Any

_DEEPEST = 12  # levels; a plan has four
_LONGEST = 20_000  # characters read
_SPACE = re.compile(r"(?:\s|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_BARE = re.compile(r"[^\s,:{}\[\]\"'«»]+")
# What follows a closing quote: punctuation, a line's end, or the next key where a comma was forgotten.
_AFTER_STRING = re.compile(r"\s*(?:[,:=}\]]|$|\n|[\"'“”]\w{1,20}[\"'“”]\s*[:=])")
_UNITS = re.compile(r"[0-9a-fA-F]{4}(?:\\u[0-9a-fA-F]{4})*")  # of UTF-16, after the first "\u"
_QUOTES = {'"': '"', "'": "'", "“": "”", "”": "”", "„": "“", "`": "`"}
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_WORDS = {"true": True, "True": True, "false": False, "False": False, "null": None, "None": None}


class NotJsonError(ValueError):
    """No object or list begins anywhere in a text."""


def read_json(text: str) -> Any:
    """The first object, or list of objects or texts, in ``text`` that is not empty.

    >>> read_json("Вот план: {'steps': [{question: 'Кто?',},]} Готово")
    {'steps': [{'question': 'Кто?'}]}

    Raises:
        NotJsonError: there is none.
    """
    text = text[:_LONGEST]
    start = -1
    while True:
        start = min((at for at in (text.find("{", start + 1), text.find("[", start + 1)) if at >= 0), default=-1)
        if start < 0:
            break
        reader = _Reader(text, start)
        value = reader.value(0)
        if value and (isinstance(value, dict) or any(isinstance(one, dict | str) for one in value)):
            return value
        start = max(start, reader.at - 1)
    raise NotJsonError("no JSON object in it")


class _Reader:
    """Reads one value from a position on; what is missing at the end is taken as closed."""

    def __init__(self, text: str, at: int) -> None:
        self._text = text
        self.at = at

    def value(self, depth: int) -> Any:
        self._skip()
        char = self._text[self.at : self.at + 1]
        if char in ("{", "[") and depth < _DEEPEST:
            self.at += 1
            return self._object(depth) if char == "{" else self._list(depth)
        if char in _QUOTES:
            return self._string(_QUOTES[char])
        return self._word()

    def _skip(self) -> None:
        found = _SPACE.match(self._text, self.at)
        self.at = found.end() if found else self.at

    def _ends(self, closing: str) -> bool:
        """At the closing bracket, which is passed, or at the end of the text."""
        self._skip()
        while self._text[self.at : self.at + 1] == ",":
            self.at += 1
            self._skip()
        char = self._text[self.at : self.at + 1]
        if char in ("}", "]"):  # a wrong bracket closes too: models mix them up
            self.at += char == closing or closing != "}"
            return True
        return not char

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._ends("}"):
            before = self.at
            key = self.value(_DEEPEST)
            self._skip()
            if self._text[self.at : self.at + 1] in (":", "="):
                self.at += 1
                found.setdefault(str(key), self.value(depth + 1))
            if self.at == before:
                self.at += 1
        return found

    def _list(self, depth: int) -> list[Any]:
        found: list[Any] = []
        while not self._ends("]"):
            before = self.at
            found.append(self.value(depth + 1))
            if self.at == before:
                self.at += 1
                found.pop()
        return found

    def _string(self, closing: str) -> str:
        self.at += 1
        pieces: list[str] = []
        while self.at < len(self._text):
            char = self._text[self.at]
            self.at += 1
            if char == "\\" and self.at < len(self._text):
                pieces.append(self._escaped())
            elif char == closing and _AFTER_STRING.match(self._text, self.at):
                break  # a quote with a word after it belongs to the text: "роман "Обломов" вышел"
            else:
                pieces.append(char)
        return "".join(pieces)

    def _escaped(self) -> str:
        char = self._text[self.at]
        self.at += 1
        if char == "u" and (found := _UNITS.match(self._text, self.at)):
            self.at = found.end()
            units = bytes.fromhex(found.group().replace("\\u", ""))
            return units.decode("utf-16-be", errors="ignore")
        return _ESCAPES.get(char, char)

    def _word(self) -> Any:
        found = _BARE.match(self._text, self.at)
        if found is None:
            return None
        self.at = found.end()
        word = found.group()
        if word in _WORDS:
            return _WORDS[word]
        return int(word) if re.fullmatch(r"-?\d{1,15}", word) else word
