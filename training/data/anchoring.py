"""Where an annotated answer stands in its passage.

Public sets say it, and are wrong now and then: SberQuAD's annotators typed answers in another case or with «е» for
«ё», translated sets kept the offsets of the original. An answer is looked for as it is written, then folded (case, ё,
quotes, stress marks), at word boundaries, and the occurrence nearest to where the set says it is taken. «Да» and «нет»
answer without standing in the passage: a «да» found in it is a particle.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from retrievers.analysis import fold, fold_with_offsets

_NO_SPANS = frozenset({"да", "нет"})


def anchor_answers(
    passage: str, answers: Iterable[str], *, start: int | None = None
) -> tuple[tuple[str, ...], int | None]:
    """Answers with the first as the passage words it, and the character it starts at.

    Args:
        passage: that answers.
        answers: right answers, best first.
        start: where the first is said to start; a hint. Without it the first occurrence counts.

    Returns:
        ``(answers, start)``: the first of ``answers`` that stands in ``passage`` has moved to the front, in the
        passage's wording, followed by its own wording where that differs; ``start`` is None where none stands there.

    Example:
        >>> anchor_answers("Сыграл Семёнов, а не Ёлкин.", ["елкин", "Семенов"])
        (('Ёлкин', 'елкин', 'Семенов'), 21)
    """
    wanted = tuple(dict.fromkeys(answer.strip() for answer in answers if answer.strip()))
    for answer in wanted:
        span = _nearest(passage, answer, start if answer == wanted[0] else None)
        if span is not None:
            worded = passage[slice(*span)]
            return tuple(dict.fromkeys((worded, answer, *wanted))), span[0]
    return wanted, None


def _nearest(passage: str, answer: str, start: int | None) -> tuple[int, int] | None:
    if start is not None and passage.startswith(answer, start):
        return start, start + len(answer)
    if fold(answer) in _NO_SPANS:
        return None
    spans = [match.span() for match in _pattern(answer).finditer(passage)]
    if not spans:
        folded, offsets = fold_with_offsets(passage)
        spans = [
            (offsets[match.start()], offsets[match.end() - 1] + 1) for match in _pattern(fold(answer)).finditer(folded)
        ]
    return min(spans, key=lambda span: abs(span[0] - start) if start is not None else span[0], default=None)


def _pattern(answer: str) -> re.Pattern[str]:
    """The answer between word boundaries, any white space for its spaces; a pattern that finds nothing for none."""
    parts = [re.escape(part) for part in answer.split()]
    before = r"(?<!\w)" if answer[:1].isalnum() else ""
    after = r"(?!\w)" if answer[-1:].isalnum() else ""
    return re.compile(before + r"\s+".join(parts) + after if parts else r"(?!)")
