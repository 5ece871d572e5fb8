"""Learning to guess masked word pieces (Devlin et al., 2019, BERT), by the trainer of transformers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.finetune.options import TrainingOptions
from training.finetune.running import Course, train, training_arguments

_PASSED_OVER = -100  # label that cross-entropy leaves out
_HELD_OUT = 0.02  # share of the blocks that the loss is measured on

Blocks = NDArray[np.int32]


def token_blocks(documents: Sequence[Sequence[int]], length: int, first: int, separator: int) -> Blocks:
    """Blocks of ``length`` tokens in the order of the text, each between ``first`` and ``separator``.

    Documents follow one another, ``separator`` between them; what is left at the end is left out.

    Returns:
        Array of shape (n_blocks, length).
    """
    stream = [token for tokens in documents for token in (*tokens, separator)]
    inner = length - 2
    count = len(stream) // inner
    blocks = np.empty((count, length), np.int32)
    blocks[:, 0], blocks[:, -1] = first, separator
    blocks[:, 1:-1] = np.asarray(stream[: count * inner], np.int32).reshape(count, inner)
    return blocks


def split_blocks(blocks: Blocks, seed: int) -> tuple[Blocks, Blocks]:
    """Blocks to learn from and blocks to measure on, drawn at random; at least one of each where there are two."""
    order = np.random.default_rng(seed).permutation(len(blocks))
    held_out = max(1, math.floor(len(blocks) * _HELD_OUT))
    return blocks[order[held_out:]], blocks[order[:held_out]]


@dataclass(frozen=True, slots=True)
class Masking:
    """How pieces are hidden: of those chosen, eight tenths become the mask, one tenth another piece, one tenth stays.

    Args:
        share: of pieces that are chosen.
        mask: the piece that hides another.
        special: pieces that are never chosen.
        pieces: size of the vocabulary.
        seed: of the choices.
    """

    share: float
    mask: int
    special: tuple[int, ...]
    pieces: int
    seed: int

    def apply(self, block: NDArray[np.int32], *key: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The block with hidden pieces, and what they were: -100, which a loss passes over, where nothing is hidden.

        Args:
            block: shape (length,).
            key: numbers that the choices depend on; the same ones make the same choices.
        """
        generator = np.random.default_rng((self.seed, *key))
        chosen = (generator.random(len(block)) < self.share) & ~np.isin(block, self.special)
        fate = generator.random(len(block))
        others = generator.integers(0, self.pieces, len(block), dtype=np.int32)
        hidden = np.where(chosen & (fate < 0.8), self.mask, np.where(chosen & (fate >= 0.9), others, block))
        return hidden.astype(np.int32), np.where(chosen, block, _PASSED_OVER).astype(np.int32)


class MaskedRows:
    """Blocks as rows that a trainer takes, hidden pieces being the same whenever a row is asked for.

    Args:
        blocks: shape (n, length).
        masking: of the pieces.
        epoch: that the choices are of.
    """

    def __init__(self, blocks: Blocks, masking: Masking, epoch: int = 0) -> None:
        self._blocks = blocks
        self._masking = masking
        self._epoch = epoch

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, row: int) -> dict[str, list[int]]:
        hidden, labels = self._masking.apply(self._blocks[row], self._epoch, row)
        return {"input_ids": hidden.tolist(), "labels": labels.tolist()}


class EpochRows(MaskedRows):
    """The same, other pieces being hidden every time the trainer goes through them."""

    def set_epoch(self, epoch: int) -> None:
        """The trainer tells, also when it goes on from a checkpoint, which pass over the rows begins."""
        self._epoch = epoch


def learn_masked(model: Any, masking: Masking, blocks: Blocks, options: TrainingOptions, folder: Path) -> Learnt:
    """Train, and load the weights with the least loss on held-out blocks.

    Args:
        model: with a head that guesses pieces.
        masking: of the pieces.
        blocks: at least two.
        options: of the trainer.
        folder: of the checkpoints.
    """
    from transformers import Trainer, TrainingArguments

    learnt, held_out = split_blocks(blocks, options.seed)
    arguments = training_arguments(
        TrainingArguments, options, folder, len(learnt), greater_is_better=False, remove_unused_columns=False
    )
    before: dict[str, float] = {}
    course = train(
        Trainer,
        options,
        folder,
        first=before,
        model=model,
        args=arguments,
        train_dataset=EpochRows(learnt, masking),
        eval_dataset=MaskedRows(held_out, masking),
    )
    after = min(point["eval_loss"] for point in course.points if "eval_loss" in point)
    return Learnt(before["eval_loss"], after, course)


@dataclass(frozen=True, slots=True)
class Learnt:
    """Loss on held-out blocks before and after, nats a hidden piece, and what happened in between."""

    before: float
    after: float
    course: Course
