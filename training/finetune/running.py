"""One training run by a trainer of transformers or sentence-transformers, from options to the best weights."""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.files import read_json, write_json
from retrievers.errors import InputError
from training.finetune.checkpoints import SafeCheckpoints, last_checkpoint
from training.finetune.options import Precision, TrainingOptions
from training.finetune.progress import ProgressBar, callback
from training.finetune.ranking import Measured

log = logging.getLogger(__name__)

_CHECKPOINTING = ("activation_checkpointing", "gradient_checkpointing")
_FINISHED = "course.json"
_EVALUATIONS = 10  # of a run, where nothing else is said


@dataclass(frozen=True, slots=True)
class Course:
    """What happened while training.

    Args:
        points: one an evaluation: ``step``, the metrics, and ``loss``, the mean training loss since the point before.
        facts: updates made, the update with the best weights, whether training stopped early, seconds, device.
    """

    points: list[dict[str, float]]
    facts: dict[str, str | int | float | bool | None]


def require_precision(options: TrainingOptions) -> None:
    """Tell before a model is loaded that the machine cannot compute as asked.

    Raises:
        InputError: fp16 without a GPU, or bf16 on one that cannot.
    """
    import torch

    if options.precision is Precision.FP16 and not torch.cuda.is_available():
        raise InputError("--precision fp16 needs a GPU; a CPU computes in bf16 or fp32")
    if options.precision is Precision.BF16 and torch.cuda.is_available() and not torch.cuda.is_bf16_supported():
        raise InputError("--precision bf16: this GPU cannot; take fp16 or fp32")


