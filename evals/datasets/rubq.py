"""RuBQ 2.0: Russian questions over Wikidata with the Wikipedia paragraphs that answer them.

Rybin, Korablinov, Efimov, Braslavski 2021, https://github.com/vladislavneon/RuBQ, CC BY-SA 4.0. Two shapes are read:
the authors' own JSON files (answers, paragraphs and the pages they are of) and the retrieval task made of them on the
Hugging Face hub (``kaengreg/rubq``, ``kaengreg/rubq-qrels``: paragraphs and judgements, no answers).
"""

from __future__ import annotations

import dataclasses
import enum
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from evals.datasets.beir import Layout, load_beir, read_corpus
from evals.datasets.output import NO_RELEVANT_DOCUMENT, Draft, FoundDocument, Gold, Source, found_document
from evals.datasets.reading import Row, json_rows
from retrievers.errors import InputError

HUB_DATA, HUB_QRELS = "kaengreg/rubq", "kaengreg/rubq-qrels"
LICENCE = "CC-BY-SA-4.0"
_DATE_TIME = re.compile(r"(\d{4})-(0[1-9]|1[0-2])-(\d\d)T.*")
_MONTHS = (
    "января",
    "февраля",
    "марта",
    "апреля",
    "мая",
    "июня",
    "июля",
    "августа",
    "сентября",
    "октября",
    "ноября",
    "декабря",
)


class Unit(enum.StrEnum):
    """What a document is."""

    PAGE = "page"
    PARAGRAPH = "paragraph"


def load_own(questions: Sequence[Path], paragraphs: Path, *, unit: Unit = Unit.PAGE) -> Source:
    """Read the authors' JSON files.

    Args:
        questions: ``RuBQ_2.0_test.json``, ``RuBQ_2.0_dev.json`` or both.
        paragraphs: ``RuBQ_2.0_paragraphs.json``.
        unit: a document is a page (its paragraphs in the file's order, an empty line between them) or a paragraph.

    Raises:
        InputError: a file, entry or field cannot be used.
    """
    known = read_paragraphs(paragraphs)
    drafts: list[Draft] = []
    dropped = 0
    for row in (row for path in questions for row in json_rows(path)):
        answering = row.nested("paragraphs_uids").fields.get("with_answer") or []
        if not isinstance(answering, list):
            raise row.wrong("paragraphs_uids.with_answer", "a list of ids", answering)
        if not answering:
            dropped += 1
            continue
        drafts.append(_draft(row, [str(uid) for uid in answering], known, unit))
    return Source(
        name="rubq",
        questions=drafts,
        documents=_pages(known) if unit is Unit.PAGE else _single(known),
        inputs=[*questions, paragraphs],
        dropped={NO_RELEVANT_DOCUMENT: dropped} if dropped else {},
        options={"unit": str(unit)},
        licence=LICENCE,
    )


def load_retrieval(layout: Layout, *, min_score: float = 1, answers_from: Sequence[Path] = ()) -> Source:
    """Read the retrieval task; a document is a paragraph.

    Args:
        layout: its files.
        min_score: a paragraph counts as gold from this score on.
        answers_from: the authors' question files: a question of the same text gives its answers.

    Raises:
        InputError: a file, line or field cannot be used.
    """
    source = load_beir(layout, min_score=min_score)
    single = {draft.gold[0].doc_id for draft in source.questions if len(draft.gold) == 1}
    texts = {doc.doc_id: doc.text for _, doc in read_corpus(layout.corpus) if doc.doc_id in single}
    answers = {_folded(row.text("question_text")): answers_of(row) for path in answers_from for row in json_rows(path)}
    drafts = [
        dataclasses.replace(
            draft,
            answers=answers.get(_folded(draft.question), ()),
            paragraph=texts.get(draft.gold[0].doc_id) if len(draft.gold) == 1 else None,
        )
        for draft in source.questions
    ]
    return dataclasses.replace(
        source,
        name="rubq",
        questions=drafts,
        inputs=[*source.inputs, *answers_from],
        options={"unit": str(Unit.PARAGRAPH), **source.options},
        licence=LICENCE,
    )


