"""The summary of a run: what was measured, on what, with what."""

from __future__ import annotations

import dataclasses
import os
import platform
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.dataset import Question
from evals.records import Passage, QuestionRecord
from evals.run.options import RunOptions
from evals.summary import compare_variants, headline_metrics, summarize_variants
from rag.profile import Profile
from retrievers.documents import chunk_id_of, doc_id_of

if TYPE_CHECKING:
    from rag.index import Index

# Passages of a ranking whose text a run keeps, besides those that answers were read from.
_TOP_PASSAGES = 5
# Packages whose version can change a figure.
_PACKAGES = ("russian-rag", "langchain-core", "chromadb", "bm25s", "numpy", "scikit-learn", "pymorphy3", "torch")


@dataclass(frozen=True, slots=True)
class RunContext:
    """What the records of a run were measured on.

    Args:
        file: evaluation file.
        dataset_sha256: digest of its bytes.
        questions: those measured.
        missing: gold documents that the index does not hold.
        missing_chunks: gold chunks that it does not hold.
        options: what was measured.
        profile: whose parts were varied.
        threshold: confidence below which an answer counts as withheld; None where nothing was answered.
        index: searched.
        jobs: processes at work.
    """

    file: Path
    dataset_sha256: str
    questions: Sequence[Question]
    missing: Sequence[str]
    missing_chunks: Sequence[str]
    options: RunOptions
    profile: Profile
    threshold: float | None
    index: Index
    jobs: int


def summarize_run(records: Sequence[QuestionRecord], context: RunContext) -> dict[str, Any]:
    """The content of ``summary.json``.

    Args:
        records: of all variants, in order.
        context: what they were measured on.
    """
    options = context.options
    headline = headline_metrics(options.cutoffs)
    k = context.profile.retrieval.k
    return {
        "dataset": _dataset(records, context),
        "cutoffs": list(options.cutoffs),
        "depth": options.depth or context.profile.retrieval.pool,
        "k": k,
        "threshold": context.threshold,
        "variants": summarize_variants(records, k=k, seed=options.seed),
        "comparisons": [dataclasses.asdict(one) for one in compare_variants(records, headline, seed=options.seed)],
        "environment": _environment(context),
    }


def passages_of(records: Sequence[QuestionRecord], index: Index) -> list[Passage]:
    """Text of every chunk that was read or stood among the first, once each, in the order of their ids."""
    wanted: set[str] = set()
    for record in records:
        wanted.update(hit.chunk_id for hit in record.ranking[:_TOP_PASSAGES])
        if record.answer:
            wanted.update(record.answer.context_ids)
    return [
        Passage(
            chunk_id=chunk_id_of(chunk),
            doc_id=doc_id_of(chunk),
            title=str(chunk.metadata.get("title", "")),
            text=chunk.page_content,
        )
        for chunk in index.chunks.by_chunk_ids(sorted(wanted))
    ]


def _dataset(records: Sequence[QuestionRecord], context: RunContext) -> dict[str, Any]:
    questions = context.questions
    with_passage = {record.qid for record in records if record.relevant_chunk_ids}
    return {
        "path": str(context.file),
        "name": context.file.name,
        "sha256": context.dataset_sha256,
        "questions": len(questions),
        "answerable": sum(question.answerable for question in questions),
        "unanswerable": sum(not question.answerable for question in questions),
        "with_answers": sum(bool(question.answers) for question in questions),
        "with_documents": sum(bool(question.gold_doc_ids) for question in questions),
        "multi_document": sum(len(question.gold_doc_ids) > 1 for question in questions),
        "with_passage": len(with_passage),
        "guessed_passages": sum(
            question.qid in with_passage and not question.paragraph and not question.gold_chunk_ids
            for question in questions
        ),
        "missing_documents": len(context.missing),
        "missing_chunks": len(context.missing_chunks),
    }


def _environment(context: RunContext) -> dict[str, Any]:
    manifest = context.index.manifest
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpus": os.cpu_count(),
        "jobs": context.jobs,
        "seed": context.options.seed,
        "packages": {name: version for name in _PACKAGES if (version := installed_version(name))},
        "profile": context.profile.model_dump(mode="json"),
        "index": {
            "path": str(context.index.directory),
            "index_id": manifest.index_id,
            "generation": manifest.generation,
            "documents": manifest.documents,
            "chunks": manifest.chunks,
        },
    }


def installed_version(package: str) -> str | None:
    """Version of a distribution, None where it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None
