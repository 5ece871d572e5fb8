"""Train a span reader that also ranks: ``python -m training.reader --help``.

One network reads a question with a passage and says where the answer starts and ends, that there is none, and how
relevant the passage is; the pipeline uses it as reader (``generator.kind=span``), as reranker (``compressor.kind=onnx``
or ``huggingface``), or as both in one pass. All passages of a question share one softmax, so that answers of different
passages can be compared (Clark and Gardner, 2018).
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rag.command import run_command
from retrievers.checkpoints import find_checkpoint, loading, require_packages, weights_fingerprint
from retrievers.encoders.recipes import own_limit
from retrievers.errors import InputError
from retrievers.span_reader.settings import KEY, ReaderSettings, fitting_settings
from training.examples import Example, read_examples
from training.finetune.card import (
    DataFile,
    Task,
    TrainingRecord,
    data_file,
    package_versions,
    toolkit_commit,
    write_card,
)
from training.finetune.command import base_name
from training.finetune.options import add_option_flags, options_from
from training.finetune.report import Report, print_report, write_report
from training.finetune.running import quiet
from training.finetune.workspace import Workspace
from training.reading.options import DEFAULTS, NO_FLAG, ReaderOptions

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.finetune.ranking import Measured
    from training.reading.evaluation import Read
    from training.reading.rows import Asked, Feature

_FEATURE = "training a reader"
_NOTE = """A reader of extractive answers. `config.json` holds the encoder's configuration and, under `reader`, lengths
and the calibration of the confidence; `model.safetensors` holds `encoder.*`, `span.*`, `pool.*` and `relevance.*`;
`tokenizer.json` is the tokeniser. Export it for use without torch: `python -m training.export {name} --to onnx`."""

log = logging.getLogger(__name__)


def build_parser() -> argparse.ArgumentParser:
    """Flags of the command."""
    parser = argparse.ArgumentParser(prog="python -m training.reader", description=__doc__)
    parser.add_argument("--base", required=True, metavar="MODEL", help="encoder to start from: hub name or path; a "
                        "reader trained before goes on learning")  # fmt: skip
    parser.add_argument("--train", nargs="+", type=Path, required=True, metavar="FILE", help="rows with answers")
    parser.add_argument("--eval", nargs="+", type=Path, required=True, metavar="FILE", help="rows that the reader is "
                        "measured and calibrated on; their documents must not be among those of --train")  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the trained model")
    parser.add_argument("--name", default=None, help="of the model, for its card (default: that of the folder)")
    parser.add_argument("--licence", default=None, help="of the weights, for the card, as hubs name it: apache-2.0, …")
    add_option_flags(parser, ReaderOptions, skip=NO_FLAG, **DEFAULTS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and train."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything that is known before a model is loaded.

    Args:
        base: folder of the encoder.
        model: as it was asked for, for messages.
        options: of the run.
        settings: of the reader to be.
        train: questions to learn.
        questions: to measure on.
        facts: how the answers of both were found.
    """

    base: Path
    model: str
    options: ReaderOptions
    settings: ReaderSettings
    train: list[Asked]
    questions: list[Asked]
    facts: dict[str, int]


def _run(arguments: argparse.Namespace) -> int:
    options = options_from(arguments, ReaderOptions)
    workspace = Workspace(arguments.out)
    workspace.require_free()
    train_rows, train_files = _read(arguments.train, "train")
    eval_rows, eval_files = _read(arguments.eval, "eval")
    _warn_of_leaks(train_rows, eval_rows)
    require_packages(_FEATURE, "torch", "transformers", "accelerate", extra="train")
    from training.finetune.running import require_precision

    require_precision(options)
    plan = _plan(arguments.base, options, train_rows, eval_rows)
    name = arguments.name or arguments.out.resolve().name
    record = TrainingRecord(
        task=Task.READER,
        name=name,
        base=base_name(arguments.base, plan.base),
        base_digest=weights_fingerprint(sorted(plan.base.glob("*.safetensors"))),
        data=(*train_files, *eval_files),
        options=options.model_dump(mode="json", exclude={*NO_FLAG, "fresh"}),
        licence=arguments.licence,
        commit=toolkit_commit(),
        versions=package_versions(),
        note=_NOTE.format(name=name),
    )
    configuration = record.model_dump(mode="json", include={"base_digest", "data", "options"})
    with workspace.open(configuration, fresh=options.fresh) as folder, quiet():
        report = _train(plan, folder, workspace.model, record)
        workspace.publish()
    print_report(report)
    log.warning("the model is in %s", arguments.out)
    return 0


def _plan(model: str, options: ReaderOptions, train_rows: Sequence[Example], eval_rows: Sequence[Example]) -> _Plan:
    """Find the base and the answers, and check that they suffice.

    Raises:
        InputError: the lengths do not fit, nothing can be learnt, or the metric cannot be measured.
        ModelUnavailableError: the base is not on this machine.
    """
    from training.reading.evaluation import selectable
    from training.reading.rows import as_asked

    base = find_checkpoint(model, feature=_FEATURE, extra="train")
    train, found = as_asked(train_rows, options.negatives, options.seed)
    if not any(question.spans for question in train):
        raise InputError("no training row has its answer in its passage: there is nothing to learn to read from")
    questions, measured = as_asked(eval_rows, options.eval_negatives, options.seed)
    if options.eval_limit is not None and options.eval_limit < len(questions):
        questions = random.Random(options.seed).sample(questions, options.eval_limit)
    if options.metric not in (names := selectable(questions)):
        raise InputError(f"--metric {options.metric}: the evaluation data has {', '.join(names) or 'none'}")
    facts = {f"training answers {match}": count for match, count in found.items()}
    facts |= {f"evaluation answers {match}": count for match, count in measured.items()}
    return _Plan(base, model, options, _settings(options, own_limit(base)), train, questions, facts)


