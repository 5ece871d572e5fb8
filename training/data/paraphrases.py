"""Groups of texts that say the same: every text with the next of its group."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.datasets.reading import ROW_SUFFIXES, raw_lines, read_rows
from rag.documents.readers.files import Place, decode
from training.data.found import Found, Skip, SkipReason, make_example

SOURCE = "paraphrases"
_FIELDS = ("group", "paraphrases", "texts")


def load_paraphrases(paths: Sequence[Path]) -> Iterator[Found]:
    """Read groups of paraphrases.

    A group of n texts makes n - 1 pairs, so that long groups do not outweigh the others.

    Args:
        paths: rows with a list of texts under ``group``, ``paraphrases`` or ``texts`` (.jsonl, .jsonl.gz, .jsonl.zst,
            .parquet), or text files with a text a line and an empty line between groups.

    Raises:
        InputError: a file or row cannot be used.
    """
    for path in paths:
        groups = _of_rows(path) if path.name.lower().endswith(ROW_SUFFIXES) else _of_lines(path)
        for place, texts in groups:
            if len(texts) < 2:
                yield Skip(SkipReason.ALONE)
            for first, second in itertools.pairwise(texts):
                yield make_example(place, first, second, source=SOURCE)


def _of_rows(path: Path) -> Iterator[tuple[str, list[str]]]:
    for row in read_rows(path):
        name = next((name for name in _FIELDS if row.fields.get(name) is not None), _FIELDS[0])
        if not isinstance(row.fields.get(name), list):
            raise row.wrong(name, "a list of texts", row.fields.get(name))
        yield row.place, _distinct(row.texts(name))


def _of_lines(path: Path) -> Iterator[tuple[str, list[str]]]:
    group: list[str] = []
    place = ""
    for number, raw in raw_lines(path):
        line = decode(raw, Place(str(path)), line=number).strip()
        if line and not group:
            place = f"{path}:{number}"
        if line:
            group.append(line)
        elif group:
            yield place, _distinct(group)
            group = []
    if group:
        yield place, _distinct(group)


def _distinct(texts: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))
