"""Fitting the joint network, and what it reaches."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from rich.console import Console
from rich.progress import track

from evals.answers import exact_match, token_f1
from evals.metrics import hit_at_k, reciprocal_rank_at_k
from retrievers.joint.inputs import MAX_PASSAGE
from retrievers.joint.tokens import tokenize
from training.joint.batches import Featurizer, Pair, bucketed
from training.joint.cases import Candidate, Case, draw
from training.joint.network import joint_loss

_BATCH = 32  # pairs read at once when measuring


class FitOptions(BaseModel):
    """How the network is trained on one set of cases.

    Args:
        epochs: passes over the cases.
        learning_rate: highest one; it rises over the first tenth of the updates and falls to 0.
        batch_size: pairs of a batch, about: a question's passages stay together.
        wrong: wrong passages beside each right one.
        ranking: weight of the passages' competition beside the spans' loss; ``relevance`` of the judgement of each.
        weight_decay: of AdamW.
        clip: largest norm of the gradient.
        seed: of every random choice.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epochs: float = Field(default=3.0, gt=0)
    learning_rate: float = Field(default=5e-4, gt=0)
    batch_size: int = Field(default=24, ge=1)
    wrong: int = Field(default=2, ge=0)
    ranking: float = Field(default=1.0, ge=0)
    relevance: float = Field(default=0.5, ge=0)
    weight_decay: float = Field(default=0.01, ge=0)
    clip: float = Field(default=1.0, gt=0)
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Quality:
    """Means over questions; None where no question had what is needed.

    Args:
        exact, f1, lemma_f1: of the best span of the gold passage, as it stands there.
        chunk_hit: a relevant candidate is among the first five by relevance; ``document_hit`` the document is first.
        reciprocal_rank: of the first right document among ten.
    """

    questions: int
    exact: float | None
    f1: float | None
    lemma_f1: float | None
    chunk_hit: float | None
    document_hit: float | None
    reciprocal_rank: float | None


def fit(network: Any, cases: Sequence[Case], featurizer: Featurizer, options: FitOptions) -> float:
    """Train ``network`` in place; returns the mean loss of the spans over the last tenth of the updates."""
    import torch

    torch.manual_seed(options.seed)
    generator = np.random.default_rng(options.seed)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay)
    pairs = sum(len(group) for case in cases for group in draw(case, np.random.default_rng(0), options.wrong))
    updates = max(1, int(options.epochs * pairs / options.batch_size))
    rise = max(1, updates // 10)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda at: min((at + 1) / rise, max(0.0, (updates - at) / max(1, updates - rise)))
    )
    losses: list[float] = []
    steps = track(range(updates), "Training", console=Console(stderr=True), disable=not sys.stderr.isatty())
    waiting: list[list[Sequence[Pair]]] = []
    network.train()
    for _ in steps:
        if not waiting:
            waiting = _epoch(cases, featurizer, options, generator)
        batch = featurizer.batch(waiting.pop())
        relevance, spans = network(*batch.inputs)
        loss = joint_loss(relevance, spans, batch.groups, batch.relevant, batch.targets)
        optimizer.zero_grad()
        total = loss.spans + options.ranking * loss.ranking + options.relevance * loss.relevance
        total.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), options.clip)
        optimizer.step()
        schedule.step()
        losses.append(float(loss.spans.detach()))
    return float(np.mean(losses[-max(1, updates // 10) :]))


def _epoch(
    cases: Sequence[Case], featurizer: Featurizer, options: FitOptions, generator: np.random.Generator
) -> list[list[Sequence[Pair]]]:
    groups = [
        tuple(featurizer.pair(case.question, case.answers, one) for one in group)
        for case in cases
        for group in draw(case, generator, options.wrong)
    ]
    return bucketed(groups, options.batch_size, generator)


def measure(network: Any, cases: Sequence[Case], featurizer: Featurizer) -> Quality:
    """Reading of the gold passages, and ranking of the candidates of cases with a relevant one in the index."""
    import torch

    network.eval()
    with torch.no_grad():
        return _measure(network, cases, featurizer)


def _measure(network: Any, cases: Sequence[Case], featurizer: Featurizer) -> Quality:
    read = [_read(network, case, case.gold, featurizer) for case in cases if case.gold is not None and case.answers]
    ranked = [_rank(network, case, featurizer) for case in cases if case.candidates and case.gold_doc_ids]
    columns = [*(zip(*read, strict=True) if read else [()] * 3), *(zip(*ranked, strict=True) if ranked else [()] * 3)]
    means = [float(np.mean(column)) if column else None for column in columns]
    return Quality(len(cases), *means)


def _read(network: Any, case: Case, gold: Candidate, featurizer: Featurizer) -> tuple[float, float, float]:
    pair = featurizer.pair(case.question, case.answers, gold)
    _, spans = network(*featurizer.batch([[pair]]).inputs)
    scores = spans[0, pair.offset :].numpy()
    first, length = np.unravel_index(int(scores.argmax()), scores.shape)
    text = gold.passage.text
    tokens = tokenize(text, MAX_PASSAGE)
    answer = text[int(tokens.starts[first]) : int(tokens.stops[first + length])]
    return (
        exact_match(answer, case.answers),
        token_f1(answer, case.answers),
        token_f1(answer, case.answers, lemmatize=True),
    )


def _rank(network: Any, case: Case, featurizer: Featurizer) -> tuple[float, float, float]:
    pairs = [featurizer.pair(case.question, case.answers, one) for one in case.candidates]
    relevance = np.concatenate(
        [network(*featurizer.batch([pairs[at : at + _BATCH]]).inputs)[0].numpy() for at in range(0, len(pairs), _BATCH)]
    )
    order = np.argsort(-relevance, kind="stable")
    relevant = {str(at) for at, one in enumerate(case.candidates) if one.relevant}
    documents = list(dict.fromkeys(case.candidates[at].doc_id for at in order))
    return (
        hit_at_k([str(at) for at in order], relevant, 5) if relevant else 0.0,
        hit_at_k(documents, case.gold_doc_ids, 1),
        reciprocal_rank_at_k(documents, case.gold_doc_ids, 10),
    )
