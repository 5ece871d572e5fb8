"""MIRACL and Mr. TyDi: human questions in Russian and the Wikipedia passages that answer them.

Topics and TREC judgements over a corpus of passages (Zhang et al. 2023, https://github.com/project-miracl/miracl), or
the hub's rows of one question with its positive and negative passages (MIRACL's and Mr. TyDi's, Zhang et al. 2021).
A passage's id is its page's id, ``#`` and its number on the page. There are no answers.
"""

from __future__ import annotations

import enum
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from evals.datasets.output import NO_RELEVANT_DOCUMENT, Draft, FoundDocument, Gold, Source, found_document
from evals.datasets.qrels import read_trec_qrels, relevant
from evals.datasets.reading import ROW_SUFFIXES, Row, natural_order, read_columns, read_rows
from retrievers.errors import InputError


class Unit(enum.StrEnum):
    """What a document is."""

    PAGE = "page"
    PASSAGE = "passage"


def load_topics(
    topics: Path, qrels: Path, corpus: Sequence[Path], *, unit: Unit = Unit.PAGE, min_score: float = 1
) -> Source:
    """Read topics, judgements and a corpus of passages.

    Args:
        topics: lines of a question's id, a tab and the question.
        qrels: TREC's four columns.
        corpus: files of rows ``docid, title, text``, and folders of such files.
        unit: a document is a page (its passages, an empty line between them) or a passage.
        min_score: a passage counts as gold from this score on.

    Raises:
        InputError: a file, line or field cannot be used.
    """
    gold = relevant(read_trec_qrels(qrels), min_score)
    drafts: list[Draft] = []
    dropped = 0
    seen: set[str] = set()
    for place, columns in read_columns(topics):
        if len(columns) != 2:
            raise InputError(f"{place}: expected two columns (qid, question) with a tab between, found {len(columns)}")
        qid = columns[0].strip()
        seen.add(qid)
        if qid not in gold:
            dropped += 1
            continue
        documents = [Gold(_document_id(judgement.doc_id, unit), judgement.place) for judgement in gold[qid]]
        drafts.append(Draft(place, qid, columns[1], documents))
    files = _corpus_files(corpus)
    return Source(
        name="miracl",
        questions=drafts,
        documents=_documents((row for path in files for row in read_rows(path)), unit),
        inputs=[topics, qrels, *files],
        dropped={NO_RELEVANT_DOCUMENT: dropped} if dropped else {},
        unknown_queries=[Gold(qid, found[0].place) for qid, found in gold.items() if qid not in seen],
        options={"unit": str(unit), "min_score": min_score},
    )


def load_passages(paths: Sequence[Path], *, unit: Unit = Unit.PAGE) -> Source:
    """Read rows of a question with its positive and negative passages; only the passages named make the corpus.

    Args:
        paths: files of rows ``query_id, query, positive_passages, negative_passages``.
        unit: a document is a page (its listed passages by number, an empty line between them) or a passage.

    Raises:
        InputError: a file, line or field cannot be used, or a passage has two texts.
    """
    passages: dict[str, Row] = {}
    drafts: list[Draft] = []
    dropped = 0
    for row in (row for path in paths for row in read_rows(path)):
        positive = row.rows("positive_passages")
        for passage in [*positive, *(row.rows("negative_passages") if row.fields.get("negative_passages") else [])]:
            first = passages.setdefault(passage.identifier("docid"), passage)
            if first.text("text") != passage.text("text"):
                raise InputError(
                    f"{passage.place}: field text: {passage.identifier('docid')!r} has another text at {first.place}"
                )
        if not positive:
            dropped += 1
            continue
        gold = [Gold(_document_id(passage.identifier("docid"), unit), passage.place) for passage in positive]
        drafts.append(Draft(row.place, row.identifier("query_id"), row.text("query"), gold))
    ordered = [passages[docid] for docid in sorted(passages, key=_page_and_number)]
    return Source(
        name="miracl",
        questions=drafts,
        documents=_documents(ordered, unit),
        inputs=paths,
        dropped={NO_RELEVANT_DOCUMENT: dropped} if dropped else {},
        options={"unit": str(unit)},
    )


def _documents(passages: Iterable[Row], unit: Unit) -> Iterator[FoundDocument]:
    """Documents of passages; those of one page follow one another, so that a page at a time is in memory."""
    for doc_id, group in itertools.groupby(passages, key=lambda row: _document_id(row.identifier("docid"), unit)):
        rows = list(group)
        if unit is Unit.PASSAGE and len(rows) > 1:
            raise InputError(f"{rows[1].place}: field docid: {doc_id!r} stands twice in the corpus")
        texts = (row.optional_text("text") for row in rows)
        text = "\n\n".join(text for text in texts if text.strip())
        yield found_document(rows[0].place, doc_id, rows[0].optional_text("title"), text)


def _document_id(docid: str, unit: Unit) -> str:
    return docid.partition("#")[0] if unit is Unit.PAGE else docid


def _page_and_number(docid: str) -> tuple[str, int, str]:
    page, _, number = docid.partition("#")
    return (page, int(number), "") if number.isdecimal() else (page, -1, number)


def _corpus_files(paths: Sequence[Path]) -> list[Path]:
    files: list[Path] = []
    for path in paths:
        inside = [file for file in path.iterdir() if file.name.endswith(ROW_SUFFIXES)] if path.is_dir() else [path]
        if not inside:
            raise InputError(f"{path}: no corpus in this folder; expected {', '.join(ROW_SUFFIXES)} files")
        files += inside
    return natural_order(files)  # a page may run on from docs-2 into docs-3, and docs-10 sorts before both as text
