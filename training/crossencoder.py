"""Fine-tune a scorer of questions with passages: ``python -m training.crossencoder --help``.

The trainer and the losses are those of sentence-transformers. What is measured is reranking: the candidates that BM25
finds for each question of the evaluation are put in the order of the model's scores. An interrupted run goes on where
it stopped when the same command is given again.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from rag.command import run_command
from retrievers.checkpoints import find_checkpoint, loading, read_json, require_packages, require_safetensors
from retrievers.encoders.recipes import own_limit
from retrievers.errors import InputError
from retrievers.scorers.logits import relevance
from training.examples import Example
from training.finetune import columns
from training.finetune.adapters import add_adapter, merge_adapter, save_adapter
from training.finetune.card import Task
from training.finetune.columns import Columns
from training.finetune.command import add_common_flags, base_name, read_inputs, report_left_out, run_job
from training.finetune.options import TrainingOptions, options_from
from training.finetune.ranking import Measured, RankingTask, first_stage, measure_scores

_FEATURE = "training a cross-encoder"
# ListNet compares softmax distributions: a passage of relevance 10 against some of 0 has nearly all of the target, as
# in the contrastive loss of Gao, Dai and Callan (2021, arXiv:2101.08751); with 1 against 0 it would have about a half.
_SHARP = 10.0


class Loss(StrEnum):
    """What a cross-encoder learns by."""

    BCE = "bce"
    MARGIN_MSE = "margin-mse"
    LAMBDA = "lambda"
    LISTWISE = "listwise"


class CrossencoderOptions(TrainingOptions):
    """Options of this command beside the common ones."""

    loss: Loss = Field(default=Loss.BCE, description="what to learn by; docs/training.md says which when")
    labels: int = Field(default=1, ge=1, description="outputs of the model: 1 is a score; 2 and more, with bce only, "
                        "are classes 0, 1, … by cross-entropy. The pipeline opens models of one or two")  # fmt: skip
    negatives: int | None = Field(default=None, ge=1, description="hard negatives of a row that are used; unset: all "
                                  "(margin-mse: as many as every row with scores has)")  # fmt: skip
    label_scale: float = Field(default=1.0, gt=0, description="of bce, lambda and listwise with one label: the highest "
                               "that a label can be")  # fmt: skip
    mini_batch: int = Field(default=32, ge=1, description="of lambda and listwise: pairs of a forward pass")


def build_parser() -> argparse.ArgumentParser:
    """Parser of the command's flags."""
    parser = argparse.ArgumentParser(prog="python -m training.crossencoder", description=__doc__)
    add_common_flags(parser, CrossencoderOptions, max_length=512)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and train."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def training_columns(examples: Sequence[Example], options: CrossencoderOptions) -> Columns:
    """The rows as the loss wants them.

    Raises:
        InputError: they lack what it needs, or the loss has no use for several labels.
    """
    if options.labels > 1 and options.loss is not Loss.BCE:
        raise InputError(
            f"--labels {options.labels}: --loss {options.loss.value} trains one score; only bce has classes"
        )
    if options.labels > 1:
        return columns.classes(examples, options.labels, options.negatives)
    if options.loss is Loss.BCE:
        return columns.pointwise(examples, options.negatives, options.label_scale)
    if options.loss is Loss.MARGIN_MSE:
        return columns.scored(examples, options.negatives)
    listwise = options.loss is Loss.LISTWISE
    return columns.lists(
        examples,
        options.negatives,
        sharpness=_SHARP if listwise else 1.0,
        teacher=listwise,
        scale=options.label_scale,
    )


def build_loss(model: Any, options: CrossencoderOptions) -> Any:
    """The loss over a model."""
    from sentence_transformers.cross_encoder import losses

    if options.labels > 1:
        return losses.CrossEntropyLoss(model)
    if options.loss is Loss.BCE:
        return losses.BinaryCrossEntropyLoss(model)
    if options.loss is Loss.MARGIN_MSE:
        return losses.MarginMSELoss(model)
    if options.loss is Loss.LAMBDA:
        return losses.LambdaLoss(model, mini_batch_size=options.mini_batch)
    return losses.ListNetLoss(model, mini_batch_size=options.mini_batch)


