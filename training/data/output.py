"""The folder that training data becomes, its manifest, and the tables that are printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from evals.files import write_json
from training.data.leaks import Removal
from training.data.split import Split
from training.examples import Example, write_examples
from training.finetune.card import MANIFEST, file_digest
from training.folders import new_folder

_QUOTED = 60  # characters of a text in a table
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """Training data ready to be written.

    Args:
        source: name of the format.
        options: of the command, as far as the content depends on them; no paths.
        inputs: files that were read.
        held_out: evaluation files that were kept out.
        held_out_questions: how many questions they hold.
        licence: of the data, where it is known.
        skipped: records that made no example, by reason.
        removals: examples that were left out.
        split: what is left.
    """

    source: str
    options: Mapping[str, Any]
    inputs: Sequence[Path]
    held_out: Sequence[Path] = ()
    held_out_questions: int = 0
    licence: str | None = None
    skipped: Mapping[str, int] = field(default_factory=dict)
    removals: Sequence[Removal] = ()
    split: Split

    @property
    def removed(self) -> dict[str, int]:
        """Examples left out, by reason."""
        counts = Counter(removal.leak.reason.value for removal in self.removals)
        repeated = {f"question of another set ({name})": count for name, count in self.split.repeated.items()}
        return {**dict(counts.most_common()), **repeated}


def write_prepared(prepared: Prepared, out: Path) -> dict[str, Any]:
    """Write the folder, whole or not at all; the same input makes the same bytes. Returns the manifest."""
    with new_folder(out) as folder:
        outputs = []
        for name, examples in prepared.split.parts.items():
            path = folder / f"{name}.jsonl"
            write_examples(path, examples)
            outputs.append(_file(path))
        manifest = _manifest(prepared, outputs)
        write_json(folder / MANIFEST, manifest)
    return manifest


def print_prepared(prepared: Prepared, out: Path, *, examples: int) -> None:
    """Print what was written, what was left out, and some of it."""
    console = Console()
    console.print(_sets_table(prepared, str(out)))
    left_out = {**prepared.skipped, **prepared.removed}
    if left_out:
        table = Table(title="left out")
        table.add_column("reason")
        table.add_column("rows", justify="right")
        for reason, count in left_out.items():
            table.add_row(reason, f"{count:,}")
        console.print(table)
    shown = _most_telling(prepared.removals, examples)
    if shown:
        table = Table(title="some of what was left out", show_lines=True)
        for column in ("reason", "row", "repeats", "similarity"):
            table.add_column(column, justify="right" if column == "similarity" else "left")
        for removal in shown:
            leak = removal.leak
            table.add_row(
                leak.reason.value, _quoted(removal.example.question), _quoted(leak.text), f"{leak.similarity:.2f}"
            )
        console.print(table)


def _sets_table(prepared: Prepared, title: str) -> Table:
    table = Table(title=escape(title))
    columns = ("set", "rows", "groups", "questions", "answers", "placed", "negatives", "labels")
    for column in columns:
        table.add_column(column, justify="left" if column == "set" else "right")
    for name, examples in prepared.split.parts.items():
        facts = _facts(examples, prepared.split.groups[name])
        table.add_row(name, *(f"{value:,}" for value in facts.values()))
    return table


def _facts(examples: Sequence[Example], groups: int) -> dict[str, int]:
    return {
        "rows": len(examples),
        "groups": groups,
        "questions": len({example.question for example in examples}),
        "with_answers": sum(bool(example.answers) for example in examples),
        "with_answer_in_place": sum(example.answer_start is not None for example in examples),
        "with_negatives": sum(bool(example.negatives) for example in examples),
        "labelled": sum(example.label is not None for example in examples),
    }


def _manifest(prepared: Prepared, outputs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What was read and written; no times and no folders of this machine."""
    parts = prepared.split.parts
    return {
        "made_by": "training.data",
        "format": _FORMAT,
        "source": prepared.source,
        "licence": prepared.licence,
        "options": dict(prepared.options),
        "inputs": [_file(path) for path in prepared.inputs],
        "held_out": {
            "questions": prepared.held_out_questions,
            "files": [_file(path) for path in prepared.held_out],
        },
        "skipped": dict(prepared.skipped),
        "removed": prepared.removed,
        "largest_group": prepared.split.largest,
        "sets": {name: _facts(examples, prepared.split.groups[name]) for name, examples in parts.items()},
        "sources": dict(Counter(example.source for examples in parts.values() for example in examples).most_common()),
        "outputs": list(outputs),
    }


def _most_telling(removals: Sequence[Removal], count: int) -> list[Removal]:
    """Of each reason the least similar, where the threshold shows."""
    by_reason: dict[str, list[Removal]] = {}
    for removal in removals:
        by_reason.setdefault(removal.leak.reason, []).append(removal)
    ordered = (sorted(found, key=lambda removal: removal.leak.similarity) for found in by_reason.values())
    return [removal for found in ordered for removal in found[:count]]


def _quoted(text: str) -> str:
    one_line = " ".join(text.split())
    return escape(one_line if len(one_line) <= _QUOTED else f"{one_line[: _QUOTED - 1]}…")


def _file(path: Path) -> dict[str, Any]:
    return {"name": path.name, "bytes": path.stat().st_size, "sha256": file_digest(path)}
