"""How rows are written: JSON Lines and Parquet."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from evals.files import atomic_write, atomic_write_bytes
from evals.rewards.formats.base import Row, WriteRows
from retrievers.errors import MissingExtraError


def write_jsonl(path: Path, rows: Sequence[Row]) -> None:
    """Write one JSON object a line."""
    with atomic_write(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


def parquet_writer(schema: dict[str, Any]) -> WriteRows:
    """A writer of Parquet files.

    Args:
        schema: type of each column: ``"string"``, ``"bool"`` or ``"int"``, a list of one of them or of a dict, or a
            dict of columns. Given and not guessed, since a list that is empty in every row has no type of its own.
    """

    def write(path: Path, rows: Sequence[Row]) -> None:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError as error:
            raise MissingExtraError("Writing .parquet files", "docs") from error
        table = pyarrow.Table.from_pylist(list(rows), schema=pyarrow.schema(_fields(schema)))
        with atomic_write_bytes(path) as file:
            parquet.write_table(table, file)

    return write


def _fields(schema: dict[str, Any]) -> list[tuple[str, Any]]:
    return [(name, _type(kind)) for name, kind in schema.items()]


def _type(kind: Any) -> Any:
    import pyarrow

    if isinstance(kind, dict):
        return pyarrow.struct(_fields(kind))
    if isinstance(kind, list):
        return pyarrow.list_(_type(kind[0]))
    return {"string": pyarrow.string(), "bool": pyarrow.bool_(), "int": pyarrow.int64()}[kind]
