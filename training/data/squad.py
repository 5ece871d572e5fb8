"""SQuAD's shape (SberQuAD, SQuAD 1.1 and 2.0, XQuAD): a question, the paragraph that answers, the answer in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from evals.datasets.squad import Asked, Paragraph, Unit, document_id, read_paragraphs
from training.data.found import Found, Skip, SkipReason, make_example

SOURCE = "squad"


def load_squad(
    paths: Sequence[Path], *, unit: Unit = Unit.PARAGRAPH, keep_unanswerable: bool = False
) -> Iterator[Found]:
    """Read a data set in SQuAD's shape, nested or as the hub's flat rows.

    Args:
        paths: .json, .jsonl or .parquet files (.json and .jsonl also as .gz and .zst).
        unit: what a document is: a paragraph, or an article by its title (all of SberQuAD's have one: not for it).
        keep_unanswerable: give questions that their paragraph does not answer as pairs with the label 0.

    Raises:
        InputError: a file, entry or field cannot be used.
    """
    for path in paths:
        for paragraph, asked in read_paragraphs(path):
            doc_id = document_id(paragraph, unit)
            # An article's title, as SQuAD's files spell it: «Super_Bowl_50».
            title = paragraph.title.replace("_", " ").strip() if unit is Unit.ARTICLE else ""
            for question in asked:
                yield _found(question, paragraph, doc_id, title, keep_unanswerable)


def _found(asked: Asked, paragraph: Paragraph, doc_id: str, title: str, keep_unanswerable: bool) -> Found:
    if asked.answerable or keep_unanswerable:
        return make_example(
            asked.place,
            asked.question,
            paragraph.context,
            answers=asked.answers,
            start=next(iter(asked.starts), None),
            title=title,
            doc_id=doc_id,
            label=None if asked.answerable else 0.0,
            source=SOURCE,
        )
    return Skip(SkipReason.UNANSWERABLE)
