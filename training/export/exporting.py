"""One export from beginning to end, in a folder that is not yet in its place."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rag.command import available_cores
from rag.index.progress import Progress, silent
from training.export.card import record_of, write_export_card
from training.export.graph import GRAPH, convert_graph, graph_files, write_graph
from training.export.options import ExportOptions, Quantization
from training.export.parity import Parity, Variant, compare, failures_of, speeds
from training.export.report import write_parity
from training.export.source import Source
from training.export.subjects import open_subject
from training.export.traceables import prepare
from training.finetune.ranking import RankingTask

_MODEL, _PLAIN = "torch", "onnx"


def export_model(
    source: Source,
    folder: Path,
    task: RankingTask,
    options: ExportOptions,
    *,
    name: str,
    judged: bool = False,
    progress: Progress = silent,
) -> Parity:
    """Export a model and compare the result with it.

    Args:
        source: the model.
        folder: empty; holds a whole export afterwards, also where it is not as good as asked for.
        task: texts to compare on.
        options: of the export.
        name: of the export, for its card.
        judged: whether ``task`` is the user's evaluation data, whose metrics may not drop.
        progress: told of each stage.

    Raises:
        ModelUnavailableError: the model does not load or cannot be traced.
        InputError: the model's own record is damaged, or the folder cannot be written to.
    """
    threads = options.threads or available_cores()
    record = record_of(name, source)
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        plain = Path(scratch)
        _trace(source, folder, plain, progress)
        convert_graph(plain / GRAPH, folder / GRAPH, options)
        progress("convert", 1, 1)
        places = [(_MODEL, source.folder), (_PLAIN, plain), (variant_name(options), folder)]
        places = [place for number, place in enumerate(places) if number != 1 or variant_name(options) != _PLAIN]
        parity = _measure(source, places, task, options, threads, progress, judged=judged)
    write_parity(folder, parity, options)
    write_export_card(folder, record, source, parity, options)
    return parity


def variant_name(options: ExportOptions) -> str:
    """What an export is called in tables: ``"onnx int8 fused"``."""
    quantized = "" if options.quantize is Quantization.NONE else f" {options.quantize}"
    return f"{_PLAIN}{quantized}{' fused' if options.optimize else ''}"


def _trace(source: Source, folder: Path, plain: Path, progress: Progress) -> None:
    """Fill ``folder`` with all but the graph, and ``plain`` with the same and the graph in 32 bit."""
    traceable = prepare(source, folder)
    progress("load", 1, 1)
    shutil.copytree(folder, plain, dirs_exist_ok=True)
    write_graph(traceable, plain / GRAPH)
    progress("trace", 1, 1)


def _measure(
    source: Source,
    places: list[tuple[str, Path]],
    task: RankingTask,
    options: ExportOptions,
    threads: int,
    progress: Progress,
    *,
    judged: bool,
) -> Parity:
    subjects, observed = [], []
    with _torch_threads(threads):
        for number, (_, folder) in enumerate(places):
            subject = open_subject(source.task, folder, source.model, exported=number > 0, threads=threads)
            subjects.append(subject)
            observed.append(subject.observe(task))
            progress("compare", number + 1, len(places))
        timed = speeds(subjects, _pairs(task))
        progress("time", 1, 1)
    variants = [
        Variant(
            name=name,
            size=_size(folder, exported=number > 0),
            metrics=observed[number].measured.means,
            speed=timed[number],
            agreement=compare(observed[0], observed[number]) if number else None,
        )
        for number, (name, folder) in enumerate(places)
    ]
    return Parity(
        variants=tuple(variants),
        unit=subjects[0].unit,
        questions=len(task.questions),
        passages=len(task.passages),
        threads=threads,
        judged=judged,
        failures=failures_of(variants[0], variants[-1], options, judged=judged),
    )


def _pairs(task: RankingTask) -> list[tuple[str, str]]:
    """Pairs of the task in its order, for the clock."""
    candidates = task.candidates or ()
    return [(task.questions[at], task.passages[row]) for at, rows in enumerate(candidates) for row in rows] or [
        (pair.question, pair.passage) for pair in task.pairs
    ]


def _size(folder: Path, *, exported: bool) -> int:
    files = graph_files(folder) if exported else list(folder.rglob("*.safetensors"))
    return sum(file.stat().st_size for file in files)


@contextmanager
def _torch_threads(threads: int) -> Iterator[None]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
