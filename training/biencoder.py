"""Fine-tune an encoder of texts on questions and their passages: ``python -m training.biencoder --help``.

The trainer and the losses are those of sentence-transformers. Passages of an evaluation file are ranked before, during
and after training; training stops when the metric has not improved for a while, and the best weights are kept. An
interrupted run goes on where it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import Field, model_validator

from evals.files import read_json, write_json
from rag.command import run_command
from retrievers.checkpoints import find_checkpoint, require_packages, require_safetensors
from retrievers.encoders.recipes import PROMPTS_KNOWN, Recipe, read_recipe
from retrievers.errors import InputError
from training.examples import Example
from training.finetune import columns
from training.finetune.adapters import add_adapter, merge_adapter, save_adapter
from training.finetune.card import Task
from training.finetune.columns import Columns
from training.finetune.command import add_common_flags, base_name, read_inputs, report_left_out, run_job
from training.finetune.options import TrainingOptions, options_from
from training.finetune.ranking import (
    Floats,
    Measured,
    RankingTask,
    distinct_passages,
    distinct_questions,
    vector_metrics,
)

_FEATURE = "training a bi-encoder"
_LEAST_DIMENSION = 16  # smallest of the dimensions that matryoshka trains, where none are named
_TRIPLET_MARGIN, _CONTRASTIVE_MARGIN = 0.2, 0.5


class Loss(StrEnum):
    """What a bi-encoder learns by."""

    MNRL = "mnrl"
    CACHED_MNRL = "cached-mnrl"
    TRIPLET = "triplet"
    CONTRASTIVE = "contrastive"
    COSINE = "cosine"
    MARGIN_MSE = "margin-mse"
    MATRYOSHKA = "matryoshka"


_IN_BATCH = {Loss.MNRL, Loss.CACHED_MNRL, Loss.MATRYOSHKA}  # other rows' passages are negatives


class BiencoderOptions(TrainingOptions):
    """Options of this command beside the common ones."""

    loss: Loss = Field(default=Loss.MNRL, description="what to learn by; docs/training.md says which when")
    negatives: int | None = Field(default=None, ge=0, description="hard negatives of a row that are used; unset: as "
                                  "many as every row has (triplet, contrastive: all)")  # fmt: skip
    scale: float = Field(default=20.0, gt=0, description="of mnrl, matryoshka and margin-mse: cosines are multiplied "
                         "by it")  # fmt: skip
    margin: float | None = Field(default=None, gt=0, description="of triplet (0.2 unless given) and contrastive (0.5), "
                                 "in cosine distance")  # fmt: skip
    mini_batch: int = Field(default=32, ge=1, description="of cached-mnrl: rows that are in memory at once")
    dimensions: tuple[int, ...] = Field(default=(), description="of matryoshka: lengths of vectors that should serve, "
                                        "too; unset: halves of the whole, down to 16")  # fmt: skip
    label_scale: float = Field(default=1.0, gt=0, description="of cosine: the highest that a label can be")
    query_prefix: str | None = Field(default=None, description="put before questions in place of what is known about "
                                     "the base; together with the next")  # fmt: skip
    passage_prefix: str | None = Field(default=None, description="put before passages")

    @model_validator(mode="after")
    def _prefixes_together(self) -> Self:
        if (self.query_prefix is None) != (self.passage_prefix is None):
            raise ValueError("give both prefixes, of queries and of passages, or none; an empty one is ''")
        return self


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.biencoder", description=__doc__)
    add_common_flags(parser, BiencoderOptions)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and train."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def training_columns(examples: Sequence[Example], options: BiencoderOptions, relevant_label: float | None) -> Columns:
    """The rows as the loss wants them.

    Raises:
        InputError: they lack what it needs.
    """
    if options.loss is Loss.TRIPLET:
        return columns.triplets(examples, options.negatives, relevant_label)
    if options.loss is Loss.CONTRASTIVE:
        return columns.binary(examples, options.negatives, relevant_label)
    if options.loss is Loss.COSINE:
        return columns.graded(examples, options.label_scale, -1.0, 1.0)
    if options.loss is Loss.MARGIN_MSE:
        return columns.scored(examples, options.negatives)
    return columns.ranked(examples, options.negatives, relevant_label)


def build_loss(model: Any, options: BiencoderOptions) -> Any:
    """The loss over a model.

    Raises:
        InputError: a dimension of matryoshka is none of the model's.
    """
    from sentence_transformers.sentence_transformer import losses
    from sentence_transformers.util import pairwise_cos_sim

    if options.loss is Loss.CACHED_MNRL:
        return losses.CachedMultipleNegativesRankingLoss(model, options.scale, mini_batch_size=options.mini_batch)
    if options.loss is Loss.TRIPLET:
        metric = losses.TripletDistanceMetric.COSINE
        return losses.TripletLoss(model, metric, triplet_margin=options.margin or _TRIPLET_MARGIN)
    if options.loss is Loss.CONTRASTIVE:
        return losses.ContrastiveLoss(model, margin=options.margin or _CONTRASTIVE_MARGIN)
    if options.loss is Loss.COSINE:
        return losses.CosineSimilarityLoss(model)
    if options.loss is Loss.MARGIN_MSE:
        # Cosines, because that is what the pipeline ranks by; their margins are at most 2, a teacher's are not.
        return losses.MarginMSELoss(model, lambda left, right: options.scale * pairwise_cos_sim(left, right))
    ranking = losses.MultipleNegativesRankingLoss(model, options.scale)
    if options.loss is Loss.MNRL:
        return ranking
    return losses.MatryoshkaLoss(model, ranking, matryoshka_dimensions(_width(model), options.dimensions))


def matryoshka_dimensions(width: int, wanted: Sequence[int] = ()) -> list[int]:
    """Lengths of vectors to train, the longest first; the whole is always among them.

    >>> matryoshka_dimensions(64)
    [64, 32, 16]

    Raises:
        InputError: one is not between 1 and ``width``.
    """
    if wanted:
        if not all(1 <= dimension <= width for dimension in wanted):
            raise InputError(f"--dimensions: expected lengths from 1 to {width}, the model's own")
        return sorted({width, *wanted}, reverse=True)
    halves = [width]
    while halves[-1] // 2 >= _LEAST_DIMENSION:
        halves.append(halves[-1] // 2)
    return halves


def measure(model: Any, task: RankingTask, recipe: Recipe, dimensions: Sequence[int] = ()) -> Measured:
    """Quality of the vectors; at each of ``dimensions`` their first numbers alone, as ``"ndcg@10 (dim 64)"``."""
    left = _encode(model, distinct_questions(task), recipe.query)
    right = _encode(model, distinct_passages(task), recipe.passage)
    # Candidates are for rerankers: an encoder ranks everything there is.
    task = RankingTask(task.questions, task.passages, task.relevant, None, task.pairs)
    measured = vector_metrics(task, _unit(left), _unit(right))
    means, values = dict(measured.means), dict(measured.questions)
    for dimension in dimensions:
        shorter = vector_metrics(task, _unit(left[:, :dimension]), _unit(right[:, :dimension]))
        kept = ("recall@10", "ndcg@10", "pearson")
        means |= {f"{name} (dim {dimension})": shorter.means[name] for name in kept if name in shorter.means}
    return Measured(means, values)


def _encode(model: Any, texts: list[str], prefix: str) -> Floats:
    vectors = model.encode(texts, prompt=prefix, show_progress_bar=False, convert_to_numpy=True)
    return np.asarray(vectors, np.float32)


def _unit(vectors: Floats) -> Floats:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(norms > 0, norms, 1.0), np.float32)


@dataclass(frozen=True, slots=True)
class BiencoderJob:
    """A run of this command.

    Args:
        base: folder of the base.
        base_name: its name.
        recipe: prefixes, pooling and length of texts.
        options: of the command.
        data: training columns.
        evaluation: task to measure on.
    """

    base: Path
    base_name: str
    recipe: Recipe
    options: BiencoderOptions
    data: Columns
    evaluation: RankingTask
    task: Task = Task.BIENCODER

    def load(self) -> Any:
        """The model in 32 bit, with LoRA's matrices where they are asked for."""
        from retrievers.encoders.huggingface import load_sentence_transformer

        model: Any = load_sentence_transformer(self.base_name, self.base, self.recipe)
        model.float()  # half-precision weights do not take small updates
        # Saved with the model, which then asks for the prefixes it was trained with, whatever its folder is called.
        model.prompts = {"query": self.recipe.query, "document": self.recipe.passage}
        network = getattr(model[0], "model", None)
        if network is None and (self.options.lora_rank or self.options.checkpointing):
            raise InputError(f"{self.base_name} has no transformer: --lora-rank and --checkpointing mean nothing to it")
        if self.options.lora_rank:
            model[0].model = add_adapter(network, self.options, classifies=False)
        return model

    def measure(self, model: Any) -> Measured:
        """Quality of the vectors, with ``matryoshka`` of shorter ones, too."""
        shorter: list[int] = []
        if self.options.loss is Loss.MATRYOSHKA:
            shorter = matryoshka_dimensions(_width(model), self.options.dimensions)[1:]
        return measure(model, self.evaluation, self.recipe, shorter)

    def baseline(self) -> Measured:
        """None: an encoder ranks everything there is."""
        return Measured({})

    def trainer(self, model: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
        """The trainer of sentence-transformers; no text twice in a batch where other rows' passages are negatives."""
        from datasets import Dataset
        from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
        from sentence_transformers.base.sampler import BatchSamplers

        from training.finetune.running import training_arguments

        recipe, options = self.recipe, self.options
        prompts = {name: recipe.query if name == columns.QUESTION else recipe.passage for name in self.data.texts}
        arguments = training_arguments(
            SentenceTransformerTrainingArguments,
            options,
            folder,
            len(self.data),
            prompts={name: prompt for name, prompt in prompts.items() if prompt},
            batch_sampler=BatchSamplers.NO_DUPLICATES if options.loss in _IN_BATCH else BatchSamplers.BATCH_SAMPLER,
        )
        return SentenceTransformerTrainer, {
            "model": model,
            "args": arguments,
            "train_dataset": Dataset.from_dict(self.data.values),
            "loss": build_loss(model, options),
        }

    def merge(self, model: Any) -> None:
        """Put LoRA's updates into the weights."""
        model[0].model = merge_adapter(model[0].model)

    def save(self, model: Any, folder: Path) -> None:
        """Write the modules, or LoRA's matrices alone."""
        if self.options.lora_rank and self.options.keep_adapter:
            save_adapter(model[0].model, folder)
        else:
            model.save_pretrained(str(folder), create_model_card=False)
            # Empty prefixes were trained with, too: a folder called like a known model must not get that one's.
            settings = folder / "config_sentence_transformers.json"
            write_json(settings, read_json(settings) | {PROMPTS_KNOWN: True})

    def facts(self) -> dict[str, str | int | None]:
        """What the model puts before texts, and how many rows it was trained on."""
        return {
            "training rows": len(self.data),
            "query prefix": self.recipe.query or None,
            "passage prefix": self.recipe.passage or None,
        }


def _run(arguments: argparse.Namespace) -> int:
    options = options_from(arguments, BiencoderOptions)
    inputs = read_inputs(arguments, options)
    data = training_columns(inputs.train, options, inputs.evaluation_options.relevant_label)
    report_left_out(data.left_out, len(inputs.train))
    require_packages(_FEATURE, "torch", "sentence_transformers", "datasets", "accelerate", extra="train")
    folder = find_checkpoint(arguments.base, feature=_FEATURE, extra="train")
    require_safetensors(folder, arguments.base)
    recipe = read_recipe(
        arguments.base,
        folder,
        query=options.query_prefix,
        passage=options.passage_prefix,
        max_length=options.max_length,
    )
    name = base_name(arguments.base, folder)
    return run_job(BiencoderJob(folder, name, recipe, options, data, inputs.evaluation.task), inputs)


def _width(model: Any) -> int:
    return int(model.get_embedding_dimension())


if __name__ == "__main__":
    sys.exit(main())
