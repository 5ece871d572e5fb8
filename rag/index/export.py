"""An index's documents as the JSON Lines they can be built from again."""

from __future__ import annotations

import gzip
import io
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from rag.index.opened import open_index


def export_index(directory: str | os.PathLike[str], out: str | os.PathLike[str]) -> int:
    """Write every source document as a line of JSON that ``build`` reads back.

    Args:
        directory: of the index.
        out: file to write, gzip-compressed when its name ends in ``.gz``; it appears only when it is whole.

    Returns:
        How many documents.

    Raises:
        IndexNotFoundError, IndexFormatError: there is no readable index.
        OSError: the file cannot be written.
    """
    with open_index(directory) as index, _written(Path(out)) as file:
        for source in index.chunks.documents():
            file.write(json.dumps(source.to_row(), ensure_ascii=False) + "\n")
        return index.manifest.documents


@contextmanager
def _written(out: Path) -> Iterator[IO[str]]:
    part = out.with_name(f".{out.name}.part")
    try:
        with part.open("wb") as raw:
            packed = gzip.GzipFile(fileobj=raw, mode="wb", mtime=0) if out.suffix == ".gz" else raw
            with io.TextIOWrapper(packed, encoding="utf-8", newline="\n") as file:
                yield file
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
