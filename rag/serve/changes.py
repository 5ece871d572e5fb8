"""Changes of the index that is being served: the engine makes a new generation, and the service turns to it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel

from rag.serve.problems import Code, Problem
from rag.serve.service import Service
from rag.serve.work import Job

if TYPE_CHECKING:
    from rag.documents.rows import SourceDocument
    from rag.index import Index
    from rag.serve.uploads.receiving import Received

MOST_LISTED = 1_000
_TOLD_EVERY = 0.1  # seconds between two reports of one stage
Report = Callable[["Progress"], None]


class DocumentSummary(BaseModel):
    """A document of the index: its size in characters, and how many chunks it was cut into."""

    doc_id: str
    title: str
    characters: int
    chunks: int


class Progress(BaseModel):
    """How far a change is: items of a stage done, and how many there are where that is known."""

    stage: str
    done: int
    total: int | None = None


class Changed(BaseModel):
    """What an upload did.

    Args:
        generation: the index as it is now.
        added: documents that were new.
        changed: documents that replaced one of the same id.
        unchanged: documents that were there just so.
        documents: those of the upload, the first thousand.
    """

    generation: str
    added: int
    changed: int
    unchanged: int
    documents: list[DocumentSummary]


class Removed(BaseModel):
    """What a deletion did: the index as it is now, and the document that is gone."""

    generation: str
    removed: str


def add(service: Service, upload: Received, job: Job, report: Report) -> Changed:
    """Read an upload and add its documents; either all of them are in the index afterwards or none.

    Raises:
        Problem: a file cannot be read.
        ToolkitError: the index cannot be changed.
        StoppedError: the job was, and the index is as it was.
    """
    from rag.index.writing import add_documents
    from rag.serve.uploads.reading import documents_of, read_upload

    titles: list[tuple[str, str]] = []
    progress = _Reported(job, report)

    def sources(folder: Path) -> Iterator[SourceDocument]:
        for source in documents_of(folder):
            titles.append((source.doc_id, source.title))
            yield source

    with service.metrics.upload() as counted, upload.laid_out() as (folder, order):
        count = len(order.files) or None
        progress("reading", 0, count)
        read_upload(folder, order, job, lambda number: progress("reading", number, count))
        change = add_documents(sources(folder), service.snapshots.directory, progress=progress)
        counted(change)
    service.snapshots.refresh()
    with service.snapshots.lease() as snapshot:  # another process may have gone on already: one generation says all
        return Changed(
            generation=snapshot.generation, added=change.added, changed=change.changed, unchanged=change.unchanged,
            documents=summaries(snapshot.index, titles[:MOST_LISTED]),
        )  # fmt: skip


def remove(service: Service, doc_id: str, job: Job) -> Removed:
    """Remove a document.

    Raises:
        Problem: there is no such document, or no other.
        ToolkitError: the index cannot be changed.
        StoppedError: the job was, and the index is as it was.
    """
    from rag.index.writing import remove_documents

    with service.snapshots.lease() as snapshot:
        known = require_document(snapshot.index, doc_id)
        last = snapshot.index.manifest.documents == 1
    if last:
        raise Problem(
            Code.INVALID_REQUEST,
            "this is the last document; an index cannot be empty, add another first",
            param="doc_id",
        )

    remove_documents([known], service.snapshots.directory, progress=_Reported(job, lambda _: None))
    return Removed(generation=service.snapshots.refresh(), removed=known)


class _Reported:
    """Progress of the engine, as often as somebody can look at it; the job is checked each time.

    Args:
        job: stops the change.
        report: is told.
    """

    def __init__(self, job: Job, report: Report) -> None:
        self._job, self._report = job, report
        self._last: Progress | None = None
        self._at = 0.0

    def __call__(self, stage: str, done: int, total: int | None) -> None:
        self._job.check()
        now, progress = time.monotonic(), Progress(stage=stage, done=done, total=total)
        same_stage = self._last is not None and self._last.stage == stage
        if progress == self._last or (same_stage and done != total and now - self._at < _TOLD_EVERY):
            return
        self._last, self._at = progress, now
        self._report(progress)


def require_document(index: Index, doc_id: str) -> str:
    """The id, where the index has such a document.

    Raises:
        Problem: it has none.
    """
    if not index.chunks.sizes([doc_id]):
        raise Problem(
            Code.UNKNOWN_DOCUMENT, "the index has no document of this id; GET /api/documents lists those it has",
            param="doc_id",
        )  # fmt: skip
    return doc_id


def summaries(index: Index, titles: Sequence[tuple[str, str]]) -> list[DocumentSummary]:
    """Sizes of documents, given by id and title, in their order."""
    sizes = index.chunks.sizes([doc_id for doc_id, _ in titles])
    return [
        DocumentSummary(doc_id=doc_id, title=title, characters=sizes[doc_id][0], chunks=sizes[doc_id][1])
        for doc_id, title in titles
        if doc_id in sizes
    ]
