"""The reward function of OpenRLHF: name this file in its option for a remote reward model."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from evals.rewards.verdicts import Gold, judge
from retrievers.errors import MissingExtraError

# Queries are decoded with their control tokens: what ends a turn stands behind the response, and padding behind that.
_END = re.compile(r"(?:\s*(?:<\|[^<>|]+\|>|</s>|<eos>|<pad>|<end_of_turn>))+\s*\Z")


def reward_func(
    queries: Sequence[str], prompts: Sequence[str], labels: Sequence[str], **_options: Any
) -> dict[str, Any]:
    """Score a batch of responses by lemma F1.

    Args:
        queries: prompts with the responses behind them, as texts.
        prompts: the same prompts alone.
        labels: column ``label`` of ``--format openrlhf``: gold as JSON.
        _options: what OpenRLHF adds.

    Returns:
        ``rewards`` and ``scores``, tensors of shape (batch,) in [0, 1], and ``extra_logs``, a dict of such tensors.

    Raises:
        MissingExtraError: torch is not installed.
        ValueError: a query does not hold its prompt, so that nobody knows where the response begins.
    """
    try:
        import torch
    except ImportError as error:
        raise MissingExtraError("The reward function of OpenRLHF", "hf") from error
    rows = zip(queries, prompts, labels, strict=True)
    verdicts = [judge(_response(query, prompt), Gold.parse(json.loads(label))) for query, prompt, label in rows]
    rewards = torch.tensor([verdict.f1_lemma for verdict in verdicts], dtype=torch.float32)  # (batch,)
    metrics = [verdict.metrics() for verdict in verdicts]
    logs = {name: torch.tensor([row[name] for row in metrics], dtype=torch.float32) for name in metrics[0]}
    return {"rewards": rewards, "scores": rewards, "extra_logs": logs}


def _response(query: str, prompt: str) -> str:
    _, found, response = query.partition(prompt)
    if not found:
        raise ValueError(f"expected a query that begins with its prompt, got {query[:80]!r}… for {prompt[:80]!r}…")
    return _END.sub("", response)
