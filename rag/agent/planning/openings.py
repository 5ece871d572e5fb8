"""«Скажите, пожалуйста, где …»: what is said before a question begins."""

from __future__ import annotations

import functools
import re

from rag.agent.planning.language import language


def without_opening(text: str) -> tuple[str, bool]:
    """A question without its greeting and politeness, with a capital, and whether it had any.

    >>> without_opening("Скажите, пожалуйста, где родился Лем?")
    ('Где родился Лем?', True)
    """
    match = _opening().match(text)
    if match is None or match.end() == len(text):
        return text, False
    rest = text[match.end() :]
    return f"{rest[:1].upper()}{rest[1:]}", True


@functools.cache
def _opening() -> re.Pattern[str]:
    phrases = "|".join(map(re.escape, sorted(language().openings, key=len, reverse=True)))
    return re.compile(rf"(?:(?:{phrases})(?:\s*[,.!:]\s*|\s+))+", re.IGNORECASE)
