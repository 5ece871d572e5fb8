"""What the fine-tuning commands share: their flags, what they read, and the way from a base to a folder with a card."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console

from retrievers.analysis import fold
from retrievers.checkpoints import names_of, weights_fingerprint
from training.examples import Example, read_examples
from training.finetune.card import (
    DataFile,
    Task,
    TrainingRecord,
    data_file,
    file_digest,
    package_versions,
    toolkit_commit,
    write_card,
)
from training.finetune.evaluation import (
    EvaluationData,
    EvaluationOptions,
    add_evaluation_flags,
    metric_of,
    read_evaluation,
)
from training.finetune.options import TrainingOptions, add_option_flags, options_from
from training.finetune.ranking import Measured, RankingTask
from training.finetune.report import Report, print_report, write_report
from training.finetune.running import evaluator, quiet, require_precision, train
from training.finetune.workspace import Workspace

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Inputs:
    """What a command reads before it loads a model.

    Args:
        options: of the command.
        evaluation_options: what is measured.
        train: rows of all training files.
        evaluation: task to measure on.
        files: facts of the files, for the card.
        workspace: place of the result.
        name: of the model.
        licence: of the weights, as the user states it.
    """

    options: TrainingOptions
    evaluation_options: EvaluationOptions
    train: tuple[Example, ...]
    evaluation: EvaluationData
    files: tuple[DataFile, ...]
    workspace: Workspace
    name: str
    licence: str | None


class Job(Protocol):
    """What a kind of model brings to a run."""

    @property
    def task(self) -> Task:
        """What the model is for."""

    @property
    def base(self) -> Path:
        """Folder of the base."""

    @property
    def base_name(self) -> str:
        """Its name, for the card."""

    def load(self) -> Any:
        """The model to train, with LoRA's matrices where they are asked for."""

    def measure(self, model: Any) -> Measured:
        """Its quality on the evaluation data."""

    def baseline(self) -> Measured:
        """Quality without any model; empty where there is no such thing."""

    def trainer(self, model: Any, folder: Path) -> tuple[Any, dict[str, Any]]:
        """Class of the trainer and its arguments, checkpoints going to ``folder``."""

    def merge(self, model: Any) -> None:
        """Put LoRA's updates into the weights."""

    def save(self, model: Any, folder: Path) -> None:
        """Write the model, or LoRA's matrices alone where these are to be kept."""

    def facts(self) -> dict[str, str | int | None]:
        """For the record: what the options do not say."""


def add_common_flags(parser: argparse.ArgumentParser, options: type[TrainingOptions], **defaults: Any) -> None:
    """Flags of files and names, of the evaluation, and of ``options`` with other ``defaults`` where given."""
    parser.add_argument("--base", required=True, metavar="NAME_OR_PATH", help="model to start from")
    parser.add_argument(
        "--train", nargs="+", type=Path, required=True, metavar="FILE",
        help="rows to train on, in the format of training.examples; python -m training.data makes them of others",
    )  # fmt: skip
    add_evaluation_flags(parser)
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the trained model, new")
    parser.add_argument("--name", default=None, help="of the model, for its card (default: that of the folder)")
    parser.add_argument("--licence", default=None, help="of the weights, for the card, as hubs name it: apache-2.0, …")
    add_option_flags(parser, options, **defaults)
    add_option_flags(parser, EvaluationOptions, skip=("files", "corpus", "seed"))


def read_inputs(arguments: argparse.Namespace, options: TrainingOptions) -> Inputs:
    """Read and check everything that needs no model.

    Raises:
        InputError: a file cannot be read or used, the metric is none of the evaluation's, or ``--out`` is taken.
    """
    workspace = Workspace(arguments.out)
    workspace.require_free()
    measured_on = options_from(
        arguments, EvaluationOptions, files=tuple(arguments.eval), corpus=arguments.corpus, seed=options.seed
    )
    files = [(path, read_examples(path)) for path in arguments.train]
    evaluation = read_evaluation(measured_on)
    metric_of(evaluation.task, options.metric)
    if evaluation.unanswerable:
        log.warning("%d questions of --eval have no relevant passage and are left out", evaluation.unanswerable)
    train = tuple(row for _, rows in files for row in rows)
    if seen := seen_questions(train, evaluation.task):
        log.warning("questions of --eval that stand in --train, too: %d; what they say holds for no others", seen)
    return Inputs(
        options=options,
        evaluation_options=measured_on,
        train=train,
        evaluation=evaluation,
        files=(
            *(data_file(path, rows, "train") for path, rows in files),
            *_evaluation_files(measured_on.files, evaluation),
        ),
        workspace=workspace,
        name=arguments.name or arguments.out.resolve().name,
        licence=arguments.licence,
    )


