"""transformers' own trainer over whole questions, evaluated by reading."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from training.finetune.options import TrainingOptions
from training.finetune.ranking import Measured
from training.finetune.running import Course, train, training_arguments
from training.reading.batches import collate, null_loss, relevance_loss, span_loss
from training.reading.options import ReaderOptions
from training.reading.rows import Feature

_DEFAULT_LENGTH = 384  # tokens of question and passage, where neither the user nor the model says less


def fit(
    network: Any,
    features: Sequence[Feature],
    options: ReaderOptions,
    folder: Path,
    *,
    pad_id: int,
    measure: Callable[[], Measured],
) -> Course:
    """Train ``network`` in place, up to its best weights.

    Args:
        network: of :func:`retrievers.span_reader.network.network_class`.
        features: questions to train on.
        options: of the run; ``options.metric`` is one that ``measure`` gives.
        folder: of the checkpoints.
        pad_id: token that batches are padded with.
        measure: what the network reaches as it stands.
    """
    from transformers import TrainingArguments

    arguments = training_arguments(
        TrainingArguments, options, folder, len(features), remove_unused_columns=False, label_names=[]
    )
    return train(
        _trainer_class(options, measure),
        options,
        folder,
        model=network,
        args=arguments,
        train_dataset=list(features),
        eval_dataset=[None],  # the trainer asks for one; evaluate() below has its own
        data_collator=functools.partial(collate, pad_id=pad_id),
    )


def length_of(options: TrainingOptions, own: int | None) -> int:
    """Tokens of question and passage together.

    Args:
        options: what the user asked for.
        own: what the base takes; None where nobody says.
    """
    return min(options.max_length or _DEFAULT_LENGTH, own or _DEFAULT_LENGTH * 100)


def _trainer_class(options: ReaderOptions, measure: Callable[[], Measured]) -> Any:
    from transformers import Trainer

    def compute_loss(
        self: Any,  # noqa: ARG001
        model: Any,
        inputs: Any,
        return_outputs: bool = False,
        num_items_in_batch: Any = None,  # noqa: ARG001
    ) -> Any:
        start, end, relevance = model(
            input_ids=inputs["input_ids"],
            attention_mask=inputs["attention_mask"],
            token_type_ids=inputs["token_type_ids"],
        )
        loss = span_loss(start, end, inputs)
        if options.null_weight:
            loss = loss + options.null_weight * null_loss(start, end, inputs)
        if options.relevance_weight:
            loss = loss + options.relevance_weight * relevance_loss(relevance, inputs, options.relevance_loss)
        return (loss, (start, end, relevance)) if return_outputs else loss

    def evaluate(
        self: Any,
        eval_dataset: Any = None,  # noqa: ARG001
        ignore_keys: Any = None,  # noqa: ARG001
        metric_key_prefix: str = "eval",
    ) -> dict[str, float]:
        self.model.eval()
        metrics = {f"{metric_key_prefix}_{name}": value for name, value in measure().means.items()}
        self.log(metrics)
        self.control = self.callback_handler.on_evaluate(self.args, self.state, self.control, metrics)
        return metrics

    return type("ReaderTrainer", (Trainer,), {"compute_loss": compute_loss, "evaluate": evaluate})
