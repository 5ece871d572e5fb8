"""Learning to guess masked word pieces (Devlin et al., 2019, BERT), by the trainer of transformers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.finetune.options import TrainingOptions
from training.finetune.running import Course, train, training_arguments

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


class BlockRows:
    """Blocks as rows that a trainer takes.

    Args:
        blocks: shape (n, length).
    """

    def __init__(self, blocks: Blocks) -> None:
        self._blocks = blocks

    def __len__(self) -> int:
        return len(self._blocks)

    def __getitem__(self, row: int) -> dict[str, list[int]]:
        return {"input_ids": self._blocks[row].tolist()}


def learn_masked(
    model: Any, tokenizer: Any, blocks: Blocks, options: TrainingOptions, share: float, folder: Path
) -> tuple[float, float, Course]:
    """Train, and load the weights with the least loss on held-out blocks.

    Args:
        model: with a head that guesses pieces.
        tokenizer: of transformers.
        blocks: at least two.
        options: of the trainer.
        share: of pieces that are masked.
        folder: of the checkpoints.

    Returns:
        Loss on the held-out blocks before and after, nats a masked piece, and the course.
    """
    import torch
    from transformers import DataCollatorForLanguageModeling, Trainer, TrainingArguments

    learnt, held_out = split_blocks(blocks, options.seed)
    collator = DataCollatorForLanguageModeling(tokenizer=tokenizer, mlm=True, mlm_probability=share)
    # Masked once, so that every evaluation asks for the same pieces.
    generator = torch.get_rng_state()
    torch.manual_seed(options.seed)
    questions = [
        {name: column[0].tolist() for name, column in collator([BlockRows(held_out)[row]]).items()}
        for row in range(len(held_out))
    ]
    torch.set_rng_state(generator)
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
        train_dataset=BlockRows(learnt),
        eval_dataset=_Masked(questions),
        data_collator=_Collator(collator),
    )
    after = min(point["eval_loss"] for point in course.points if "eval_loss" in point)
    return before["eval_loss"], after, course


class _Masked(list[dict[str, list[int]]]):
    """Rows that are masked already."""


class _Collator:
    """Masks rows that have no labels yet, and passes masked ones through."""

    def __init__(self, masking: Any) -> None:
        self._masking = masking

    def __call__(self, rows: list[dict[str, list[int]]]) -> dict[str, Any]:
        import torch

        if "labels" in rows[0]:
            return {name: torch.tensor([row[name] for row in rows]) for name in rows[0]}
        return dict(self._masking(rows))
