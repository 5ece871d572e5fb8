"""Relevance judgements: BEIR's tables with a header, TREC's four columns, and rows of the hub's data sets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.reading import Row, read_columns, read_rows
from retrievers.errors import InputError

_QUERY, _DOCUMENT, _SCORE = "query-id", "corpus-id", "score"


@dataclass(frozen=True, slots=True)
class Judgement:
    """How relevant a document is to a question; ``score`` is the data set's own scale, higher is more relevant."""

    place: str
    query_id: str
    doc_id: str
    score: float


def read_qrels(path: Path) -> Iterator[Judgement]:
    """Judgements of a table with the columns query-id, corpus-id and, if any, score (1 where there is none).

    Args:
        path: .tsv with a header, or .jsonl[.gz|.zst] or .parquet.

    Raises:
        InputError: a column is missing, or a line cannot be read.
    """
    rows = _table(path) if path.suffix in {".tsv", ".txt"} else read_rows(path)
    for row in rows:
        score = row.fields.get(_SCORE, 1)
        yield Judgement(row.place, row.identifier(_QUERY), row.identifier(_DOCUMENT), _number(row.place, _SCORE, score))


def read_trec_qrels(path: Path) -> Iterator[Judgement]:
    """Judgements of TREC's format: question id, an unused column, document id, relevance, separated by white space.

    Raises:
        InputError: a line has another number of columns, or a relevance is no number.
    """
    for place, columns in read_columns(path):
        values = " ".join(columns).split()
        if len(values) != 4:
            raise InputError(f"{place}: expected four columns (qid Q0 docid relevance), found {len(values)}")
        yield Judgement(place, values[0], values[2], _number(place, "relevance", values[3]))


def relevant(judgements: Iterable[Judgement], min_score: float) -> dict[str, list[Judgement]]:
    """The relevant documents of each question, in the order of the file, each once.

    Args:
        judgements: of all questions.
        min_score: a document counts from this score on.

    Raises:
        InputError: one document has two different scores for the same question.
    """
    found: dict[str, dict[str, Judgement]] = {}
    for judgement in judgements:
        first = found.setdefault(judgement.query_id, {}).setdefault(judgement.doc_id, judgement)
        if first.score != judgement.score:
            raise InputError(
                f"{judgement.place}: field {_SCORE}: {judgement.doc_id!r} has the score {judgement.score:g} for "
                f"{judgement.query_id!r}, and {first.score:g} at {first.place}"
            )
    return {
        query_id: kept
        for query_id, documents in found.items()
        if (kept := [judgement for judgement in documents.values() if judgement.score >= min_score])
    }


def _table(path: Path) -> Iterator[Row]:
    header: list[str] | None = None
    for place, columns in read_columns(path):
        if header is None:
            header = [name.strip() for name in columns]
            if missing := [name for name in (_QUERY, _DOCUMENT) if name not in header]:
                raise InputError(
                    f"{place}: field {missing[0]}: expected a header with {_QUERY}, {_DOCUMENT} and {_SCORE} "
                    f"separated by tabs, found {', '.join(header)}"
                )
        elif len(columns) != len(header):
            raise InputError(f"{place}: expected {len(header)} columns as in the header, found {len(columns)}")
        else:
            yield Row(place, dict(zip(header, columns, strict=True)))
    if header is None:
        raise InputError(f"{path}: the file is empty; expected a header with {_QUERY}, {_DOCUMENT} and {_SCORE}")


def _number(place: str, name: str, value: object) -> float:
    try:
        return float(str(value))
    except ValueError as error:
        raise InputError(f"{place}: field {name}: expected a number, found {value!r}") from error
