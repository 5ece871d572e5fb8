"""What loaders give: examples, and the records that make none, with the reason."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from rag.errors import first_mistake
from retrievers.errors import InputError
from training.data.anchoring import anchor_answers
from training.examples import Example


class SkipReason(enum.StrEnum):
    """Why a record makes no example."""

    EMPTY = "a text is empty"
    UNANSWERABLE = "the passage does not answer"
    UNKNOWN_PASSAGE = "passage unknown"
    UNKNOWN_QUESTION = "question unknown"
    NOT_RELEVANT = "judged not relevant"
    ALONE = "a group of one"


@dataclass(frozen=True, slots=True)
class Skip:
    """A record that makes no example."""

    reason: SkipReason


Found = Example | Skip


def make_example(
    place: str,
    question: str,
    passage: str,
    *,
    answers: Iterable[str] = (),
    start: int | None = None,
    negatives: Sequence[str] = (),
    **known: Any,
) -> Found:
    """An example of texts as a data set has them: spaces around them taken off, the answer put in its place.

    Args:
        place: of the record, for messages.
        question: first text.
        passage: second text.
        answers: right answers; blank ones (withheld) are passed over.
        start: where the data set says that the first answer starts in ``passage``; it need not be right.
        negatives: passages that do not belong; blank ones are passed over.
        **known: other fields of :class:`~training.examples.Example`.

    Returns:
        The example, or a skip where one of the two texts is blank.

    Raises:
        InputError: a field holds something that an example cannot.
    """
    if not question.strip() or not passage.strip():
        return Skip(SkipReason.EMPTY)
    text = passage.strip()
    if start is not None:
        start -= len(passage) - len(passage.lstrip())
    found, at = anchor_answers(text, answers, start=start)
    try:
        return Example(
            question=question.strip(),
            passage=text,
            answers=found,
            answer_start=at,
            negatives=tuple(dict.fromkeys(one.strip() for one in negatives if one.strip())),
            **known,
        )
    except ValidationError as error:
        raise InputError(f"{place}: {first_mistake(error)}") from error


def examples_of(found: Iterable[Found]) -> Iterator[Example]:
    """The examples alone."""
    return (one for one in found if isinstance(one, Example))