def relevance_of(logits: np.ndarray) -> list[float]:
    """One number a pair, higher is better: as the pipeline reads one or two labels; of more, the expected class.

    Args:
        logits: shape (n_pairs,) or (n_pairs, n_labels).
    """
    if logits.ndim == 1 or logits.shape[1] <= 2:
        return relevance(np.asarray(logits, np.float32))
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares = shifted / shifted.sum(axis=1, keepdims=True)
    return [float(value) for value in shares @ np.arange(logits.shape[1])]


@dataclass(frozen=True, slots=True)
class CrossencoderJob:
    """A run of this command.

    Args:
        base: folder of the base: a cross-encoder, or an encoder that gets a new head.
        base_name: its name.
        options: of the command.
        data: training columns.
        evaluation: task to measure on.
    """

    base: Path
    base_name: str
    options: CrossencoderOptions
    data: Columns
    evaluation: RankingTask
    task: Task = Task.CROSSENCODER

    def load(self) -> Any:
        """The model in 32 bit, with LoRA's matrices where they are asked for."""
        wanted = self.options.max_length
        limits = [limit for limit in (wanted, own_limit(self.base)) if limit is not None]
        with loading(self.base_name, _FEATURE, extra="train"):
            import torch
            from sentence_transformers import CrossEncoder

            model: Any = CrossEncoder(
                str(self.base),
                num_labels=self.options.labels,
                trust_remote_code=False,
                local_files_only=True,
                max_length=min(limits, default=None),
                model_kwargs={"use_safetensors": True, "dtype": torch.float32, **self._other_head()},
            )
        if self.options.lora_rank:
            model[0].model = add_adapter(model[0].model, self.options, classifies=True)
        return model

    def measure(self, model: Any) -> Measured:
        """Quality of the candidates' order by the model's scores."""
        import torch

        def score(pairs: list[tuple[str, str]]) -> list[float]:
            if not pairs:
                return []
            logits = model.predict(pairs, activation_fn=torch.nn.Identity(), show_progress_bar=False)
            return relevance_of(np.asarray(logits, np.float32))

        return measure_scores(self.evaluation, score)

    def baseline(self) -> Measured:
        """Quality of the candidates in the order of BM25."""
        return first_stage(self.evaluation)

    def trainer(self, model: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
        """The trainer of sentence-transformers."""
        from datasets import Dataset
        from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments

        from training.finetune.running import training_arguments

        arguments = training_arguments(CrossEncoderTrainingArguments, self.options, folder, len(self.data))
        return CrossEncoderTrainer, {
            "model": model,
            "args": arguments,
            "train_dataset": Dataset.from_dict(self.data.values),
            "loss": build_loss(model, self.options),
        }

    def merge(self, model: Any) -> None:
        """Put LoRA's updates into the weights."""
        model[0].model = merge_adapter(model[0].model)

    def save(self, model: Any, folder: Path) -> None:
        """Write the classifier, or LoRA's matrices and the head alone."""
        if self.options.lora_rank and self.options.keep_adapter:
            save_adapter(model[0].model, folder)
        else:
            model.save_pretrained(str(folder), create_model_card=False)

    def facts(self) -> dict[str, str | int | None]:
        """How many rows it was trained on."""
        return {"training rows": len(self.data)}

    def _other_head(self) -> dict[str, Any]:
        """A base with another number of labels gets a new head in place of its own."""
        config = read_json(self.base / "config.json")
        return {"ignore_mismatched_sizes": True} if len(config.get("id2label") or ()) != self.options.labels else {}


def _run(arguments: argparse.Namespace) -> int:
    options = options_from(arguments, CrossencoderOptions)
    inputs = read_inputs(arguments, options)
    data = training_columns(inputs.train, options)
    report_left_out(data.left_out, len(inputs.train))
    require_packages(_FEATURE, "torch", "sentence_transformers", "datasets", "accelerate", extra="train")
    folder = find_checkpoint(arguments.base, feature=_FEATURE, extra="train")
    require_safetensors(folder, arguments.base)
    return run_job(
        CrossencoderJob(folder, base_name(arguments.base, folder), options, data, inputs.evaluation.task), inputs
    )


if __name__ == "__main__":
    sys.exit(main())
