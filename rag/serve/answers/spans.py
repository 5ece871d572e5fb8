"""The likeliest answer inside each candidate of a search, where the generator reads answers out of passages."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.documents import Document
from langchain_core.runnables import Runnable

from generators.base import Generation, ReadingTask
from rag.chain import RagChain
from rag.serve.answers.replies import SpanReply
from rag.serve.answers.searching import Search
from rag.serve.service import Service
from rag.serve.snapshots import Snapshot
from rag.serve.work import Job

MARKED = 20  # candidates that are read, from the first: each takes as long as a passage of an answer


def found_spans(
    service: Service, snapshot: Snapshot, search: Search, documents: Sequence[Document], job: Job
) -> Sequence[SpanReply | None]:
    """One for each of the first documents that a search found; those of the last searches are remembered."""
    key = (*search.key(snapshot), len(documents))
    known = service.spans.get(snapshot.generation, key)
    if known is None:
        chain = snapshot.chain(search.retriever, search.rerank)
        known = likeliest_spans(chain, search.question, documents, job)
        service.spans.put(snapshot.generation, key, known)
    return known


def likeliest_spans(chain: RagChain, question: str, documents: Sequence[Document], job: Job) -> list[SpanReply | None]:
    """One for each document; None for those after the first :data:`MARKED`, and for all with another generator.

    Each passage is read and judged by itself, so that its confidence says what an answer from it alone is worth.
    """
    if not is_extractive(chain.generator):
        return [None] * len(documents)
    spans: list[SpanReply | None] = []
    for document in documents[:MARKED]:
        job.check()
        spans.append(_span(chain, question, document))
    return spans + [None] * (len(documents) - len(spans))


def is_extractive(generator: Runnable[ReadingTask, Generation]) -> bool:
    """Whether answers are spans of the passages; a language model would take seconds for each."""
    from generators.reader import OfflineReader
    from generators.span_reader import SpanReader

    return isinstance(generator, (OfflineReader, SpanReader))


def _span(chain: RagChain, question: str, document: Document) -> SpanReply | None:
    read = chain.generator.invoke(ReadingTask(question, (document,)))
    if not read.evidence:
        return None
    place = read.evidence[0]
    judged = chain.judge.confidence(question, read, [document]) if chain.judge is not None else read.confidence
    text = document.page_content[place.start : place.end]
    return SpanReply(start=place.start, end=place.end, text=text, confidence=judged or 0.0)
