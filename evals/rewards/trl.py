"""Reward functions of TRL's ``GRPOTrainer`` and ``RLOOTrainer``: give them to ``reward_funcs``.

Each takes a batch: ``completions`` (texts or conversations) and the columns of ``--format trl`` that it needs, a list
element for each completion; TRL passes everything by name. Each returns a number in [0, 1] for each completion, or
None where it is undefined, which leaves that row out for that function::

    GRPOTrainer(model, reward_funcs=[answer_f1_lemma, answer_format], args=GRPOConfig(reward_weights=[1.0, 0.1]), …)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from evals.answers import exact_match, token_f1
from evals.relevance import holds_answer
from evals.rewards.completions import (
    Completion,
    completion_text,
    is_plain_answer,
    is_well_formed,
    read_answer,
    tool_texts,
)

Rewards = list[float | None]
Texts = Sequence[Sequence[str]]


def answer_em(completions: Sequence[Completion], answers: Texts, **_columns: Any) -> Rewards:
    """Exact match with the best gold answer; None without one.

    >>> answer_em(completions=["«Война и мир» [1]"], answers=[["Война и мир"]])
    [1.0]
    """
    return _answer_rewards(completions, answers, lambda text, gold: exact_match(text, gold))


def answer_f1(completions: Sequence[Completion], answers: Texts, **_columns: Any) -> Rewards:
    """Token F1 with the best gold answer; None without one."""
    return _answer_rewards(completions, answers, lambda text, gold: token_f1(text, gold))


def answer_em_lemma(completions: Sequence[Completion], answers: Texts, **_columns: Any) -> Rewards:
    """Exact match of dictionary forms; None without a gold answer."""
    return _answer_rewards(completions, answers, lambda text, gold: exact_match(text, gold, lemmatize=True))


def answer_f1_lemma(completions: Sequence[Completion], answers: Texts, **_columns: Any) -> Rewards:
    """Token F1 of dictionary forms; None without a gold answer."""
    return _answer_rewards(completions, answers, lambda text, gold: token_f1(text, gold, lemmatize=True))


def abstention_right(completions: Sequence[Completion], answerable: Sequence[bool], **_columns: Any) -> Rewards:
    """1.0 where an answerable question was answered or another was not, else 0.0."""
    pairs = zip(completions, answerable, strict=True)
    return [float(read_answer(completion).abstained != bool(can)) for completion, can in pairs]


def citation_gold(
    completions: Sequence[Completion], passage_doc_ids: Texts, gold_doc_ids: Texts, **_columns: Any
) -> Rewards:
    """Share of the passages cited in the answer (``[1]``) whose document is gold; one that is not there is none.

    0.0 for an answer that cites nothing; None for an abstention, or where no document is gold.
    """
    rows = zip(completions, passage_doc_ids, gold_doc_ids, strict=True)
    return [_cited_gold(completion, shown, gold) for completion, shown, gold in rows]


def answer_format(completions: Sequence[Completion], question: Sequence[str], **_columns: Any) -> Rewards:
    """1.0 for a short answer and nothing else (``completions.is_plain_answer``) or an abstention, else 0.0."""
    answers = [(read_answer(completion), asked) for completion, asked in zip(completions, question, strict=True)]
    return [float(read.abstained or is_plain_answer(read.text, asked)) for read, asked in answers]


def tag_format(completions: Sequence[Completion], **_columns: Any) -> Rewards:
    """1.0 for a rollout with well-formed search tags (``completions.is_well_formed``), else 0.0."""
    return [float(is_well_formed(completion_text(completion))) for completion in completions]


def retrieved_answer(completions: Sequence[Completion], answers: Texts, **_columns: Any) -> Rewards:
    """1.0 where something a tool brought holds a gold answer in any grammatical form, else 0.0.

    For policies that search with tools; only messages of the role ``tool`` count, so a policy cannot earn it by
    writing results itself. None without a gold answer, or where no tool was called.
    """
    rewards: Rewards = []
    for completion, gold in zip(completions, answers, strict=True):
        texts = tool_texts(completion)
        rewards.append(float(any(holds_answer(text, gold) for text in texts)) if gold and texts else None)
    return rewards


def _answer_rewards(
    completions: Sequence[Completion], answers: Texts, metric: Callable[[str, Sequence[str]], float]
) -> Rewards:
    pairs = zip(completions, answers, strict=True)
    return [metric(read_answer(completion).text, gold) if gold else None for completion, gold in pairs]


def _cited_gold(completion: Completion, shown: Sequence[str], gold: Sequence[str]) -> float | None:
    answer = read_answer(completion)
    if answer.abstained or not gold:
        return None
    if not answer.cited:
        return 0.0
    return sum(number <= len(shown) and shown[number - 1] in gold for number in answer.cited) / len(answer.cited)
