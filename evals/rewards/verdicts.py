"""A policy's answer judged against gold: what the reward functions of all trainers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evals.answers import answer_metrics
from evals.rewards.completions import Completion, ReadAnswer, read_answer


@dataclass(frozen=True, slots=True)
class Gold:
    """What is right: one of ``answers``, or abstaining where the question is not ``answerable``."""

    answers: tuple[str, ...]
    answerable: bool = True

    @classmethod
    def parse(cls, value: Any) -> Gold:
        """Gold as an exported row holds it: ``{"target": [...], "answerable": true}``; a bare answer or list too.

        Raises:
            TypeError: ``value`` is something else.
        """
        if isinstance(value, Mapping):
            answers = value.get("target")
            return cls(_texts(() if answers is None else answers), bool(value.get("answerable", True)))
        return cls(_texts(value))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Answer metrics of one completion, each in [0, 1].

    Where the question is not answerable, all are 1 for abstaining and 0 for any answer, as in the SQuAD 2.0 script
    (Rajpurkar, Jia and Liang, 2018).
    """

    em: float
    f1: float
    em_lemma: float
    f1_lemma: float
    abstained: bool

    def metrics(self) -> dict[str, float]:
        """All of it as numbers, by name; the names are the same for every completion."""
        return {
            "em": self.em,
            "f1": self.f1,
            "em_lemma": self.em_lemma,
            "f1_lemma": self.f1_lemma,
            "abstained": float(self.abstained),
        }


def judge(completion: Completion, gold: Gold) -> Verdict:
    """Judge the answer of a completion."""
    return judge_answer(read_answer(completion), gold)


def judge_answer(answer: ReadAnswer, gold: Gold) -> Verdict:
    """Judge an answer that is read already.

    Raises:
        ValueError: the question is answerable and has no gold answers.
    """
    if not gold.answerable:
        right = float(answer.abstained)
        return Verdict(right, right, right, right, answer.abstained)
    return Verdict(**answer_metrics(answer.text, gold.answers), abstained=answer.abstained)


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,)
    if isinstance(value, Mapping) or not hasattr(value, "__iter__"):
        raise TypeError(f"expected gold answers as a text or a list of texts, got {type(value).__name__}")
    return tuple(str(answer) for answer in value)  # numpy arrays too: that is how Parquet lists arrive
