"""The record and the model card of an export: those of its model, with what the export changed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from evals.files import atomic_write, read_json, write_json
from training.export.options import ExportOptions, ExportTask, Quantization
from training.export.parity import Parity
from training.export.report import export_facts, parity_markdown
from training.export.source import Source
from training.finetune.card import CARD, RECORD, Task, TrainingRecord

_USE = {
    ExportTask.BIENCODER: "RAG_INDEX__ENCODER__KIND=onnx RAG_INDEX__ENCODER__MODEL={name} \\\n"
    "    python -m rag.index build DOCUMENTS --index DIR",
    ExportTask.CROSSENCODER: "python -m rag.ask QUESTION --set compressor.kind=onnx --set compressor.model={name}",
    ExportTask.READER: "python -m rag.ask QUESTION --set generator.kind=span --set generator.model={name} \\\n"
    "    --set compressor.kind=onnx --set compressor.model={name}",
}
_BITS = {Quantization.NONE: "32 bits", Quantization.FP16: "16 bits", Quantization.INT8: "8 bits"}
_FRONT = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_FENCE = re.compile(r"^\s*(```|~~~)")


def write_export_card(
    folder: Path, record: dict[str, Any], source: Source, parity: Parity, options: ExportOptions
) -> None:
    """Write ``training.json`` and ``README.md`` into the folder of an export.

    Args:
        folder: of the export.
        record: by :func:`record_of`.
        source: the model.
        parity: what the export changed.
        options: of the export.

    Raises:
        InputError: the folder cannot be written to.
    """
    write_json(folder / RECORD, record | {"export": export_facts(parity, options)})
    with atomic_write(folder / CARD) as stream:
        stream.write(_card(str(record["name"]), source, parity, options))


def record_of(name: str, source: Source) -> dict[str, Any]:
    """The model's record as it stands, fields of newer versions included; where it has none, one that says so.

    Args:
        name: of the export.
        source: the model.

    Raises:
        InputError: the record is damaged.
    """
    task = Task(source.task.value)
    if (source.folder / RECORD).is_file():
        return read_json(source.folder / RECORD) | {"name": name, "task": task.value, "exported_from": source.name}
    record = TrainingRecord(task=task, name=name, base=source.name, note="Exported; trained elsewhere.")
    return record.model_dump(mode="json") | {"exported_from": source.name}


def _card(name: str, source: Source, parity: Parity, options: ExportOptions) -> str:
    own = source.folder / CARD
    card = own.read_text(encoding="utf-8", errors="replace") if own.is_file() else ""
    front = _FRONT.match(card)
    parts = [
        f"# {name}",
        f"{source.name} in ONNX, its weights in {_BITS[options.quantize]}: runs without torch, by ONNX Runtime.",
        f"## Use\n\n```sh\n{_USE[source.task].format(name=name)}\n```",
        f"## Export against model\n\n{parity_markdown(parity)}",
    ]
    if body := card[front.end() if front else 0 :].strip():
        parts.append(f"## Card of the model it was made from\n\n{_one_level_down(body)}")
    return (front.group() + "\n" if front else "") + "\n\n".join(parts) + "\n"


def _one_level_down(markdown: str) -> str:
    """The same with every heading one level lower; what stands in code fences is left alone."""
    lines, fenced = [], False
    for line in markdown.splitlines():
        fenced ^= bool(_FENCE.match(line))
        lines.append(f"#{line}" if line.startswith("#") and not fenced else line)
    return "\n".join(lines)
