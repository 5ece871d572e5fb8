"""Triples of a question, a passage that belongs to it and one that does not, in the shapes they are published in.

MS MARCO (Nguyen et al. 2016, https://microsoft.github.io/msmarco/) and its translation mMARCO (Bonifacio et al. 2021,
https://github.com/unicamp-dl/mMARCO): lines of three texts, or of three ids with the texts in ``queries`` and
``collection`` beside them. Rows of the hub: ``query``/``anchor``, ``pos``/``positive`` and ``neg``/``negative``, each
one text, a list, or numbered columns (``negative_1``, …).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evals.datasets.reading import ROW_SUFFIXES, Row, natural_order, read_columns, read_rows
from retrievers.errors import InputError
from training.data.found import Found, Skip, SkipReason, make_example
from training.data.passages import Passage, read_queries, read_wanted

SOURCE = "triples"
_QUESTION = ("query", "anchor", "question")
_POSITIVE = re.compile(r"(?:pos|positives?)(?:_\d+)?")
_NEGATIVE = re.compile(r"(?:neg|negatives?)(?:_\d+)?")


def load_triples(paths: Sequence[Path]) -> Iterator[Found]:
    """Read triples of texts; every positive makes an example, with all negatives of its line or row.

    Args:
        paths: .tsv (three columns, no header), or rows: .jsonl, .jsonl.gz, .jsonl.zst, .parquet.

    Raises:
        InputError: a file, line or field cannot be used.
    """
    for path in paths:
        if path.name.lower().endswith(ROW_SUFFIXES):
            for row in read_rows(path):
                yield from _of_row(row)
        else:
            for place, (question, positive, negative) in _three(path):
                yield make_example(place, question, positive, negatives=[negative], source=SOURCE)


def load_id_triples(
    paths: Sequence[Path], *, queries: Path, collection: Sequence[Path], limit: int | None = None
) -> Iterator[Found]:
    """Read triples of ids; the triples of one pair make one example, in the order the pairs first come.

    Args:
        paths: .tsv of question id, id of the passage that belongs, id of one that does not.
        queries: .tsv of question id and text.
        collection: .tsv of passage id and text (or id, URL, title and text), files or one folder of them; only what
            the triples name is kept in memory.
        limit: read so many lines and no more (mMARCO's file has 40 million).

    Raises:
        InputError: a file or line cannot be used.
    """
    pairs: dict[tuple[str, str], dict[str, None]] = {}
    lines = (ids for path in paths for _, ids in _three(path))
    for query, positive, negative in itertools.islice(lines, limit):
        pairs.setdefault((query, positive), {})[negative] = None
    texts = read_queries(queries, {query for query, _ in pairs})
    named = {passage for _, passage in pairs} | {passage for negatives in pairs.values() for passage in negatives}
    passages = read_wanted(collection, named)
    for (query, positive), negatives in pairs.items():
        yield _of_pair(query, positive, negatives, texts, passages)


def _of_pair(
    query: str,
    positive: str,
    negatives: Iterable[str],
    texts: dict[str, str],
    passages: dict[str, Passage],
) -> Found:
    if query not in texts:
        return Skip(SkipReason.UNKNOWN_QUESTION)
    if positive not in passages:
        return Skip(SkipReason.UNKNOWN_PASSAGE)
    passage = passages[positive]
    return make_example(
        passage.place,
        texts[query],
        passage.text,
        title=passage.title,
        negatives=[passages[one].shown for one in negatives if one in passages],
        doc_id=positive,
        source=SOURCE,
    )


def _of_row(row: Row) -> Iterator[Found]:
    name = next((name for name in _QUESTION if row.fields.get(name)), _QUESTION[0])
    question = row.text(name)
    positives = _texts(row, _POSITIVE)
    negatives = _texts(row, _NEGATIVE)
    if not positives:
        yield Skip(SkipReason.UNKNOWN_PASSAGE)
    for positive in positives:
        yield make_example(row.place, question, positive, negatives=negatives, source=SOURCE)


def _texts(row: Row, names: re.Pattern[str]) -> list[str]:
    """Texts of all fields with such a name, in the order of their numbers."""
    found: list[str] = []
    for path in natural_order(Path(name) for name in row.fields if names.fullmatch(name)):
        value = row.fields[path.name]
        found += [row.optional_text(path.name)] if value is None or isinstance(value, str) else row.texts(path.name)
    return [text for text in found if text.strip()]


def _three(path: Path) -> Iterator[tuple[str, tuple[str, str, str]]]:
    for place, columns in read_columns(path):
        if len(columns) != 3:
            raise InputError(
                f"{place}: expected three columns (question, passage that belongs, passage that does not) with tabs "
                f"between, found {len(columns)}"
            )
        yield place, (columns[0].strip(), columns[1].strip(), columns[2].strip())
