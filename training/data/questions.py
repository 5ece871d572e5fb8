"""This project's evaluation files as training data: a question with the passage that answers it.

The passage is the row's own ``paragraph``, a chunk of an index that holds it or the answer, or a document of a corpus.
Only for questions that nothing is measured on: cross-validation, or a set of one's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from langchain_core.documents import Document
from pydantic import ValidationError

from evals.dataset import Question
from evals.datasets.reading import Row, read_rows
from evals.relevance import find_relevant
from rag.errors import first_mistake
from retrievers.documents import chunk_id_of, doc_id_of
from retrievers.errors import InputError
from training.data.found import Found, Skip, SkipReason, make_example

SOURCE = "questions"
_PARTIAL = "partial"  # a span that is a part of the answer: «Константина» for «Константин Маковский» teaches wrong ends
ChunksOf = Callable[[str], Iterable[Document]]


def load_questions(paths: Sequence[Path], *, index: Path | None = None, corpus: Path | None = None) -> Iterator[Found]:
    """Read evaluation files.

    Args:
        paths: rows ``qid, question, answers, gold_doc_ids`` and perhaps ``paragraph`` with ``answer_span``, or
            ``answer_start`` into the document: .jsonl, .jsonl.gz, .jsonl.zst or .parquet.
        index: take the chunks of this index that answer instead of the paragraphs; an example each.
        corpus: rows ``doc_id, title, text`` whose documents are short enough to be passages, for questions without a
            paragraph.

    Raises:
        InputError: a file or row cannot be used, or both an index and a corpus are given.
    """
    if index is not None and corpus is not None:
        raise InputError("--index and --corpus are two sources of passages; give one of them")
    chunks_of = _chunks_of(index) if index is not None else None
    documents = _documents(corpus) if corpus is not None else {}
    for path in paths:
        for row in read_rows(path):
            question = _question(row)
            if not question.answerable:
                yield Skip(SkipReason.UNANSWERABLE)
            elif chunks_of is not None:
                yield from _from_chunks(row, question, chunks_of)
            elif question.paragraph:
                yield _from_paragraph(row, question, question.paragraph)
            else:
                yield from _from_documents(row, question, documents)


def _question(row: Row) -> Question:
    try:
        return Question.model_validate(row.fields)
    except ValidationError as error:
        raise InputError(f"{row.place}: {first_mistake(error)}") from error


def _from_chunks(row: Row, question: Question, chunks_of: ChunksOf) -> Iterator[Found]:
    relevant = find_relevant(question, chunks_of)
    found = [chunk for doc_id in question.gold_doc_ids for chunk in chunks_of(doc_id) if chunk_id_of(chunk) in relevant]
    for chunk in found:
        yield make_example(
            row.place,
            question.question,
            chunk.page_content,
            answers=question.answers,
            title=_heading(chunk),
            doc_id=doc_id_of(chunk),
            source=SOURCE,
        )
    if not found:
        yield Skip(SkipReason.UNKNOWN_PASSAGE)


def _from_paragraph(row: Row, question: Question, paragraph: str) -> Found:
    answers, start = question.answers, None
    span = row.fields.get("answer_span")
    if isinstance(span, dict) and isinstance(span.get("start"), int) and span.get("match") != _PARTIAL:
        # The span is worded as in the paragraph; what answers are compared with comes behind it.
        answers, start = (str(span.get("text", "")), *answers), span["start"]
    doc_id = question.gold_doc_ids[0] if question.gold_doc_ids else ""
    return make_example(
        row.place, question.question, paragraph, answers=answers, start=start, doc_id=doc_id, source=SOURCE
    )


def _from_documents(row: Row, question: Question, documents: dict[str, tuple[str, str]]) -> Iterator[Found]:
    given = row.fields.get("answer_start")
    start = given[0] if isinstance(given, list) and given and isinstance(given[0], int) else None
    found = [doc_id for doc_id in question.gold_doc_ids if doc_id in documents]
    for doc_id in found:
        title, text = documents[doc_id]
        yield make_example(
            row.place,
            question.question,
            text,
            answers=question.answers,
            start=start,
            title=title,
            doc_id=doc_id,
            source=SOURCE,
        )
    if not found:
        yield Skip(SkipReason.UNKNOWN_PASSAGE)


def _heading(chunk: Document) -> str:
    """What an index shows to models before the chunk: its title and headings."""
    return "\n".join(str(part) for name in ("title", "headings") if (part := chunk.metadata.get(name)))


def _documents(corpus: Path) -> dict[str, tuple[str, str]]:
    """Title and text of every document."""
    return {
        row.identifier("doc_id", "_id", "id"): (row.optional_text("title"), row.optional_text("text"))
        for row in read_rows(corpus)
    }


def _chunks_of(index: Path) -> ChunksOf:
    from rag.index import open_index

    opened = open_index(index)  # stays open as long as the function does
    return lambda doc_id: opened.chunks.chunks_of(doc_id)
