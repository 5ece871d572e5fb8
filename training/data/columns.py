"""Rows with named columns: pairs of questions, scored pairs, instructions, and any table of one's own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evals.datasets.reading import ROW_SUFFIXES, Row, json_rows, read_columns, read_rows
from evals.datasets.table import read_table
from retrievers.errors import InputError
from training.data.found import Found, make_example

_YES, _NO = "да", "нет"


@dataclass(frozen=True, slots=True, kw_only=True)
class Columns:
    """Which column holds what; each by the names it may have, of which the first that a row has is taken.

    A dot reaches into an object: ``labels.label``. Names may be missing where the field of an example may be.

    Args:
        question: the first text.
        context: more of it, on lines below: an instruction's input.
        passage: the second text.
        title: of the passage.
        negatives: passages that do not belong: a text or a list.
        label: similarity or relevance: a number, or true and false.
        answers: a text, a list, a number, or true and false, which become «да» and «нет»; or SQuAD's object.
        doc_id: of the passage's document.
    """

    question: tuple[str, ...] = ("question",)
    context: tuple[str, ...] = ()
    passage: tuple[str, ...] = ("passage",)
    title: tuple[str, ...] = ()
    negatives: tuple[str, ...] = ()
    label: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    doc_id: tuple[str, ...] = ()


PAIRS = Columns(
    title=("title",), negatives=("negatives",), label=("label",), answers=("answers", "answer"), doc_id=("doc_id",)
)
# Quora's own file, GLUE's QQP, and the columns of the hub's copies.
DUPLICATES = Columns(
    question=("question1", "sentence1", "text_1", "text1"),
    passage=("question2", "sentence2", "text_2", "text2"),
    label=("is_duplicate", "label", "class"),
)
# STS benchmark and KLUE-STS.
SCORED = Columns(
    question=("sentence1", "sentence_1", "text_1", "text1"),
    passage=("sentence2", "sentence_2", "text_2", "text2"),
    label=("score", "similarity_score", "labels.label", "label", "class"),
)
# Alpaca's columns and those of question-answer sets.
INSTRUCTIONS = Columns(
    question=("instruction", "question", "prompt"), context=("input",), passage=("output", "answer", "response")
)
# DaNetQA (Russian SuperGLUE): its label is the answer, and no judgement of the pair.
YES_NO = Columns(passage=("passage", "context"), answers=("answers", "answer", "label"))


def load_columns(
    paths: Sequence[Path],
    columns: Columns,
    *,
    source: str,
    label_scale: float = 1.0,
    encoding: str = "utf-8",
    unquoted: bool = False,
) -> Iterator[Found]:
    """Read rows with named columns.

    Args:
        paths: .csv and .tsv with a header, .json with a list of objects, .jsonl (.gz, .zst) or .parquet.
        columns: which column holds what.
        source: of the examples.
        label_scale: labels are divided by it: 5 makes similarities of 0 to 5 into 0 to 1.
        encoding: of tables.
        unquoted: quotes in a .tsv are text, as in GLUE's files; without it they enclose cells.

    Raises:
        InputError: a column is missing, or a file, row or field cannot be used.
    """
    if not label_scale > 0 or not math.isfinite(label_scale):
        raise InputError(f"--label-scale: expected a number above 0, got {label_scale:g}")
    for path in paths:
        for row in _rows(path, columns, encoding, unquoted):
            yield _found(row, columns, source, label_scale)


def _found(row: Row, columns: Columns, source: str, label_scale: float) -> Found:
    label = _label(row, columns.label)
    question = [_text(row, columns.question, required=True), _text(row, columns.context)]
    return make_example(
        row.place,
        "\n".join(part for part in question if part.strip()),
        _text(row, columns.passage, required=True),
        answers=_texts(row, columns.answers),
        negatives=_texts(row, columns.negatives),
        title=_text(row, columns.title).strip(),
        label=None if label is None else label / label_scale,
        doc_id=_text(row, columns.doc_id).strip(),
        source=source,
    )


def _rows(path: Path, columns: Columns, encoding: str, unquoted: bool) -> Iterator[Row]:
    name = path.name.lower()
    check = _header_check(path, columns)
    if name.endswith(ROW_SUFFIXES):
        yield from read_rows(path)
    elif name.endswith((".json", ".json.gz", ".json.zst")):
        yield from json_rows(path)
    elif unquoted:
        yield from _unquoted_rows(path, check)
    else:
        yield from read_table(path, encoding, check)


def _unquoted_rows(path: Path, check: Callable[[list[str]], None]) -> Iterator[Row]:
    header: list[str] | None = None
    for place, cells in read_columns(path):
        if header is None:
            header = [cell.strip() for cell in cells]
            check(header)
        elif len(cells) != len(header):
            raise InputError(f"{place}: expected {len(header)} cells as in the header, found {len(cells)}")
        else:
            yield Row(place, {name: cell or None for name, cell in zip(header, cells, strict=True)})


def _header_check(path: Path, columns: Columns) -> Callable[[list[str]], None]:
    def check(header: list[str]) -> None:
        for names, flag in ((columns.question, "--question-column"), (columns.passage, "--passage-column")):
            if not any(name in header for name in names):
                there_are = ", ".join(filter(None, header)) or "none"
                raise InputError(
                    f"{path}:1: no column {' or '.join(map(repr, names))} ({flag}); the columns are: {there_are}"
                )

    return check


def _value(row: Row, names: Sequence[str]) -> tuple[str, Any]:
    """The first of these columns that holds something, and what; the first name and None where none does."""
    for name in names:
        value: Any = row.fields
        for part in [name] if name in row.fields else name.split("."):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            return name, value
    return names[0] if names else "", None


def _text(row: Row, names: Sequence[str], *, required: bool = False) -> str:
    name, value = _value(row, names)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str):
        return value
    if value is None and not (required and not any(known in row.fields for known in names)):
        return ""  # an empty cell, or a column that need not be there
    raise row.wrong(" or ".join(names) if value is None else name, "text", value)


def _texts(row: Row, names: Sequence[str]) -> list[str]:
    name, value = _value(row, names)
    if isinstance(value, dict):
        value = value.get("text")
    if value is None:
        return []
    values = value if isinstance(value, list) else [value]
    if not all(isinstance(one, (str, int, float)) for one in values):
        raise row.wrong(name, "a text or a list of texts", value)
    return [(_YES if one else _NO) if isinstance(one, bool) else str(one) for one in values]


def _label(row: Row, names: Sequence[str]) -> float | None:
    name, value = _value(row, names)
    if value is None:
        return None
    try:
        label = float(value) if isinstance(value, (int, float)) else float(str(value).strip().replace(",", "."))
    except ValueError as error:
        raise row.wrong(name, "a number", value) from error
    if not math.isfinite(label):
        raise row.wrong(name, "a number", value)
    return label
