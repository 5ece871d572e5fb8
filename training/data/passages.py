"""Queries and passages by id, as MS MARCO and TREC keep them: tab-separated lines without a header."""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.reading import ROW_SUFFIXES, natural_order, read_columns, read_rows
from retrievers.errors import InputError
from training.examples import search_text

_SUFFIXES = (".tsv", ".tsv.gz", ".txt", *ROW_SUFFIXES)


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage of a collection and where it stands."""

    place: str
    text: str
    title: str = ""

    @property
    def shown(self) -> str:
        """As models see it."""
        return search_text(self.title, self.text)


def read_queries(path: Path, wanted: Container[str]) -> dict[str, str]:
    """Texts of the wanted questions.

    Args:
        path: lines of an id, a tab and a question, or rows of ``_id`` (``id``, ``qid``) and ``text``.
        wanted: their ids.

    Raises:
        InputError: a line or row cannot be used.
    """
    if path.name.lower().endswith(ROW_SUFFIXES):
        rows = ((row.identifier("_id", "id", "qid"), row) for row in read_rows(path))
        return {qid: row.text("text") for qid, row in rows if qid in wanted}
    found: dict[str, str] = {}
    for place, columns in read_columns(path):
        if len(columns) != 2:
            raise InputError(f"{place}: expected two columns (id, question) with a tab between, found {len(columns)}")
        if (qid := columns[0].strip()) in wanted:
            found[qid] = columns[1].strip()
    return found


def read_wanted(paths: Sequence[Path], wanted: Container[str]) -> dict[str, Passage]:
    """The wanted passages of a collection.

    Args:
        paths: files, or folders of files, of lines ``id, text`` or ``id, url, title, text`` (TREC's documents), or of
            rows ``_id`` (``id``, ``docid``), ``title``, ``text``.
        wanted: their ids.

    Raises:
        InputError: a file, line or row cannot be used.
    """
    return {
        passage_id: passage for path in _files(paths) for passage_id, passage in _read(path) if passage_id in wanted
    }


def _read(path: Path) -> Iterator[tuple[str, Passage]]:
    if path.name.lower().endswith(ROW_SUFFIXES):
        for row in read_rows(path):
            passage = Passage(row.place, row.optional_text("text"), row.optional_text("title"))
            yield row.identifier("_id", "id", "docid"), passage
        return
    for place, columns in read_columns(path):
        match columns:
            case [passage_id, text]:
                yield passage_id.strip(), Passage(place, text)
            case [passage_id, _, title, text]:
                yield passage_id.strip(), Passage(place, text, title.strip())
            case _:
                raise InputError(
                    f"{place}: expected two columns (id, text) or four (id, URL, title, text) with tabs between, found "
                    f"{len(columns)}"
                )


def _files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        inside = [file for file in path.iterdir() if file.name.endswith(_SUFFIXES)] if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: no collection in this folder; expected {', '.join(_SUFFIXES)} files")
        files += natural_order(inside)
    return files
