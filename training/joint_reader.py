"""Train the offline profile's network, which reads and ranks at once: ``python -m training.joint_reader --help``.

It is small enough for a CPU: frozen word vectors that pip brings, and half a million weights of its own. It learns
first from many questions that were made of the texts (``training.pairs``, with wrong passages by
``training.negatives``), then from people's questions about an index. With ``--folds`` it is trained once more without
each fold of the people's questions, split by document: the table that is printed holds figures of questions that the
network did not see, and ``training.offline_reader --joint`` fits its trees on what such networks say.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from evals.dataset import read_questions
from evals.files import atomic_write_bytes, write_json
from rag.command import run_command
from retrievers.checkpoints import require_packages
from retrievers.errors import InputError
from training.examples import read_examples
from training.joint.folds import FOLDS, fold_graph
from training.offline_reader import assign_folds

if TYPE_CHECKING:
    from training.joint.batches import Featurizer
    from training.joint.cases import Case
    from training.joint.fitting import FitOptions, Quality

GRAPH = "joint_reader.onnx"
WEIGHTS = "joint_reader.safetensors"
_PRETRAINING = {"epochs": 2.0, "learning_rate": 1.2e-3, "batch_size": 32, "wrong": 1, "ranking": 0.7, "relevance": 0.3}


def build_parser() -> argparse.ArgumentParser:
    """Arguments of the command."""
    parser = argparse.ArgumentParser(prog="python -m training.joint_reader", description=__doc__)
    parser.add_argument(
        "--pretrain", type=Path, nargs="*", default=[], metavar="FILE",
        help="rows of training.pairs with negatives of training.negatives",
    )  # fmt: skip
    parser.add_argument(
        "--data", nargs=2, action="append", default=[], metavar=("INDEX", "QUESTIONS"),
        help="an index and an evaluation file about it, to train on last; repeat for several",
    )  # fmt: skip
    parser.add_argument("--base", type=Path, metavar="FILE", help="weights to go on from (.safetensors)")
    parser.add_argument("--folds", type=int, default=0, metavar="N", help="cross-validate in N folds, and keep them")
    parser.add_argument("--profile", default=None, metavar="NAME", help="finds the candidates (default: the index's)")
    parser.add_argument("--epochs", type=float, default=3.0, metavar="N", help="over --data (default: 3)")
    parser.add_argument(
        "--pretrain-epochs",
        type=float,
        default=_PRETRAINING["epochs"],
        metavar="N",
        help="over --pretrain (default: 2)",
    )
    parser.add_argument("--width", type=int, default=128, metavar="N", help="of the network (default: 128)")
    parser.add_argument("--layers", type=int, default=3, metavar="N", help="of the network (default: 3)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of every random choice (default: 0)")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse flags and train."""
    arguments = build_parser().parse_args(argv)
    return run_command(lambda: _run(arguments))


def _run(arguments: argparse.Namespace) -> int:
    if not arguments.pretrain and not arguments.data:
        raise InputError("nothing to train on: give --pretrain, --data, or both")
    if arguments.folds == 1 or arguments.folds < 0 or (arguments.folds and not arguments.data):
        raise InputError("--folds: expected at least 2, and --data to fold")
    if arguments.width % 4 or min(arguments.width, arguments.layers) < 1 or arguments.epochs <= 0:
        raise InputError("expected a --width that 4 divides, --layers of at least 1 and --epochs above 0")
    require_packages("training the joint reader", "torch", "onnxscript", "safetensors", extra="train")
    from training.joint.batches import Featurizer
    from training.joint.cases import case_of_example
    from training.joint.fitting import FitOptions, fit, measure
    from training.joint.network import NetworkOptions, build_network

    options = NetworkOptions(width=arguments.width, layers=arguments.layers, inner=2 * arguments.width)
    featurizer = Featurizer(options.span)
    made = [case_of_example(row) for path in arguments.pretrain for row in read_examples(path) if row.answers]
    asked = [case for index, file in arguments.data for case in _cases(Path(index), Path(file), arguments.profile)]
    arguments.out.mkdir(parents=True, exist_ok=True)
    first = build_network(options)
    if arguments.base:
        _load(first, arguments.base)
    if made:
        stage = FitOptions(**{**_PRETRAINING, "epochs": arguments.pretrain_epochs, "seed": arguments.seed})
        _say(f"{len(made)} made questions: loss of spans {fit(first, made, featurizer, stage):.3f}")
    last = FitOptions(epochs=arguments.epochs, seed=arguments.seed)
    if arguments.folds:
        table = _cross_validate(first, asked, featurizer, last, arguments)
        _print(table)
    if asked:
        fit(first, asked, featurizer, last)
    _save(first, arguments.out / WEIGHTS)
    export(first, arguments.out / GRAPH)
    if not arguments.folds and asked:
        _say("the figures below are of questions that the network has seen")
        _print({source: measure(first, own, featurizer) for source, own in _by_source(asked).items()})
    return 0


