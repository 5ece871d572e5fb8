"""Batches of whole questions, and the losses over them.

A batch holds all windows of all passages of its questions. Every question has one softmax over the tokens of all its
windows (shared normalisation: Clark and Gardner, 2018, section 3.2), so that the scores of different passages can be
compared; the start and the end have one each. The target is the sum over all marked places (their section 2.2, after
Kadlec et al., 2016): a row that says where its answer stands marks one, any other row every place that words it.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np

from retrievers.span_reader.windows import pad
from training.reading.rows import Feature

if TYPE_CHECKING:
    import torch


class RelevanceLoss(StrEnum):
    """How the relevance of a question's passages is learned."""

    LISTWISE = "listwise"  # softmax over the question's passages: ranks best, its scores have no zero
    BCE = "bce"  # each passage for itself: scores are log-odds, comparable between questions


class Batch(dict[str, Any]):
    """Tensors of some questions; rows are windows.

    ``input_ids``, ``attention_mask``, ``token_type_ids``: shape (windows, tokens). ``start_open``, ``end_open``: where
    an answer may start and end, the first token ("no answer") included; ``start_targets``, ``end_targets``: where one
    does; bool, alike. ``question``: index of each window's question, shape (windows,); ``passage``: of its passage in
    the question, alike. ``relevant``, ``answerable``: shape (questions,), bool.
    """


def collate(features: Sequence[Feature], pad_id: int) -> Batch:
    """A batch of questions."""
    import torch

    marked = [one for feature in features for one in feature.windows]
    arrays: dict[str, Any] = dict(pad([one.window for one in marked], pad_id))
    shape = arrays["input_ids"].shape
    masks = {name: np.zeros(shape, bool) for name in ("start_open", "end_open", "start_targets", "end_targets")}
    for row, one in enumerate(marked):
        body = slice(one.window.first, one.window.last)
        masks["start_open"][row, body], masks["end_open"][row, body] = one.window.starts, one.window.stops
        masks["start_targets"][row, body], masks["end_targets"][row, body] = one.starts, one.stops
        masks["start_open"][row, 0] = masks["end_open"][row, 0] = True
    arrays |= masks
    arrays["question"] = np.repeat(np.arange(len(features)), [len(feature.windows) for feature in features])
    arrays["passage"] = np.array([one.passage for one in marked])
    arrays["relevant"] = np.array([feature.relevant for feature in features])
    arrays["answerable"] = np.array([feature.answerable for feature in features])
    return Batch({name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in arrays.items()})


def span_loss(start: torch.Tensor, end: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of the marked places under each question's softmax, mean over questions that have one.

    Args:
        start: logits, shape (windows, tokens).
        end: alike.
        batch: of these windows.
    """
    import torch

    losses = []
    for logits, side in ((start, "start"), (end, "end")):
        scores = _open(logits, batch, side)
        for index, (_, answerable) in enumerate(_facts(batch)):
            if answerable:
                own = batch["question"] == index
                losses.append(_cross_entropy(scores[own], batch[f"{side}_targets"][own]))
    return torch.stack(losses).mean() if losses else start.sum() * 0.0


def null_loss(start: torch.Tensor, end: torch.Tensor, batch: Batch) -> torch.Tensor:
    """Cross-entropy of "no answer" where there is none, mean over such questions; a scalar.

    A question whose passage is not relevant has none. Of any other, the negatives alone have none: this needs no second
    pass, only a softmax without the row's own passage.

    Args:
        start: logits, shape (windows, tokens).
        end: alike.
        batch: of these windows.
    """
    import torch

    losses = []
    for logits, side in ((start, "start"), (end, "end")):
        scores = _open(logits, batch, side)
        for index, (relevant, _) in enumerate(_facts(batch)):
            empty = (batch["question"] == index) & ((batch["passage"] > 0) | (not relevant))
            if bool(empty.any()):
                first = torch.zeros_like(scores[empty], dtype=torch.bool)
                first[:, 0] = True
                losses.append(_cross_entropy(scores[empty], first))
    return torch.stack(losses).mean() if losses else start.sum() * 0.0


def relevance_loss(relevance: torch.Tensor, batch: Batch, kind: RelevanceLoss) -> torch.Tensor:
    """Loss of the passages' relevance, mean over questions; a passage counts as its most relevant window.

    Args:
        relevance: logits, shape (windows,).
        batch: of these windows.
        kind: ``listwise`` teaches nothing about a question of one passage, or with no relevant one.
    """
    import torch

    losses = []
    for index, (relevant, _) in enumerate(_facts(batch)):
        own = batch["question"] == index
        scores = _by_passage(relevance[own].float(), batch["passage"][own])  # (passages,)
        target = torch.zeros_like(scores)
        target[0] = float(relevant)
        if kind is RelevanceLoss.BCE:
            losses.append(torch.nn.functional.binary_cross_entropy_with_logits(scores, target))
        elif relevant and len(scores) > 1:
            losses.append(torch.logsumexp(scores, 0) - scores[0])
    return torch.stack(losses).mean() if losses else relevance.sum() * 0.0


def _open(logits: torch.Tensor, batch: Batch, side: str) -> torch.Tensor:
    """Logits in 32 bit, -inf where an answer may not start (or end); shape (windows, tokens)."""
    import torch

    return logits.float().masked_fill(~batch[f"{side}_open"], -torch.inf)


def _facts(batch: Batch) -> list[tuple[bool, bool]]:
    return list(zip(batch["relevant"].tolist(), batch["answerable"].tolist(), strict=True))


def _cross_entropy(scores: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Minus the log-probability of all targets together, under one softmax over all scores."""
    import torch

    return torch.logsumexp(scores.flatten(), 0) - torch.logsumexp(scores[targets], 0)


def _by_passage(scores: torch.Tensor, passage: torch.Tensor) -> torch.Tensor:
    """Highest score of each passage's windows, shape (passages,)."""
    import torch

    return torch.stack([scores[passage == index].max() for index in range(int(passage.max()) + 1)])