def run_job(job: Job, inputs: Inputs) -> int:
    """Measure, train, measure again, write the model with its report and card, and print the table."""
    from transformers import set_seed

    options = inputs.options
    require_precision(options)
    digest = weights_fingerprint(sorted(job.base.rglob("*.safetensors")))
    with inputs.workspace.open(_configuration(inputs, digest), fresh=options.fresh) as folder, quiet():
        set_seed(options.seed)
        model = job.load()
        before = job.measure(model)
        kind, arguments = job.trainer(model, folder)
        course = train(kind, options, folder, **arguments, evaluator=evaluator(job.measure, options.metric))
        if options.lora_rank and not options.keep_adapter:
            job.merge(model)
        report = Report(
            name=inputs.name,
            metric=options.metric,
            before=before,
            after=job.measure(model),
            baseline=job.baseline(),
            points=course.points,
            facts=course.facts | _sizes(inputs),
        )
        inputs.workspace.model.mkdir()
        job.save(model, inputs.workspace.model)
        write_report(inputs.workspace.model, report)
        write_card(inputs.workspace.model, _record(job, inputs, report, digest))
        inputs.workspace.publish()
    print_report(report)
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"The model is in {inputs.workspace.out}")
    return 0


def base_name(asked: str, folder: Path) -> str:
    """The hub's name of a base, else the name of its folder: a card should hold no path of somebody's machine."""
    names = [name for name in names_of(asked, folder) if not Path(name).is_absolute() and not Path(name).is_dir()]
    return names[0] if names else folder.resolve().name


def seen_questions(train: Sequence[Example], task: RankingTask) -> int:
    """How many questions of a task stand among training rows, in whatever case and spelling of ё."""
    known = {fold(row.question).strip() for row in train}
    return sum(fold(question).strip() in known for question in task.questions)


def report_left_out(left_out: dict[str, int], rows: int) -> None:
    """Say on stderr how many rows a loss did not use."""
    for reason, count in left_out.items():
        log.warning("%d of %d training rows left out: %s", count, rows, reason)


def _configuration(inputs: Inputs, base: str) -> dict[str, Any]:
    measured_on = inputs.evaluation_options
    corpus = measured_on.corpus
    return {
        "options": inputs.options.model_dump(mode="json", exclude={"fresh"}),
        "evaluation": measured_on.model_dump(mode="json", exclude={"files", "corpus"}),
        "corpus": None if corpus is None else file_digest(corpus) if corpus.is_file() else str(corpus.resolve()),
        "data": [file.sha256 for file in inputs.files],
        "base": base,
    }


def _sizes(inputs: Inputs) -> dict[str, int]:
    task = inputs.evaluation.task
    sizes = {
        "evaluation questions": len(task.questions),
        "of them seen in training": seen_questions(inputs.train, task),
        "passages": len(task.passages),
        "pairs": len(task.pairs),
    }
    return {name: size for name, size in sizes.items() if size}


def _evaluation_files(paths: Sequence[Path], data: EvaluationData) -> Iterator[DataFile]:
    start = 0
    for path, rows in zip(paths, data.rows, strict=True):
        if data.examples:
            yield data_file(path, data.examples[start : start + rows], "eval")
        else:
            yield DataFile(role="eval", name=path.name, rows=rows, sha256=file_digest(path))
        start += rows


def _record(job: Job, inputs: Inputs, report: Report, digest: str) -> TrainingRecord:
    return TrainingRecord(
        task=job.task,
        name=inputs.name,
        base=job.base_name,
        base_digest=digest,
        data=inputs.files,
        options=inputs.options.model_dump(mode="json", exclude={"fresh"}),
        metrics=report.metrics(),
        run={**report.facts, **job.facts()},
        licence=inputs.licence,
        commit=toolkit_commit(),
        versions=package_versions(),
    )