def _cases(directory: Path, file: Path, profile: str | None) -> list[Case]:
    from rag.index import open_index
    from rag.profile import load_profile
    from training.joint.cases import cases_of_index

    with open_index(directory) as index:
        chosen = load_profile(profile or index.manifest.profile, {})
        return cases_of_index(file.stem, index, chosen, read_questions(file))


def _cross_validate(
    base: Any,
    cases: Sequence[Case],
    featurizer: Featurizer,
    options: FitOptions,
    arguments: argparse.Namespace,
) -> dict[str, Quality]:
    """Train without each fold, keep these networks, and measure each on its fold; means by source."""
    import copy

    from training.joint.fitting import fit, measure

    fold_of = assign_folds((case.document for case in cases), arguments.folds, arguments.seed)
    held: list[tuple[str, Quality]] = []
    for number in range(arguments.folds):
        network = copy.deepcopy(base)
        fit(network, [case for case in cases if fold_of[case.document] != number], featurizer, options)
        export(network, arguments.out / fold_graph(number))
        own = [case for case in cases if fold_of[case.document] == number]
        held += [(source, measure(network, some, featurizer)) for source, some in _by_source(own).items()]
    write_json(arguments.out / FOLDS, {case.question: fold_of[case.document] for case in cases})
    return {source: _pooled([one for name, one in held if name == source]) for source in _by_source(cases)}


def _by_source(cases: Sequence[Case]) -> dict[str, list[Case]]:
    found: dict[str, list[Case]] = {}
    for case in cases:
        found.setdefault(case.source, []).append(case)
    return found


def _pooled(folds: Sequence[Quality]) -> Quality:
    """Mean over folds, each weighing by its questions."""
    from training.joint.fitting import Quality

    values: dict[str, Any] = {"questions": sum(one.questions for one in folds)}
    for name in (field.name for field in fields(Quality) if field.name != "questions"):
        known = [(getattr(one, name), one.questions) for one in folds if getattr(one, name) is not None]
        total = sum(weight for _, weight in known)
        values[name] = sum(value * weight for value, weight in known) / total if known else None
    return Quality(**values)


def _print(rows: dict[str, Quality]) -> None:
    columns = ("EM", "F1", "F1 of lemmas", "chunk hit@5", "document hit@1", "document MRR@10")
    table = Table("questions", "n", *columns, box=None)
    for source, one in rows.items():
        values = (one.exact, one.f1, one.lemma_f1, one.chunk_hit, one.document_hit, one.reciprocal_rank)
        table.add_row(source, str(one.questions), *("–" if value is None else f"{value:.3f}" for value in values))
    Console(width=120).print(table)


def _say(line: str) -> None:
    Console(stderr=True, soft_wrap=True, highlight=False).print(line)


def _save(network: Any, path: Path) -> None:
    from safetensors.torch import save_file

    save_file(network.state_dict(), str(path), metadata={"options": network.options.model_dump_json()})


def _load(network: Any, path: Path) -> None:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        network.load_state_dict(load_file(str(path)))
    except (OSError, SafetensorError, RuntimeError) as error:
        raise InputError(f"--base {path} does not fit a network of this --width and --layers: {error}") from error


def export(network: Any, path: Path) -> None:
    """Write the network as an ONNX graph, whole or not at all.

    In 32 bits: with weights of eight bits it ran 1.1 times as fast on two cores, its matrices being small, and a score
    would depend on the passages that share its batch, whose activations are scaled together.
    """
    import onnx

    with tempfile.TemporaryDirectory() as scratch:
        plain = Path(scratch, "plain.onnx")
        _trace(network).save(str(plain))
        model = onnx.load(str(plain))
    for part in (
        model,
        model.graph,
        *model.graph.node,
        *model.graph.input,
        *model.graph.output,
        *model.graph.value_info,
    ):
        del part.metadata_props[:]  # the exporter notes there which line of which file made a node
        if hasattr(part, "doc_string"):
            part.doc_string = ""
    with atomic_write_bytes(path) as stream:
        stream.write(model.SerializeToString())


def _trace(network: Any) -> Any:
    import torch

    from retrievers.joint.inputs import MATCHES
    from retrievers.joint.tokens import COLUMNS
    from retrievers.word_vectors import word_vectors

    network.eval()
    pairs, tokens = 2, 3 * network.options.span
    example = (
        torch.zeros(pairs, tokens, word_vectors().dimension),
        torch.zeros(pairs, tokens, len(MATCHES)),
        torch.zeros(pairs, tokens, len(COLUMNS), dtype=torch.long),
        torch.zeros(pairs, tokens, dtype=torch.long),
        torch.ones(pairs, tokens, dtype=torch.long),
    )
    free = {0: torch.export.Dim("batch"), 1: torch.export.Dim("tokens")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        return torch.onnx.export(
            network,
            example,
            dynamo=True,
            verbose=False,
            dynamic_shapes=tuple(free for _ in example),
            input_names=["vectors", "matches", "categories", "segments", "mask"],
            output_names=["relevance", "spans"],
        )


if __name__ == "__main__":
    sys.exit(main())
