"""Reading-comprehension sets in SQuAD's shape: SQuAD 1.1 and 2.0, XQuAD, SberQuAD.

The nested JSON of the official files (``data`` → ``paragraphs`` → ``qas``; Rajpurkar et al. 2016, 2018), or the flat
rows that the Hugging Face hub makes of it (``id, title, context, question, answers: {text, answer_start}``).
"""

from __future__ import annotations

import enum
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.output import Draft, FoundDocument, Gold, Source, found_document
from evals.datasets.reading import ROW_SUFFIXES, Row, read_json, read_rows
from retrievers.errors import InputError

_ID_DIGITS = 16  # of the digest: 64 bits, no two of a million paragraphs share them


class Unit(enum.StrEnum):
    """What a document is."""

    PARAGRAPH = "paragraph"
    ARTICLE = "article"


@dataclass(frozen=True, slots=True)
class _Paragraph:
    place: str
    title: str
    context: str


@dataclass(frozen=True, slots=True)
class _Asked:
    place: str
    qid: str
    question: str
    answers: Sequence[str]
    answerable: bool


def load_squad(paths: Sequence[Path], *, unit: Unit = Unit.PARAGRAPH) -> Source:
    """Read a data set in SQuAD's shape.

    A document is a paragraph, known by a digest of its text so that it has the same id in every split, or the
    paragraphs of an article in the order of the file, known by its title.

    Args:
        paths: .json, .jsonl or .parquet files (.json and .jsonl also as .gz and .zst).
        unit: what a document is.

    Raises:
        InputError: a file, entry or field cannot be used.
    """
    documents: dict[str, list[_Paragraph]] = {}
    drafts: list[Draft] = []
    for paragraph, asked in (found for path in paths for found in _paragraphs(path)):
        doc_id = _document_id(paragraph, unit)
        documents.setdefault(doc_id, []).append(paragraph)
        drafts += [_draft(question, paragraph, doc_id) for question in asked]
    return Source(
        name="squad",
        questions=drafts,
        documents=_documents(documents),
        inputs=paths,
        options={"unit": str(unit)},
    )


def _draft(asked: _Asked, paragraph: _Paragraph, doc_id: str) -> Draft:
    return Draft(
        place=asked.place,
        qid=asked.qid,
        question=asked.question,
        gold=[Gold(doc_id, asked.place)] if asked.answerable else [],
        answers=asked.answers,
        answerable=asked.answerable,
        paragraph=paragraph.context if asked.answerable else None,
    )


def _document_id(paragraph: _Paragraph, unit: Unit) -> str:
    if unit is Unit.PARAGRAPH:
        return hashlib.sha256(paragraph.context.strip().encode()).hexdigest()[:_ID_DIGITS]
    if not paragraph.title.strip():
        raise InputError(
            f"{paragraph.place}: field title: expected the article's title, found none; use --unit paragraph"
        )
    return paragraph.title.strip()


def _documents(found: dict[str, list[_Paragraph]]) -> Iterator[FoundDocument]:
    for doc_id, paragraphs in found.items():
        # A flat file repeats the paragraph with every question; two files may share it with other spaces at its ends.
        texts = dict.fromkeys(paragraph.context.strip() for paragraph in paragraphs)
        yield found_document(paragraphs[0].place, doc_id, paragraphs[0].title, "\n\n".join(texts))


def _paragraphs(path: Path) -> Iterator[tuple[_Paragraph, list[_Asked]]]:
    """Paragraphs with the questions on them; some have none, and belong to the corpus all the same."""
    if path.name.lower().endswith(ROW_SUFFIXES):
        yield from (_flat(row) for row in read_rows(path))
        return
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected SQuAD's object with data, found a {type(content).__name__}")
    for article in Row(f"{path}: $", content).rows("data"):
        title = article.optional_text("title")
        for row in article.rows("paragraphs"):
            paragraph = _Paragraph(row.place, title, row.text("context"))
            yield paragraph, [_nested(question) for question in row.rows("qas")]


def _nested(row: Row) -> _Asked:
    impossible = row.fields.get("is_impossible", False)
    if not isinstance(impossible, bool):
        raise row.wrong("is_impossible", "true or false", impossible)
    # Crowd workers' wrong answers to impossible questions stand under plausible_answers, and are none.
    answers = [] if impossible else [answer.optional_text("text") for answer in row.rows("answers")]
    return _Asked(row.place, row.identifier("id"), row.text("question"), answers, not impossible)


def _flat(row: Row) -> tuple[_Paragraph, list[_Asked]]:
    answers = row.nested("answers").texts("text")
    # The hub's SQuAD 2.0 gives an impossible question an empty list; a split whose answers are withheld (SberQuAD's
    # test) gives a list with an empty text.
    asked = _Asked(row.place, row.identifier("id"), row.text("question"), answers, bool(answers))
    return _Paragraph(row.place, row.optional_text("title"), row.text("context")), [asked]
