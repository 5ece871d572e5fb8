"""The reward function of Search-R1, as its ``RewardManager`` calls one (Jin et al., 2025, arXiv:2503.09516)."""

from __future__ import annotations

from typing import Any

from evals.rewards.completions import tagged_answer
from evals.rewards.verdicts import Gold, judge


def compute_score(solution_str: str, ground_truth: Any, format_score: float = 0.0, score: float = 1.0) -> float:
    """Exact match of dictionary forms with the answer in the last ``<answer>`` tag.

    Args:
        solution_str: the whole sequence, prompt and rollout, or the rollout alone. The prompt of
            ``--format search-r1`` explains its tags without words in them, so it is never taken for an answer.
        ground_truth: ``{"target": [...], "answerable": true}``.
        format_score: what a wrong answer in its tags is worth.
        score: what a right answer is worth.

    Returns:
        ``score``, ``format_score``, or 0.0 where no answer stands in tags.
    """
    body = tagged_answer(solution_str)
    if body is None:
        return 0.0
    return score if judge(body, Gold.parse(ground_truth)).em_lemma else format_score
