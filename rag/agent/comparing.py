"""COMPARE: which of several answers is the earlier, the later, the smaller or the larger one, or whether they agree."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rag.agent.finding import words_of
from rag.agent.plan import Comparison
from rag.agent.values import is_value, read_moment, read_quantity

YES, NO = "да", "нет"


def winner(answers: Sequence[str], comparison: Comparison) -> int | None:
    """Index of the answer that fits ``comparison``; None where one cannot be read, or two of them tie.

    Args:
        answers: short answers in Russian, at least two.
        comparison: any but SAME, which has no winner.

    Raises:
        ValueError: for SAME.

    >>> winner(["26 мая 1799 года", "в 1814 году"], Comparison.EARLIEST)
    0
    """
    match comparison:
        case Comparison.EARLIEST:
            return _extreme_moment(answers, min)
        case Comparison.LATEST:
            return _extreme_moment(answers, max)
        case Comparison.LEAST:
            return _extreme(answers, -1.0)
        case Comparison.MOST:
            return _extreme(answers, 1.0)
        case Comparison.SAME:
            raise ValueError("expected a comparison with a winner, got same")


def agree(answers: Sequence[str]) -> bool:
    """SAME: all answers are one date, one quantity, or one wording up to inflection; one may say more than another."""
    first, *others = answers
    return all(_agree(first, other) for other in others)


def _agree(left: str, right: str) -> bool:
    if is_value(left) and is_value(right):
        quantities = read_quantity(left), read_quantity(right)
        if quantities[0] and quantities[1] and (quantities[0].kind or quantities[1].kind):
            return quantities[0] == quantities[1]
        moments = read_moment(left), read_moment(right)
        if moments[0] and moments[1]:
            return moments[0].same_as(moments[1])
        return quantities[0] == quantities[1]
    keys = words_of(left), words_of(right)
    return bool(keys[0] and keys[1]) and (keys[0] <= keys[1] or keys[1] <= keys[0])


def _extreme_moment(answers: Sequence[str], choose: Callable[..., int]) -> int | None:
    moments = [read_moment(answer) for answer in answers]
    known = [moment for moment in moments if moment is not None]
    if len(known) < len(moments):
        return None
    best = choose(range(len(known)), key=known.__getitem__)
    # A year alone may be that of a date within it.
    return best if all(at == best or known[at].comparable(known[best]) for at in range(len(known))) else None


def _extreme(answers: Sequence[str], sign: float) -> int | None:
    quantities = [read_quantity(answer) for answer in answers]
    known = [quantity for quantity in quantities if quantity is not None]
    # A bare number is taken in the unit of the others: readers leave units away.
    kinds = {quantity.kind for quantity in known if quantity.kind}
    if len(known) < len(quantities) or len(kinds) > 1:
        return None
    values = [sign * quantity.value for quantity in known]
    best = max(values)
    return values.index(best) if values.count(best) == 1 else None
