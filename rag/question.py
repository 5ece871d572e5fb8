"""The check every question passes before any work is done on it."""

from __future__ import annotations

from retrievers.analysis import words
from retrievers.errors import InputError

# Longest question in characters. Of 25,132 questions of RuBQ, MIRACL, MKQA, TyDi and DaNetQA the longest has 361; what
# is much longer is a document pasted by mistake, and every stage would spend time on it.
MAX_QUESTION = 2_000
# What servers ask when they start, so that everything is loaded before the first question.
WARM_UP = "Что находится в этих документах?"


def check_question(question: str) -> str:
    """The question without surrounding white space.

    Raises:
        InputError: when it is empty, a single letter, without any word, or over :data:`MAX_QUESTION` characters.
    """
    stripped = question.strip()
    if not stripped:
        raise InputError("the question is empty; write it out in words")
    if len(stripped) > MAX_QUESTION:
        raise InputError(
            f"the question has {len(stripped)} characters, at most {MAX_QUESTION} are read; "
            "to ask about a text, add it to the index first"
        )
    if any("\ud800" <= char <= "\udfff" for char in stripped):
        raise InputError("the question holds bytes that are not UTF-8; write it in UTF-8")
    found = words(stripped)
    if not any(len(word) > 1 and not word.isdigit() for word in found):
        raise InputError(f"the question {stripped!r} holds no word to search for; write it out in words")
    return stripped
