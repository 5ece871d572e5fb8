"""Random negatives: passages of other examples, as the naive baseline of the notebooks and with care."""

from __future__ import annotations

import enum
import random
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from evals.relevance import holds_answer
from retrievers.errors import InputError
from training.data.near_duplicates import containment, normal_form, shingles
from training.examples import Example

_NEAR_PASSAGE = 0.5  # common trigrams, as a share of the shorter passage, of two cuts of the same text
_CACHED = 1 << 14  # passages; every one is drawn about as often as any other


class Exclusion(enum.StrEnum):
    """A passage that is no negative of an example, and why."""

    POSITIVE = "a positive of the same question"
    TITLE = "same title"
    DOCUMENT = "same document"
    ANSWER = "holds an answer"
    NEAR = "near-duplicate of the positive"


# What the classic notebooks leave out beside the passage itself, and everything that speaks against a passage.
NAIVE = frozenset({Exclusion.TITLE})
CAREFUL = frozenset(Exclusion)


@dataclass(frozen=True, slots=True)
class Sampled:
    """Examples with the negatives drawn for them.

    Args:
        examples: in their order.
        rejected: drawn passages that were left out, by the first reason that held.
        short: examples for which the passages did not suffice.
    """

    examples: list[Example]
    rejected: Mapping[Exclusion, int]
    short: int


def sample_negatives(
    examples: Sequence[Example], count: int, *, seed: int, exclude: Collection[Exclusion] = CAREFUL
) -> list[Example]:
    """:func:`draw_negatives` without its report."""
    return draw_negatives(examples, count, seed=seed, exclude=exclude).examples


def draw_negatives(
    examples: Sequence[Example], count: int, *, seed: int, exclude: Collection[Exclusion] = CAREFUL
) -> Sampled:
    """Add passages of other examples as negatives, each drawn with the same chance, behind those there are.

    An example takes as many as there are where fewer are fit. Pairs with the label 0 get none: their passage is a
    negative itself.

    Args:
        examples: those that get negatives, and whose passages are drawn.
        count: how many each gets.
        seed: of the draw; the same examples and seed give the same negatives.
        exclude: what is no negative; :data:`NAIVE` is the baseline, :data:`CAREFUL` everything known. A positive of
            the same question never is one.

    Raises:
        InputError: ``count`` is less than 1, or an example has a teacher's scores, which its new negatives would lack.
    """
    if count < 1:
        raise InputError(f"expected at least 1 negative, got {count}")
    if scored := next((at for at, example in enumerate(examples, start=1) if example.scores), None):
        raise InputError(f"example {scored} has a teacher's scores: sample negatives first, then score them all")
    pool = list({example.text: example for example in reversed(examples)}.values())[::-1]
    positives = _positives(examples)
    draw = random.Random(seed)
    rejected: Counter[Exclusion] = Counter()
    sampled, short = [], 0
    for example in examples:
        if example.label == 0:
            sampled.append(example)
            continue
        same = positives[normal_form(example.question)]
        found: list[str] = []
        for at in _shuffled(len(pool), draw):
            if len(found) == count:
                break
            if pool[at].text in example.negatives:
                continue
            reason = _reason(example, pool[at], same, {Exclusion.POSITIVE, *exclude})
            if reason is None:
                found.append(pool[at].text)
            else:
                rejected[reason] += 1
        short += len(found) < count
        sampled.append(example.model_copy(update={"negatives": (*example.negatives, *found)}))
    return Sampled(sampled, {reason: rejected[reason] for reason in Exclusion if rejected[reason]}, short)


def _positives(examples: Sequence[Example]) -> dict[str, set[str]]:
    """Question to all passages that belong to it, in normal form."""
    found: dict[str, set[str]] = {}
    for example in examples:
        belong = found.setdefault(normal_form(example.question), set())
        if example.label != 0:
            belong.add(normal_form(example.passage))
    return found


def _reason(
    example: Example, other: Example, positives: Collection[str], exclude: Collection[Exclusion]
) -> Exclusion | None:
    """Why ``other``'s passage is no negative of ``example``; the cheap reasons first."""
    return next((one for one in Exclusion if one in exclude and _holds(one, example, other, positives)), None)


def _holds(reason: Exclusion, example: Example, other: Example, positives: Collection[str]) -> bool:
    match reason:
        case Exclusion.POSITIVE:
            return _form(other.passage) in positives
        case Exclusion.TITLE:
            return bool(example.title) and _title(other) == _title(example)
        case Exclusion.DOCUMENT:
            return bool(example.doc_id) and other.doc_id == example.doc_id
        case Exclusion.ANSWER:
            return holds_answer(other.text, example.answers)
        case Exclusion.NEAR:
            return containment(_shingles(other.passage), _shingles(example.passage)) >= _NEAR_PASSAGE


def _title(example: Example) -> str:
    return example.title.partition("\n")[0]  # headings stand on lines below


_form = lru_cache(_CACHED)(normal_form)
_shingles = lru_cache(_CACHED)(shingles)


def _shuffled(size: int, draw: random.Random) -> Iterator[int]:
    """The numbers below ``size`` in random order, one by one: a Fisher-Yates shuffle that keeps what it moved only."""
    moved: dict[int, int] = {}
    for at in range(size):
        other = draw.randrange(at, size)
        yield moved.get(other, other)
        moved[other] = moved.pop(at, at)
