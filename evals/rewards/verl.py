"""The reward function of verl.

``reward.custom_reward_function.path=pkg://evals.rewards.verl reward.custom_reward_function.name=compute_score``
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from evals.rewards.completions import is_plain_answer, is_well_formed, read_answer
from evals.rewards.verdicts import Gold, judge_answer

_ROLLOUT = re.compile(r"<(?:search|answer)>")


def compute_score(
    data_source: str,  # noqa: ARG001 - the signature is verl's
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    **_options: Any,
) -> dict[str, float]:
    """Score one response of the policy.

    Args:
        data_source: column of the row, not looked at.
        solution_str: what the policy wrote, without the prompt; tagged rollouts too.
        ground_truth: ``{"target": [...], "answerable": true}``, or a gold answer or a list of them.
        extra_info: column of the row; its ``question`` may hold letters that the answer may then have.
        _options: what verl adds (``reward_kwargs`` of its configuration).

    Returns:
        ``score``, which is the lemma F1 (1 for abstaining where there is no answer), and what verl logs beside it:
        ``em``, ``f1``, ``em_lemma``, ``f1_lemma``, ``abstained``, ``format``. The keys are always the same.
    """
    answer = read_answer(solution_str)
    verdict = judge_answer(answer, Gold.parse(ground_truth))
    question = str((extra_info or {}).get("question", ""))
    tagged = _ROLLOUT.search(solution_str)
    kept_format = is_well_formed(solution_str) if tagged else answer.abstained or is_plain_answer(answer.text, question)
    return {"score": verdict.f1_lemma, **verdict.metrics(), "format": float(kept_format)}
