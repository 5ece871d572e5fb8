"""Groups of passages as tensors: prepared once, kept small, put together when they are wanted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from retrievers.joint.inputs import (
    MATCHES,
    MAX_PASSAGE,
    MAX_QUESTION,
    MAX_TITLE,
    PASSAGE,
    pair_inputs,
    side,
)
from retrievers.joint.tokens import COLUMNS, tokenize
from retrievers.word_vectors import word_vectors
from training.joint.cases import Candidate
from training.joint.targets import span_targets

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A question with one passage, as :class:`retrievers.joint.inputs.PairInputs` but small.

    Args:
        lemmas: rows of the tokens in the table of vectors, shape (n,).
        categories: shape (n, len(COLUMNS)), int16; ``segments`` (n,), int8; ``matches`` (n, len(MATCHES)), float16.
        offset: first token of the passage.
        relevant: it answers.
        targets: rows, lengths and probabilities of the spans to learn, each of shape (n_targets,).
    """

    lemmas: NDArray[np.int32]
    categories: NDArray[np.int16]
    segments: NDArray[np.int8]
    matches: NDArray[np.float16]
    offset: int
    relevant: bool
    targets: tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Whole groups: the network's five inputs, and what :func:`training.joint.network.joint_loss` takes."""

    inputs: tuple[Tensor, ...]
    groups: Tensor
    relevant: Tensor
    targets: Tensor


class Featurizer:
    """Prepares pairs and puts batches together.

    Args:
        span: longest span, tokens.
    """

    def __init__(self, span: int) -> None:
        self._span = span
        self._rows: dict[str, int] = {}
        self._known: dict[tuple[str, Candidate], Pair] = {}
        self._table = np.zeros((0, word_vectors().dimension), np.float32)

    def pair(self, question: str, answers: Sequence[str], candidate: Candidate) -> Pair:
        """A question with one candidate; each is prepared once."""
        key = question, candidate
        if key not in self._known:
            self._known[key] = self._prepare(question, answers, candidate)
        return self._known[key]

    def _prepare(self, question: str, answers: Sequence[str], candidate: Candidate) -> Pair:
        vectors = word_vectors()
        passage = side(tokenize(candidate.passage.text, MAX_PASSAGE), vectors)
        inputs = pair_inputs(
            side(tokenize(question, MAX_QUESTION), vectors),
            side(tokenize(candidate.passage.title, MAX_TITLE), vectors),
            passage,
        )
        target = np.zeros((0, self._span), np.float32)
        if candidate.relevant and answers:
            target = span_targets(passage.tokens, answers, self._span, start=candidate.start)
        at, length = np.nonzero(target)
        return Pair(
            lemmas=np.array([self._rows.setdefault(lemma, len(self._rows)) for lemma in inputs.lemmas], np.int32),
            categories=inputs.categories.astype(np.int16),
            segments=inputs.segments.astype(np.int8),
            matches=inputs.matches.astype(np.float16),
            offset=inputs.offset,
            relevant=candidate.relevant,
            targets=(at, length, target[at, length]),
        )

    def batch(self, groups: Sequence[Sequence[Pair]]) -> Batch:
        """Tensors of whole groups, padded to the longest pair."""
        import torch

        pairs = [pair for group in groups for pair in group]
        shape = (len(pairs), max(len(pair.lemmas) for pair in pairs))
        rows = np.zeros(shape, np.int64)
        matches = np.zeros((*shape, len(MATCHES)), np.float32)
        categories = np.zeros((*shape, len(COLUMNS)), np.int64)
        segments, mask = np.full(shape, PASSAGE, np.int64), np.zeros(shape, np.int64)
        targets = np.zeros((*shape, self._span), np.float32)
        for row, pair in enumerate(pairs):
            count = len(pair.lemmas)
            rows[row, :count], mask[row, :count] = pair.lemmas, 1
            matches[row, :count], categories[row, :count] = pair.matches, pair.categories
            segments[row, :count] = pair.segments
        row = 0
        for group in groups:
            answered = sum(1 for pair in group if len(pair.targets[0]))
            for pair in group:
                at, length, probability = pair.targets
                targets[row, at + pair.offset, length] = probability / max(answered, 1)
                row += 1
        tokens = torch.from_numpy(mask)
        return Batch(
            inputs=(
                torch.from_numpy(self._vectors(rows)) * tokens.unsqueeze(-1),
                torch.from_numpy(matches),
                torch.from_numpy(categories),
                torch.from_numpy(segments),
                tokens,
            ),
            groups=torch.repeat_interleave(torch.arange(len(groups)), torch.tensor([len(group) for group in groups])),
            relevant=torch.tensor([float(pair.relevant) for pair in pairs]),
            targets=torch.from_numpy(targets),
        )

    def _vectors(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if len(self._table) < len(self._rows):
            new = list(self._rows)[len(self._table) :]
            self._table = np.concatenate([self._table, word_vectors().units(new)])
        return self._table[rows]


def bucketed(groups: Iterable[Sequence[Pair]], size: int, generator: np.random.Generator) -> list[list[Sequence[Pair]]]:
    """Groups in batches of about ``size`` pairs of similar length, the batches in random order."""
    keyed = [(max(len(pair.lemmas) for pair in group) + generator.random() * 20, group) for group in groups]
    batches: list[list[Sequence[Pair]]] = [[]]
    for _, group in sorted(keyed, key=lambda one: one[0]):
        if sum(map(len, batches[-1])) >= size:
            batches.append([])
        batches[-1].append(group)
    generator.shuffle(batches)
    return [batch for batch in batches if batch]
