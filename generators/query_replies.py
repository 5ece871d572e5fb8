"""What a language model replies when it is asked for queries, made into queries, whatever form it chose.

Asked for numbered lines, models answer with bullets, JSON, tables of one column, a preamble, the question once more, or
the same line without end. Nothing here raises for what a model said: what cannot be used is left out.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from generators.refusals import is_refusal
from generators.transcript import without_thoughts
from prompts.fencing import as_line

MAX_QUERY = 300  # characters; a longer line is no question
MAX_PASSAGE = 1200  # characters: three long sentences; what follows has lost the thread
_MAX_REPLY = 20_000  # characters read; a model that repeats itself until its limit says nothing new after them

_FENCE = re.compile(r"^[^\S\n]*+```\w*+[^\S\n]*+$", re.MULTILINE)
_TAG = re.compile(r"</?(?:вопрос|отрывок|ответ|question|passage|answer|query)>", re.IGNORECASE)
_NUMBER = r"(?:\d{1,2}\s*[.):]|\(\d{1,2}\)|[-–—•*·●▪]+)"
_LINE_MARK = re.compile(rf"^(?:\s|>|\|)*(?:{_NUMBER}\s*)*")
# Numbered items on one line: «1. Кто…? 2. Кем…?»; a year or a decimal number is no number of an item.
_INNER_NUMBER = re.compile(r"(?<=[?.!;»\"])\s+(?=\(?\d{1,2}[.)]\s+\D)")
_LABEL = re.compile(
    r"^(?:вариант|запрос|вопрос|переформулировка|перефразировка|формулировка|отрывок|пассаж|текст|ответ|абзац)"
    r"\w{0,3}(?:\s*(?:№\s*)?\d{1,2})?\s*[:—-]\s*",
    re.IGNORECASE,
)
_QUOTES = {"«": "»", '"': '"', "“": "”", "„": "“", "'": "'", "`": "`", "*": "*", "_": "_"}
_JSON_TEXT = re.compile(r'"(?P<text>(?:[^"\\]|\\.)+)"(?P<key>\s*:)?')
_SENTENCE = re.compile(r"(?<=[.!?…])\s+(?=[А-ЯЁA-Z«\"(\d])")


def parse_rewrites(reply: str, limit: int) -> list[str]:
    """Queries in a reply, each once, in its order: ``parse_rewrites("1. Кто автор?", 5) == ["Кто автор?"]``.

    Args:
        reply: what the model said.
        limit: how many are wanted; more are left out.
    """
    found: dict[str, str] = {}
    for line in _lines(_cleaned(reply)):
        query = _bare(line)
        if _is_query(query):
            found.setdefault(query.casefold(), query)
            if len(found) == limit:
                break
    return list(found.values())


def parse_passage(reply: str) -> str:
    """The passage in a reply, on one line; ``""`` where there is none or the model says that it cannot.

    It ends before the first sentence that stood there already, and after :data:`MAX_PASSAGE` characters.
    """
    text = _cleaned(reply)
    texts = _of_json(text)
    lines = [_bare(line) for line in (texts if texts is not None else text.splitlines())]
    lines = [line for line in lines if line]
    while lines and lines[0].endswith(":"):  # «Вот отрывок:»
        del lines[0]
    kept: dict[str, str] = {}
    length = 0
    for sentence in _SENTENCE.split(" ".join(lines)):
        length += len(sentence) + 1
        if sentence.casefold() in kept or (kept and length > MAX_PASSAGE):
            break
        kept[sentence.casefold()] = sentence
    passage = " ".join(kept.values())[:MAX_PASSAGE].strip()
    return "" if is_refusal(passage) or not any(map(str.isalpha, passage)) else passage


def _cleaned(reply: str) -> str:
    if len(reply) > _MAX_REPLY:
        whole_lines, _, _ = reply[:_MAX_REPLY].rpartition("\n")
        reply = whole_lines or reply[:_MAX_REPLY]
    return _TAG.sub(" ", _FENCE.sub("", without_thoughts(reply))).strip()


def _lines(text: str) -> Iterator[str]:
    texts = _of_json(text)
    for line in texts if texts is not None else text.splitlines():
        yield from _INNER_NUMBER.split(line)


def _of_json(text: str) -> list[str] | None:
    """Texts of a JSON value in the reply, None where there is none; its keys and numbers are left out."""
    starts = [at for at in (text.find("["), text.find("{")) if at >= 0]
    if not starts:
        return None
    try:
        value, _ = json.JSONDecoder().raw_decode(text, min(starts))
    except (ValueError, RecursionError):  # most often cut off by the limit of tokens
        return [match["text"] for match in _JSON_TEXT.finditer(text) if not match["key"]] if min(starts) == 0 else None
    return list(_strings(value)) or None


def _strings(value: Any) -> Iterator[str]:
    """Texts inside a JSON value in order. Its depth is bounded by the decoder, which recurses too."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for part in value if isinstance(value, list) else value.values():
            yield from _strings(part)


def _bare(line: str) -> str:
    """A line without number, bullet, label and the quotes around it."""
    text = as_line(line.replace("**", "")).removesuffix(",").rstrip("|").strip()
    text = _LABEL.sub("", _LINE_MARK.sub("", text, count=1), count=1).strip()
    while len(text) > 1 and _QUOTES.get(text[0]) == text[-1] and text[-1] not in text[1:-1]:
        text = text[1:-1].strip()
    return text


def _is_query(text: str) -> bool:
    return (
        any(map(str.isalpha, text))
        and len(text) <= MAX_QUERY
        and not text.endswith(":")  # «Вот варианты:»
        and not is_refusal(text)
    )
