"""Sentence boundaries of Russian text with offsets: razdel's rules on a linear-time loop.

``razdel.sentenize`` grows its sentence by string concatenation at every delimiter, which is quadratic on a text without
sentence ends (a megabyte of brackets takes hours), and finds the offsets again afterwards. The loop here keeps offsets
and asks the same rules; a differential test holds the two equal.
"""

from __future__ import annotations

import functools
import importlib
import itertools
import re
from collections.abc import Callable, Iterator
from typing import Any


@functools.cache
def _razdel() -> tuple[
    Callable[[str], Iterator[re.Match[str]]], list[Callable[[Any], object]], Callable[..., Any], int
]:
    # By name: the package rebinds the attribute to an instance.
    sentences = importlib.import_module("razdel.segmenters.sentenize")

    splitter = sentences.SentSplitter()
    # "No white space after the delimiter, no boundary" is checked by the loop itself: it settles most delimiters.
    rules = [rule.function for rule in sentences.RULES if rule.name != "no_space_prefix"]
    return splitter.re.finditer, rules, sentences.SentSplit, sentences.BULLET_SIZE


# Characters on either side of a delimiter that razdel's rules look at.
_WINDOW = 10


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> list[tuple[int, int]]:
    """Offsets ``(start, end)`` into ``text`` of the sentences of ``text[start:end]``, without the white space around.

    >>> text = "А. С. Пушкин родился в Москве. Он писал стихи."
    >>> [text[begin:stop] for begin, stop in sentence_spans(text)]
    ['А. С. Пушкин родился в Москве.', 'Он писал стихи.']
    """
    finditer, rules, split_type, bullet_size = _razdel()
    part = text[start:end]
    length = len(part)
    bounds = [0]
    for match in finditer(part):
        stop = match.end()
        if stop >= length or not part[stop].isspace():
            continue
        at = match.start()
        split = split_type(part[max(0, at - _WINDOW) : at], match.group(1), part[stop : stop + _WINDOW])
        # One rule asks whether the sentence so far is a short bullet ("1.", "а)"): its opening is enough to tell.
        split.buffer = part[bounds[-1] : min(at, bounds[-1] + bullet_size + 1)]
        if not any(rule(split) for rule in rules):
            bounds.append(stop)
    bounds.append(length)
    spans: list[tuple[int, int]] = []
    for begin, stop in itertools.pairwise(bounds):
        sentence = part[begin:stop]
        body = sentence.strip()
        if body:
            first = start + begin + len(sentence) - len(sentence.lstrip())
            spans.append((first, first + len(body)))
    return spans