def training_arguments(kind: Any, options: TrainingOptions, folder: Path, rows: int, **own: Any) -> Any:
    """Arguments of a trainer.

    Args:
        kind: their class, ``TrainingArguments`` of transformers or one derived from it.
        options: what the user asked for.
        folder: where checkpoints go.
        rows: of the training data, one a row of a batch.
        own: further arguments of ``kind``; they win.
    """
    import torch

    updates = options.steps or max(1, math.ceil(options.epochs * rows / options.batch_size / options.accumulation))
    every = options.evaluate_every or max(1, updates // _EVALUATIONS)
    common: dict[str, Any] = {
        "output_dir": str(folder.resolve()),
        "num_train_epochs": options.epochs,
        "max_steps": options.steps or -1,
        "per_device_train_batch_size": options.batch_size,
        "per_device_eval_batch_size": options.batch_size,
        "gradient_accumulation_steps": options.accumulation,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": options.schedule.value,
        "warmup_steps": options.warmup,  # below 1 it is a share of the updates
        "weight_decay": options.weight_decay,
        "max_grad_norm": options.max_gradient,
        "seed": options.seed,
        "bf16": options.precision is Precision.BF16,
        "fp16": options.precision is Precision.FP16,
        "eval_strategy": "steps",
        "eval_steps": every,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,  # the best and the last
        "logging_strategy": "steps",
        "logging_steps": every,
        "load_best_model_at_end": True,
        "metric_for_best_model": options.metric,
        "greater_is_better": True,
        "restore_callback_states_from_checkpoint": True,  # the patience that is left
        "dataloader_pin_memory": torch.cuda.is_available(),
        "disable_tqdm": True,
        "report_to": [],
        "use_cpu": not (torch.cuda.is_available() or torch.backends.mps.is_available()),  # bf16 asks for it
    }
    if options.checkpointing:
        # Renamed in the course of transformers 5; the old name warns where there is the new one.
        name = next(name for name in _CHECKPOINTING if name in kind.__dataclass_fields__)
        # The other way of recomputing needs gradients of its inputs, which LoRA's frozen embeddings do not have.
        common |= {name: True, f"{name}_kwargs": {"use_reentrant": False}}
    return kind(**common | own)


def evaluator(measure: Callable[[Any], Measured], metric: str) -> Any:
    """An evaluator of sentence-transformers that measures the model it is given."""
    from sentence_transformers.base.evaluation import BaseEvaluator

    def call(_: Any, model: Any, *_where: Any, **_when: Any) -> dict[str, float]:
        return dict(measure(model).means)

    made = type("Evaluator", (BaseEvaluator,), {"__call__": call})()
    made.primary_metric = metric
    return made


def train(
    kind: Any, options: TrainingOptions, folder: Path, *, first: dict[str, float] | None = None, **arguments: Any
) -> Course:
    """Train until the last update, or until the metric has not improved for a while, and load the best weights.

    Args:
        kind: class of the trainer.
        options: what the user asked for.
        folder: of the checkpoints; the newest whole one is gone on from.
        first: filled with what the trainer's own evaluation says before the first update.
        arguments: of ``kind``; ``model`` holds the best weights afterwards.

    Raises:
        InputError: a checkpoint to go on from is damaged.
    """
    from transformers import EarlyStoppingCallback
    from transformers.trainer_callback import PrinterCallback

    trainer: Any = type(kind.__name__, (SafeCheckpoints, kind), {})(**arguments)
    trainer.remove_callback(PrinterCallback)  # it prints to stdout
    bar = callback(ProgressBar, options.metric)
    trainer.add_callback(bar)
    if options.patience:
        trainer.add_callback(EarlyStoppingCallback(early_stopping_patience=options.patience))
    if first is not None:
        first.update(trainer.evaluate())
    checkpoint = last_checkpoint(folder)
    if checkpoint is not None:
        log.warning("going on from update %s of an interrupted run", checkpoint.name.rpartition("-")[2])
    if (folder / _FINISHED).is_file():
        return _finished(trainer, folder)
    begun = time.monotonic()
    try:
        trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint is not None else None)
    finally:
        bar.stop()
    state = trainer.state
    course = Course(
        points=_points(state.log_history),
        facts={
            "updates": int(state.global_step),
            "updates planned": int(state.max_steps),
            "best update": int(state.best_global_step or state.global_step),
            "stopped early": bool(state.global_step < state.max_steps),
            "epochs": round(float(state.epoch or 0.0), 3),
            "seconds": round(time.monotonic() - begun, 1),
            "device": str(trainer.args.device),
        },
    )
    write_json(folder / _FINISHED, asdict(course))
    return course


def _finished(trainer: Any, folder: Path) -> Course:
    """The course of a run that was killed after its training and before its model was written; loads the weights."""
    course = Course(**read_json(folder / _FINISHED))
    trainer.state.best_global_step = course.facts["best update"]
    trainer._load_best_model()
    return course


def _points(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """One entry a step of the trainer's log: it writes losses and metrics apart."""
    points: dict[int, dict[str, float]] = {}
    for entry in history:
        point = points.setdefault(int(entry["step"]), {"step": int(entry["step"])})
        point |= {
            name if name in _LOSSES else name.removeprefix("eval_"): float(value)
            for name, value in entry.items()
            if name in _LOSSES or (name.startswith("eval_") and name not in _BOOKKEEPING)
        }
    return [point for point in points.values() if len(point) > 1]


_LOSSES = {"loss", "eval_loss"}
_BOOKKEEPING = {"eval_runtime", "eval_samples_per_second", "eval_steps_per_second"}


@contextmanager
def quiet() -> Iterator[None]:
    """Keep transformers' progress bars off stderr, and its warnings of what this package does on purpose.

    Its deprecations of version 6 are for peft and sentence-transformers, which still call the old names.
    """
    from transformers.utils import logging as console

    calls: Any = console
    level, bars = console.get_verbosity(), calls.is_progress_bar_enabled()
    console.set_verbosity(logging.ERROR)
    calls.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", ".* deprecated and will .* in v6", FutureWarning)
            yield
    finally:
        console.set_verbosity(level)
        if bars:
            calls.enable_progress_bar()
