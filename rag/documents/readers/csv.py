"""CSV files: comma, semicolon (what a Russian spreadsheet writes) or tab between columns."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

from rag.documents.readers.files import Found, Place, decode, unreadable
from rag.documents.rows import Scalar, document_from_row
from retrievers.errors import InputError

# A cell holds one document; csv's own limit of 131,072 characters is less than a long article.
MAX_CELL_CHARACTERS = 64 * 2**20
_DELIMITERS = ",;\t"
_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_DECIMAL = re.compile(r"-?(?:0|[1-9]\d{0,17})\.\d{1,17}", re.ASCII)
_TEXT_COLUMNS = frozenset({"doc_id", "id", "title", "text"})


def read_csv(path: Path) -> Iterator[Found]:
    """Documents of a .csv file whose first row names the columns.

    CSV has no types: a metadata column of plain integers or decimals throughout becomes numbers (so that filters can
    compare them), any other stays text; empty cells are left out. The file is read twice for it.

    Raises:
        InputError: the header lacks a column, a row has more or fewer cells (named by line), or the file is not UTF-8.
    """
    columns = _numeric_columns(path)
    for place, row in _records(path):
        values: dict[str, Scalar | None] = {}
        for name, cell in row.items():
            values[name] = columns[name](cell) if cell and name in columns else cell
            if not cell and name != "text":
                values[name] = None
        yield Found(place, document_from_row(values, place))


def _numeric_columns(path: Path) -> dict[str, Callable[[str], Scalar]]:
    """Columns whose filled cells are all integers, or all integers and decimals."""
    patterns: dict[str, int] = {}  # 0: integers so far, 1: decimals among them, 2: text
    for _, row in _records(path):
        for name, cell in row.items():
            if cell and name not in _TEXT_COLUMNS:
                kind = 0 if _INTEGER.fullmatch(cell) else 1 if _DECIMAL.fullmatch(cell) else 2
                patterns[name] = max(patterns.get(name, 0), kind)
    return {name: float if kind else int for name, kind in patterns.items() if kind < 2}


def _records(path: Path) -> Iterator[tuple[Place, dict[str, str]]]:
    csv.field_size_limit(MAX_CELL_CHARACTERS)
    reader = None
    try:
        with path.open("rb") as file:
            lines = _decoded(file, path)
            first = next(lines, "")
            delimiter = max(_DELIMITERS, key=first.count)
            reader = csv.reader(_chain(first, lines), delimiter=delimiter, strict=True)
            header = [name.strip() for name in next(reader, [])]
            _check_header(header, path)
            last = reader.line_num
            for cells in reader:
                place = Place(str(path), "line", last + 1)  # a cell may hold line breaks: where the row begins
                last = reader.line_num
                if not any(cells):
                    continue
                if len(cells) != len(header):
                    raise InputError(
                        f"{place}: expected {len(header)} cells as in the header, found {len(cells)}; "
                        "a cell that holds the delimiter, a quote or a line break must stand in quotes"
                    )
                yield place, dict(zip(header, cells, strict=True))
    except csv.Error as error:
        line = reader.line_num if reader else 1
        raise InputError(f"{path}, line {line}: broken CSV: {error}") from error
    except OSError as error:
        raise unreadable(path, error) from error


def _check_header(header: list[str], path: Path) -> None:
    missing = [] if "text" in header else ["text"]
    if not {"doc_id", "id"} & set(header):
        missing.append("doc_id")
    if missing:
        raise InputError(
            f"{path}, line 1: expected a header with doc_id (or id), title and text, found "
            f"{', '.join(header) or 'none'}; missing: {', '.join(missing)}"
        )
    twice = sorted(name for name, count in Counter(header).items() if count > 1)
    if twice or "" in header:
        raise InputError(
            f"{path}, line 1: every column needs a name of its own; mend: {', '.join(twice) or 'empty name'}"
        )


def _decoded(file: Iterator[bytes], path: Path) -> Iterator[str]:
    offset = 0
    for number, line in enumerate(file, start=1):
        text = decode(line, Place(str(path)), line=number, offset=offset)
        yield text.removeprefix("\ufeff") if number == 1 else text
        offset += len(line)


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    if first:
        yield first
    yield from rest
