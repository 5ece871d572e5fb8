"""Examples that must not be trained on: questions of the evaluation, and the same example twice.

A model that has seen an evaluation question is measured on its memory. What is compared is the text of the questions,
not their ids: public sets borrow from one another (RuBQ's questions are those of online quizzes, translations of SQuAD
share theirs), and questions made from a corpus may hit upon the wording of a person.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from evals.datasets.reading import Row, read_rows
from retrievers.errors import InputError
from training.data.near_duplicates import (
    NEAR,
    Match,
    NearPassages,
    NearTexts,
    check_threshold,
    containment,
    document_frequencies,
    normal_form,
    shingles,
    terms_of,
)
from training.examples import Example

_TIMES_LONGER = 2  # than the longest evaluation question: such a passage is no question, and is not compared to them


class Reason(enum.StrEnum):
    """Why an example was removed."""

    QUESTION = "evaluation question"
    NEAR_QUESTION = "nearly an evaluation question"
    PASSAGE = "evaluation passage"
    DUPLICATE = "duplicate"
    NEAR_DUPLICATE = "near-duplicate"


@dataclass(frozen=True, slots=True)
class HeldOut:
    """A question of an evaluation, and the passage that answers it where that is known."""

    question: str
    passage: str = ""


@dataclass(frozen=True, slots=True)
class Leak:
    """What a text repeats.

    Args:
        reason: how.
        text: the question or passage repeated.
        similarity: in (0, 1]; 1 for the same words.
    """

    reason: Reason
    text: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Removal:
    """An example that was removed, and why."""

    example: Example
    leak: Leak


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is left of some examples, in their order, and what is not."""

    kept: list[Example] = field(default_factory=list)
    removed: list[Removal] = field(default_factory=list)

    @property
    def counts(self) -> dict[str, int]:
        """Removed examples by reason, in the order of :class:`Reason`; reasons that did not occur are left out."""
        found = Counter(removal.leak.reason for removal in self.removed)
        return {reason.value: found[reason] for reason in Reason if found[reason]}


def read_held_out(paths: Sequence[Path]) -> list[HeldOut]:
    """Questions of evaluation files, of the steps of multi-step ones too, and their passages.

    Args:
        paths: evaluation files, files of examples, or any rows with ``question`` and perhaps ``paragraph`` or
            ``passage``: .jsonl, .jsonl.gz, .jsonl.zst or .parquet.

    Raises:
        InputError: a file cannot be read, holds nothing, or a row has no question.
    """
    held_out: list[HeldOut] = []
    for path in paths:
        before = len(held_out)
        for row in read_rows(path):
            held_out += _held_out_of(row)
        if len(held_out) == before:
            raise InputError(f"{path}: holds no questions")
    return held_out


class LeakFilter:
    """Tells whether a text repeats a question or passage of an evaluation.

    Args:
        held_out: of the evaluation.
        near: similarity from which one text repeats another (see :mod:`training.data.near_duplicates`): of the lemmas
            of two questions, of the word trigrams of two passages.

    Raises:
        InputError: ``near`` is not in (0, 1].
    """

    def __init__(self, held_out: Sequence[HeldOut], *, near: float = NEAR) -> None:
        self._held_out = held_out
        self._longest = _TIMES_LONGER * max((len(one.question) for one in held_out), default=0)
        self._exact = {form: at for at, one in reversed(list(enumerate(held_out))) if (form := _form(one.question))}
        terms = [terms_of(one.question) for one in held_out]
        self._questions = NearTexts(document_frequencies(terms), threshold=near)
        for at, found in enumerate(terms):
            self._questions.add(at, found)
        self._passages = NearPassages(threshold=near)
        for at, one in enumerate(held_out):
            if one.passage:
                self._passages.add(at, shingles(one.passage))

    def of_question(self, text: str) -> Leak | None:
        """The evaluation question that ``text`` repeats, exactly or nearly."""
        at = self._exact.get(_form(text))
        if at is not None:
            return Leak(Reason.QUESTION, self._held_out[at].question, 1.0)
        match = self._questions.most_similar(terms_of(text))
        return match and Leak(Reason.NEAR_QUESTION, self._held_out[match.key].question, match.similarity)

    def of_passage(self, text: str) -> Leak | None:
        """The evaluation passage that ``text`` holds, is a part of, or nearly so."""
        match = self._passages.most_similar(shingles(text))
        return match and Leak(Reason.PASSAGE, self._held_out[match.key].passage, match.similarity)

    def of_example(self, example: Example, *, passages: bool = False) -> Leak | None:
        """What an example repeats.

        Both texts are held against the evaluation's questions: in pairs of questions (paraphrases, duplicates) the
        second is a question as well, and a sentence is hardly ever as similar to one.

        Args:
            example: to be trained on.
            passages: hold its passage against the evaluation's passages too.
        """
        leak = self.of_question(example.question)
        if leak is None and len(example.passage) <= self._longest:
            leak = self.of_question(example.passage)
        if leak is None and passages:
            leak = self.of_passage(example.passage)
        return leak