def _train(plan: _Plan, folder: Path, target: Path, record: TrainingRecord) -> Report:
    """Train, and write the model with its card and report into ``target``."""
    import transformers

    from training.finetune.adapters import add_adapter, merge_adapter
    from training.reading.trainer import fit

    options = plan.options
    transformers.set_seed(options.seed)
    bench = _Bench(plan, target)
    before = bench.measure()
    network: Any = bench.network
    if options.lora_rank:
        network.encoder = add_adapter(network.encoder, options, classifies=False)
    course = fit(network, bench.features(), options, folder, pad_id=bench.pad_id, measure=bench.measure)
    if options.lora_rank:
        network.encoder = merge_adapter(network.encoder)
    network.eval()
    report = Report(
        name=record.name,
        metric=options.metric,
        before=before,
        after=bench.finish(),
        points=course.points,
        facts={**course.facts, **plan.facts},
    )
    bench.save(target)
    write_report(target, report)
    write_card(target, record.model_copy(update={"metrics": report.metrics(), "run": dict(report.facts)}))
    return report


class _Bench:
    """The network with everything that it is trained, measured and saved with.

    Args:
        plan: of the run; :meth:`finish` calibrates a copy of its settings.
        target: folder of the model to be; the tokeniser is written there first.
    """

    def __init__(self, plan: _Plan, target: Path) -> None:
        from retrievers.span_reader.model import load_tokenizer, pad_id_of
        from retrievers.span_reader.network import network_of_base

        with loading(plan.model, "an encoder", extra="train"):
            from transformers import AutoTokenizer

            saved: Any = AutoTokenizer.from_pretrained(str(plan.base), local_files_only=True, trust_remote_code=False)
        target.mkdir(parents=True, exist_ok=True)
        saved.save_pretrained(str(target))
        self.settings = plan.settings
        self.network: PreTrainedModel = network_of_base(plan.base, plan.model)
        self.pad_id = pad_id_of(plan.base)
        self._plan = plan
        self._tokenizer = load_tokenizer(target)

    def features(self) -> list[Feature]:
        """The training questions in windows.

        Raises:
            InputError: no window holds an answer as a whole.
        """
        from retrievers.span_reader.windows import Framing
        from training.reading.rows import as_feature

        framing = Framing(self._tokenizer, self.settings)
        features = [as_feature(question, framing, self._plan.options.windows) for question in self._plan.train]
        if not any(feature.answerable for feature in features):
            raise InputError("no answer fits into a window; raise --max-length or lower --max-question")
        return features

    def measure(self) -> Measured:
        """What the network reaches as it stands."""
        from training.reading.evaluation import measure

        return measure(self._read(), self.settings)

    def finish(self) -> Measured:
        """Calibrate, and measure once more, with all wordings."""
        from training.reading.evaluation import calibrated, measure

        reads = self._read()
        self.settings = calibrated(reads, self.settings)
        return measure(reads, self.settings, wordings=True)

    def save(self, target: Path) -> None:
        """Write weights and configuration."""
        setattr(self.network.config, KEY, self.settings.model_dump())
        self.network.save_pretrained(str(target))

    def _read(self) -> list[Read]:
        from retrievers.span_reader.backends import TorchBackend
        from retrievers.span_reader.model import SpanReaderModel
        from training.reading.evaluation import read_all

        backend = TorchBackend(self.network, self.pad_id)  # the weights change: nothing it says may be kept
        return read_all(SpanReaderModel(backend, self._tokenizer, self.settings, kept=0), self._plan.questions)


def _settings(options: ReaderOptions, own: int | None) -> ReaderSettings:
    from pydantic import ValidationError

    from training.reading.trainer import length_of

    asked = {name: getattr(options, name) for name in ("stride", "max_question", "max_answer")}
    try:
        return fitting_settings(
            length_of(options, own), **{name: value for name, value in asked.items() if value is not None}
        )
    except ValidationError as error:
        raise InputError(f"--max-length, --stride and --max-question do not fit: {error.errors()[0]['msg']}") from error


def _read(files: Sequence[Path], role: Any) -> tuple[list[Example], list[DataFile]]:
    rows, facts = [], []
    for path in files:
        examples = read_examples(path)
        rows += examples
        facts.append(data_file(path, examples, role))
    return rows, facts


def _warn_of_leaks(train_rows: Sequence[Example], eval_rows: Sequence[Example]) -> None:
    shared = {row.doc_id for row in train_rows if row.doc_id} & {row.doc_id for row in eval_rows}
    if shared:
        log.warning("%d documents are both trained and measured on: the figures say too much", len(shared))


if __name__ == "__main__":
    sys.exit(main())