def answers_of(row: Row) -> list[str]:
    """Accepted answers of a question, best first, each once.

    The labels of its answers come first, then the Russian names of entities and the spelt-out forms of numbers and
    dates, then the answer as the quiz gave it, which is all that a question without a query has. A date is written out
    in Russian, as a year alone where it is the first of January: Wikidata keeps years so. What links to an entity on
    Wikipedia (``wp_names``) is left out: among it are case forms, and words such as «дочери» for a person.
    """
    found: list[str] = []
    entries = row.rows("answers")
    for entry in entries:
        label = entry.optional_text("label") or entry.optional_text("value")
        found.append(_date(label) if "dateTime" in entry.optional_text("datatype") else label)
    for entry in entries:
        if entry.fields.get("type") == "literal":
            found += entry.texts("wp_names")
        elif entry.fields.get("wd_names"):
            found += entry.nested("wd_names").texts("ru")
    found.append(_unquoted(row.optional_text("answer_text")))
    stripped = dict.fromkeys(answer.strip() for answer in found)
    return [answer for answer in stripped if answer]


@dataclasses.dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a Wikipedia page."""

    place: str
    page: str
    text: str


def read_paragraphs(path: Path) -> dict[str, Paragraph]:
    """Paragraphs of ``RuBQ_2.0_paragraphs.json`` by their ids.

    Raises:
        InputError: the file or an entry cannot be used, or an id repeats.
    """
    known: dict[str, Paragraph] = {}
    for row in json_rows(path):
        uid = row.identifier("uid")
        if uid in known:
            raise InputError(f"{row.place}: field uid: {uid} stands already at {known[uid].place}")
        known[uid] = Paragraph(row.place, row.identifier("ru_wiki_pageid"), row.optional_text("text"))
    return known


def _draft(row: Row, answering: Sequence[str], known: Mapping[str, Paragraph], unit: Unit) -> Draft:
    gold = []
    for uid in answering:
        # An unknown paragraph has no page: its own id stands for it, and the corpus will not have it.
        paragraph = known.get(uid)
        doc_id = paragraph.page if unit is Unit.PAGE and paragraph else uid if paragraph else f"paragraph {uid}"
        gold.append(Gold(doc_id, row.place))
    only = known.get(answering[0]) if len(set(answering)) == 1 else None
    return Draft(
        place=row.place,
        qid=row.identifier("uid"),
        question=row.text("question_text"),
        gold=gold,
        answers=answers_of(row),
        paragraph=only.text if only else None,
    )


def _pages(known: Mapping[str, Paragraph]) -> Iterator[FoundDocument]:
    pages: dict[str, list[Paragraph]] = {}
    for paragraph in known.values():
        pages.setdefault(paragraph.page, []).append(paragraph)
    for page, paragraphs in pages.items():
        text = "\n\n".join(paragraph.text for paragraph in paragraphs if paragraph.text.strip())
        yield found_document(paragraphs[0].place, page, "", text)


def _single(known: Mapping[str, Paragraph]) -> Iterator[FoundDocument]:
    for uid, paragraph in known.items():
        yield found_document(paragraph.place, uid, "", paragraph.text)


def _date(value: str) -> str:
    """A date of Wikidata in Russian words.

    >>> _date("2005-02-14T00:00:00Z"), _date("1873-01-01T00:00:00Z"), _date("XIX век")
    ('14 февраля 2005 года', '1873', 'XIX век')
    """
    match = _DATE_TIME.fullmatch(value)
    if not match:
        return value
    year, month, day = map(int, match.groups())
    return str(year) if (month, day) == (1, 1) else f"{day} {_MONTHS[month - 1]} {year} года"


def _unquoted(answer: str) -> str:
    """An answer without the straight quotes around the whole of it.

    >>> _unquoted("'Роллинг Стоунз'"), _unquoted('"Зенит" и "Спартак"')
    ('Роллинг Стоунз', '"Зенит" и "Спартак"')
    """
    answer = answer.strip()
    for quote in "'\"":
        if len(answer) > 2 and answer[0] == answer[-1] == quote and quote not in answer[1:-1]:
            return answer[1:-1]
    return answer


def _folded(question: str) -> str:
    return " ".join(question.split()).casefold()
