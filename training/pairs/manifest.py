"""The facts of a file of made pairs: ``pairs.manifest.json`` beside ``pairs.jsonl``, and the same as a table."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evals.files import write_json
from training.finetune.card import file_digest, toolkit_commit

_SUFFIXES = (".jsonl.gz", ".jsonl.zst", ".jsonl")


def manifest_path(file: Path) -> Path:
    """Where the facts of a file stand: ``manifest_path(Path("out/pairs.jsonl")).name == "pairs.manifest.json"``."""
    name = next((file.name.removesuffix(suffix) for suffix in _SUFFIXES if file.name.endswith(suffix)), file.name)
    return file.with_name(f"{name}.manifest.json")


def write_manifest(
    file: Path,
    *,
    made_by: str,
    options: Mapping[str, Any],
    kept: Mapping[str, int],
    removed: Mapping[str, int],
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Write the facts of a finished file of examples.

    Args:
        file: of the examples.
        made_by: command.
        options: of the command.
        kept: rows by source.
        removed: rows left out, by reason.
        facts: anything else.
    """
    write_json(
        manifest_path(file),
        {
            "made_by": made_by,
            "commit": toolkit_commit(),
            "options": {name: _plain(value) for name, value in options.items()},
            "rows": sum(kept.values()),
            "sources": dict(kept),
            "removed": dict(removed),
            **(facts or {}),
            "sha256": file_digest(file),
        },
    )


def print_counts(title: str, kept: Mapping[str, int], removed: Mapping[str, int]) -> None:
    """Print what was made and what was left out as one table, the most first where counts differ."""
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("what")
    table.add_column("count", justify="right")
    for name, count in sorted(kept.items(), key=lambda item: -item[1]):
        table.add_row(name, f"{count:,}")
    table.add_section()
    for name, count in sorted(removed.items(), key=lambda item: -item[1]):
        table.add_row(f"left out: {name}", f"{count:,}")
    console = Console(highlight=False)
    console.print(title, soft_wrap=True, markup=False)
    console.print(table)


def _plain(value: Any) -> Any:
    """Paths by their names: where a file lay on this machine is nobody's business."""
    if isinstance(value, Path):
        return value.name
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
