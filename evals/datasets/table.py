"""A table of questions and answers: CSV with commas or semicolons, or TSV, as spreadsheets write them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.output import Draft, FoundDocument, Gold, Source
from evals.datasets.reading import Row
from rag.documents.readers import read_sources
from rag.documents.readers.files import Place, decode, read_whole
from retrievers.errors import InputError

_DELIMITERS = ",;\t"
_MAX_CELL_CHARACTERS = 2**20  # csv's own limit of 131,072 is less than a long answer with its passage


@dataclass(frozen=True, slots=True)
class Columns:
    """Which column holds what.

    Args:
        question: the question.
        answer: its answers; empty cells are questions without a known answer.
        doc: ids of the documents that answer.
        qid: ids of the questions; the number of the row where there is none.
        separator: between several answers or documents in one cell; None takes a cell as one.
    """

    question: str = "question"
    answer: str = "answer"
    doc: str | None = None
    qid: str | None = None
    separator: str | None = None


def load_table(path: Path, columns: Columns, *, encoding: str = "utf-8", documents: Sequence[Path] = ()) -> Source:
    """Read a table of questions and answers.

    Args:
        path: .csv or .tsv; the header's most frequent delimiter is taken for the whole file.
        columns: which column holds what.
        encoding: of the file.
        documents: files and folders of the documents the questions are about, as ``rag.index build`` reads them; they
            become the corpus, and the table's document ids must be among them.

    Raises:
        InputError: a column is missing, a row cannot be read, or the encoding is another one.
    """
    rows = read_table(path, encoding, lambda header: _check_header(path, header, columns))
    drafts = [_draft(row, number, columns) for number, row in enumerate(rows, start=1)]
    return Source(
        name="table",
        questions=drafts,
        documents=_corpus(documents) if documents else None,
        inputs=[path, *(file for file in documents if file.is_file())],
    )


def _draft(row: Row, number: int, columns: Columns) -> Draft:
    doc_ids = _parts(row, columns.doc, columns.separator)
    return Draft(
        place=row.place,
        qid=row.identifier(columns.qid) if columns.qid else str(number),
        question=row.text(columns.question),
        gold=[Gold(doc_id, row.place) for doc_id in doc_ids],
        answers=_parts(row, columns.answer, columns.separator),
    )


def _parts(row: Row, column: str | None, separator: str | None) -> list[str]:
    cell = row.optional_text(column) if column else ""
    parts = cell.split(separator) if separator else [cell]
    return [part.strip() for part in parts if part.strip()]


def _corpus(paths: Sequence[Path]) -> Iterator[FoundDocument]:
    for source in read_sources(paths):
        yield FoundDocument(source.doc_id, source)


def read_table(path: Path, encoding: str, check: Callable[[list[str]], None]) -> Iterator[Row]:
    """Rows of a table with a header, a cell a field; an empty cell is None.

    Args:
        path: .csv or .tsv; the header's most frequent delimiter is taken for the whole file.
        encoding: of the file.
        check: called with the header; raises an InputError where a column is missing.

    Raises:
        InputError: a row cannot be read, or the encoding is another one.
    """
    text = _text(path, encoding)
    header_line = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=header_line.count)
    csv.field_size_limit(_MAX_CELL_CHARACTERS)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    try:
        header = [name.strip() for name in next(reader, [])]
        check(header)
        last = reader.line_num
        for cells in reader:
            place = f"{path}:{last + 1}"  # a cell may hold line breaks: where the row begins
            last = reader.line_num
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{place}: expected {len(header)} cells as in the header, found {len(cells)}; "
                    "a cell that holds the delimiter, a quote or a line break must stand in quotes"
                )
            yield Row(place, {name: cell or None for name, cell in zip(header, cells, strict=True)})
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: broken CSV: {error}") from error


def _check_header(path: Path, header: list[str], columns: Columns) -> None:
    wanted = [columns.question, columns.answer, columns.doc, columns.qid]
    flags = ["--question-column", "--answer-column", "--doc-column", "--qid-column"]
    for name, flag in zip(wanted, flags, strict=True):
        if name is not None and name not in header:
            there_are = ", ".join(filter(None, header)) or "none"
            raise InputError(f"{path}:1: no column {name!r} ({flag}); the columns are: {there_are}")
    if twice := sorted({name for name in wanted if name is not None and header.count(name) > 1}):
        raise InputError(f"{path}:1: the column {twice[0]!r} stands twice in the header")


def _text(path: Path, encoding: str) -> str:
    data = read_whole(path)
    if encoding.lower().replace("_", "-") in {"utf-8", "utf8", "utf-8-sig"}:
        try:
            return decode(data, Place(str(path))).removeprefix("\ufeff")
        except InputError as error:
            raise InputError(f"{error}; or name the encoding it has: --encoding cp1251") from error
    try:
        return data.decode(encoding)
    except LookupError as error:
        raise InputError(
            f"--encoding {encoding}: no such encoding; Russian files have utf-8, cp1251 or koi8-r"
        ) from error
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path}: byte {error.start} is not {encoding} ({error.reason}); name the encoding with --encoding"
        ) from error
