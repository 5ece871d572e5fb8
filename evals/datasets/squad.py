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
class Paragraph:
    """A paragraph, and the title of its article where it has one."""

    place: str
    title: str
    context: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on a paragraph.

    Args:
        place: in the file, for messages.
        qid: id of the question.
        question: its text.
        answers: as annotated; with an empty text where they are withheld.
        starts: character of the paragraph where each answer starts, as the file says; None where it does not.
        answerable: False where the paragraph does not answer it.
    """

    place: str
    qid: str
    question: str
    answers: Sequence[str]
    starts: Sequence[int | None]
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
    documents: dict[str, list[Paragraph]] = {}
    drafts: list[Draft] = []
    for paragraph, asked in (found for path in paths for found in read_paragraphs(path)):
        doc_id = document_id(paragraph, unit)
        documents.setdefault(doc_id, []).append(paragraph)
        drafts += [_draft(question, paragraph, doc_id) for question in asked]
    return Source(
        name="squad",
        questions=drafts,
        documents=_documents(documents),
        inputs=paths,
        options={"unit": str(unit)},
    )


def _draft(asked: Asked, paragraph: Paragraph, doc_id: str) -> Draft:
    return Draft(
        place=asked.place,
        qid=asked.qid,
        question=asked.question,
        gold=[Gold(doc_id, asked.place)] if asked.answerable else [],
        answers=asked.answers,
        answerable=asked.answerable,
        paragraph=paragraph.context if asked.answerable else None,
    )


def document_id(paragraph: Paragraph, unit: Unit) -> str:
    """Id of the document of a paragraph.

    Raises:
        InputError: it is to be the article, and the paragraph has no title.
    """
    if unit is Unit.PARAGRAPH:
        return hashlib.sha256(paragraph.context.strip().encode()).hexdigest()[:_ID_DIGITS]
    if not paragraph.title.strip():
        raise InputError(
            f"{paragraph.place}: field title: expected the article's title, found none; use --unit paragraph"
        )
    return paragraph.title.strip()


def _documents(found: dict[str, list[Paragraph]]) -> Iterator[FoundDocument]:
    for doc_id, paragraphs in found.items():
        # A flat file repeats the paragraph with every question; two files may share it with other spaces at its ends.
        texts = dict.fromkeys(paragraph.context.strip() for paragraph in paragraphs)
        yield found_document(paragraphs[0].place, doc_id, paragraphs[0].title, "\n\n".join(texts))


def read_paragraphs(path: Path) -> Iterator[tuple[Paragraph, list[Asked]]]:
    """Paragraphs with the questions on them; some have none, and belong to the corpus all the same.

    Raises:
        InputError: the file, an entry or a field cannot be used.
    """
    if path.name.lower().endswith(ROW_SUFFIXES):
        yield from (_flat(row) for row in read_rows(path))
        return
    content = read_json(path)
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected SQuAD's object with data, found a {type(content).__name__}")
    for article in Row(f"{path}: $", content).rows("data"):
        title = article.optional_text("title")
        for row in article.rows("paragraphs"):
            paragraph = Paragraph(row.place, title, row.text("context"))
            yield paragraph, [_nested(question) for question in row.rows("qas")]


def _nested(row: Row) -> Asked:
    impossible = row.fields.get("is_impossible", False)
    if not isinstance(impossible, bool):
        raise row.wrong("is_impossible", "true or false", impossible)
    # Crowd workers' wrong answers to impossible questions stand under plausible_answers, and are none.
    found = [] if impossible else row.rows("answers")
    answers = [answer.optional_text("text") for answer in found]
    starts = [_start(answer.fields.get("answer_start")) for answer in found]
    return Asked(row.place, row.identifier("id"), row.text("question"), answers, starts, not impossible)


def _flat(row: Row) -> tuple[Paragraph, list[Asked]]:
    found = row.nested("answers")
    answers = found.texts("text")
    given = found.fields.get("answer_start")
    starts = [_start(start) for start in given] if isinstance(given, list) else []
    starts += [None] * (len(answers) - len(starts))
    # The hub's SQuAD 2.0 gives an impossible question an empty list; a split whose answers are withheld (SberQuAD's
    # test) gives a list with an empty text.
    asked = Asked(row.place, row.identifier("id"), row.text("question"), answers, starts, bool(answers))
    return Paragraph(row.place, row.optional_text("title"), row.text("context")), [asked]


def _start(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None
