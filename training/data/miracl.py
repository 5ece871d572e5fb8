"""MIRACL's and Mr. TyDi's rows of the hub: a question with the passages people found to answer it, and not to.

Zhang et al. 2023, https://github.com/project-miracl/miracl; Zhang et al. 2021, https://github.com/castorini/mr.tydi.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.datasets.reading import Row, read_rows
from training.data.found import Found, Skip, SkipReason, make_example
from training.examples import search_text

SOURCE = "miracl"


def load_miracl(paths: Sequence[Path]) -> Iterator[Found]:
    """Read rows ``query_id, query, positive_passages, negative_passages``; a passage is ``docid, title, text``.

    Every positive makes an example with all negatives of its row. A document is a page: what stands before the ``#`` of
    a passage's id.

    Args:
        paths: .jsonl, .jsonl.gz, .jsonl.zst or .parquet.

    Raises:
        InputError: a file, row or field cannot be used.
    """
    for path in paths:
        for row in read_rows(path):
            positives = row.rows("positive_passages")
            others = row.rows("negative_passages") if row.fields.get("negative_passages") else []
            negatives = [search_text(_title(other), other.text("text")) for other in others]
            if not positives:
                yield Skip(SkipReason.UNANSWERABLE)
            for positive in positives:
                yield make_example(
                    row.place,
                    row.text("query"),
                    positive.text("text"),
                    title=_title(positive),
                    negatives=negatives,
                    doc_id=positive.identifier("docid").partition("#")[0],
                    source=SOURCE,
                )


def _title(row: Row) -> str:
    return row.optional_text("title").strip()
