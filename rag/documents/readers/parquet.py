"""Parquet files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rag.documents.readers.files import Found, Place, require, unreadable
from rag.documents.rows import document_from_row
from retrievers.errors import InputError

_ROWS_AT_ONCE = 256  # of whole articles: a few megabytes


def read_parquet(path: Path) -> Iterator[Found]:
    """Documents of a .parquet file with the columns doc_id (or id), title and text; the others are metadata.

    Raises:
        MissingExtraError: pyarrow is not installed.
        InputError: the file is no Parquet, lacks a column, or a row cannot be used (named by its number).
    """
    parquet = require("pyarrow.parquet", "Reading .parquet files")
    arrow = require("pyarrow", "Reading .parquet files")
    try:
        with path.open("rb") as handle, parquet.ParquetFile(handle) as file:
            names = file.schema_arrow.names
            if "text" not in names or not {"doc_id", "id"} & set(names):
                raise InputError(
                    f"{path}: expected the columns doc_id (or id), title and text, found {', '.join(names) or 'none'}"
                )
            number = 0
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                for row in batch.to_pylist():
                    number += 1
                    place = Place(str(path), "row", number)
                    yield Found(place, document_from_row(row, place))
    except (arrow.ArrowException, UnicodeDecodeError) as error:  # pyarrow takes text as it is told, valid or not
        raise InputError(f"{path}: cannot be read as Parquet ({error}); write or fetch it anew") from error
    except OSError as error:
        raise unreadable(path, error) from error