def remove_leaks(examples: Iterable[Example], leaks: LeakFilter, *, passages: bool = False) -> Filtered:
    """Leave out the examples that repeat an evaluation question.

    Args:
        examples: to be trained on.
        leaks: knows the evaluation.
        passages: leave out those whose passage is (nearly) an evaluation's passage, too. Off by default: a page that
            answers an evaluation question may be read in training as it is read in answering.
    """
    filtered = Filtered()
    for example in examples:
        leak = leaks.of_example(example, passages=passages)
        if leak is None:
            filtered.kept.append(example)
        else:
            filtered.removed.append(Removal(example, leak))
    return filtered


def remove_duplicates(examples: Sequence[Example], *, near: float | None = NEAR) -> Filtered:
    """Leave every example once; the first of its kind stays.

    Examples are the same when their texts are, in either order, up to case, ё and punctuation; the one that stays takes
    over negatives of the others where neither has scores. They are nearly the same when both the questions and the
    passages are, and nothing known of the pair (label, first answer) differs: «два» and «три» are two questions.

    Args:
        examples: of one training set.
        near: similarity of near-duplicates (see :class:`LeakFilter`); None keeps them.

    Raises:
        InputError: ``near`` is not in (0, 1].
    """
    merged = _merge_same(examples)
    if near is None:
        return merged
    check_threshold(near)
    filtered = Filtered(removed=merged.removed)
    terms = [terms_of(example.question) for example in merged.kept]
    known = NearTexts(document_frequencies(terms), threshold=near)
    for at, (example, found) in enumerate(zip(merged.kept, terms, strict=True)):
        match = _near_duplicate(example, known.similar(found), merged.kept, near)
        if match is None:
            known.add(at, found)
            filtered.kept.append(example)
        else:
            leak = Leak(Reason.NEAR_DUPLICATE, merged.kept[match.key].question, match.similarity)
            filtered.removed.append(Removal(example, leak))
    return filtered


def _held_out_of(row: Row) -> list[HeldOut]:
    passage = row.optional_text("paragraph") or row.optional_text("passage")
    steps = [step for field in ("hops", "history") if row.fields.get(field) for step in row.rows(field)]
    standalone = row.optional_text("standalone")
    return [
        HeldOut(row.text("question"), passage),
        *(HeldOut(step.text("question")) for step in steps),
        *([HeldOut(standalone)] if standalone else []),
    ]


def _form(text: str) -> str:
    return normal_form(text) or text.strip()  # «???» has no words, and is the same as itself


def _merge_same(examples: Sequence[Example]) -> Filtered:
    kept: dict[tuple[str, ...], Example] = {}
    removed: list[Removal] = []
    for example in examples:
        key = tuple(sorted((_form(example.question), _form(example.passage))))
        if key not in kept:
            kept[key] = example
            continue
        first = kept[key]
        removed.append(Removal(example, Leak(Reason.DUPLICATE, first.question, 1.0)))
        if example.negatives and not first.scores and not example.scores:
            together = tuple(dict.fromkeys((*first.negatives, *example.negatives)))
            kept[key] = first.model_copy(update={"negatives": together})
    return Filtered(list(kept.values()), removed)


def _near_duplicate(example: Example, matches: Sequence[Match], kept: Sequence[Example], near: float) -> Match | None:
    if not matches:
        return None
    found = shingles(example.passage)
    known = _known(example)
    for match in matches:
        other = kept[match.key]
        if _known(other) == known and containment(found, shingles(other.passage)) >= near:
            return match
    return None


def _known(example: Example) -> tuple[float | None, str]:
    """What tells apart pairs of the same words."""
    return example.label, normal_form(example.answers[0]) if example.answers else ""
