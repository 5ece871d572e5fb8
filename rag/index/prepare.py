"""Documents to chunk rows: cutting, entities and terms, in this process or in a few others."""

from __future__ import annotations

import itertools
import signal
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from langchain_core.embeddings import Embeddings

from rag.documents.chunking import chunk_document
from rag.documents.entities import with_entities
from rag.documents.rows import SourceDocument
from rag.errors import RagIndexError
from rag.index.options import IndexOptions
from rag.index.sources import ChunkRow
from retrievers.documents import search_text

_STORED_APART = {"doc_id", "chunk_id", "chunk_index", "title", "headings", "start", "end"}

# Less than this is done before the processes have started and loaded their models, characters.
_WORTH_PROCESSES = 600_000
# Documents travel in batches of about this many characters; so many batches wait or run per process.
_BATCH = 200_000
_WAITING = 3

Prepared = tuple[SourceDocument, list[ChunkRow]]


def prepare(source: SourceDocument, options: IndexOptions, encoder: Embeddings | None = None) -> list[ChunkRow]:
    """Cut a document and analyse its chunks; ``encoder`` is what the semantic chunker compares sentences by."""
    chunks = chunk_document(source, options.chunking, embeddings=encoder)
    if options.entities:
        chunks = with_entities(chunks)
    analyzer = options.analysis.analyzer()
    return [
        ChunkRow(
            chunk_index=chunk.metadata["chunk_index"],
            start=chunk.metadata["start"],
            end=chunk.metadata["end"],
            headings=chunk.metadata["headings"],
            metadata={
                key: value
                for key, value in chunk.metadata.items()
                if key not in _STORED_APART and source.metadata.get(key) != value
            },
            terms=" ".join(analyzer(search_text(chunk))),
        )
        for chunk in chunks
    ]


def prepare_all(
    sources: Iterable[SourceDocument], options: IndexOptions, workers: int = 1, encoder: Embeddings | None = None
) -> Iterator[Prepared]:
    """Prepare documents, in their order.

    Args:
        sources: read as they are needed, at most a few batches ahead.
        options: of the index.
        workers: at most so many processes, for entities alone: the rest is mostly the lemmas of words seen for the
            first time, which every process would find again (22 million characters took 23 s in one process, 30 s of
            two processors in two, and what reads the same words next has them cached in this one). They are started by
            spawn once there is enough to do, so the calling script needs the usual ``if __name__ == "__main__"`` guard.
        encoder: for the semantic chunker, which works in this process.
    """
    batches = parcels(sources)
    if workers > 1 and options.entities and encoder is None:
        first = list(itertools.islice(batches, -(-_WORTH_PROCESSES // _BATCH)))
        rest = itertools.chain(first, batches)
        if sum(len(source.text) for batch in first for source in batch) >= _WORTH_PROCESSES:
            yield from _in_processes(rest, options, workers)
            return
        batches = rest
    for batch in batches:
        for source in batch:
            yield source, prepare(source, options, encoder)


def _in_processes(batches: Iterator[list[SourceDocument]], options: IndexOptions, workers: int) -> Iterator[Prepared]:
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_ignore_interrupts)
    waiting: deque[tuple[list[SourceDocument], Future[list[list[ChunkRow]]]]] = deque()
    try:
        for batch in batches:
            waiting.append((batch, pool.submit(_prepare_batch, batch, options)))
            if len(waiting) >= _WAITING * workers:
                yield from _done(*waiting.popleft())
        while waiting:
            yield from _done(*waiting.popleft())
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _done(batch: list[SourceDocument], rows: Future[list[list[ChunkRow]]]) -> Iterator[Prepared]:
    try:
        yield from zip(batch, rows.result(), strict=True)
    except BrokenProcessPool as error:
        raise RagIndexError(
            "a process that analyses documents died, most likely for want of memory, or because the calling script has "
            'no `if __name__ == "__main__"` guard; try with one worker'
        ) from error


def _ignore_interrupts() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends the pool


def _prepare_batch(batch: list[SourceDocument], options: IndexOptions) -> list[list[ChunkRow]]:
    return [prepare(source, options) for source in batch]


def parcels(sources: Iterable[SourceDocument]) -> Iterator[list[SourceDocument]]:
    """Consecutive documents of about 200 000 characters together, or a single longer one."""
    batch: list[SourceDocument] = []
    size = 0
    for source in sources:
        batch.append(source)
        size += len(source.text)
        if size >= _BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
