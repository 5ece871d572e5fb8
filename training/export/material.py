"""Texts that an export is compared on: the user's evaluation data, own documents, or the demo corpus."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from langchain_core.documents import Document

from retrievers.documents import HEADING_SEPARATOR
from retrievers.documents import search_text as chunk_text
from retrievers.errors import InputError
from training.examples import Example
from training.finetune.evaluation import EvaluationOptions, ranking_task, read_evaluation
from training.finetune.ranking import RankingTask

_QUESTIONS = 50
_CANDIDATES = 20  # passages a question ranks; of an encoder's, all passages of the task
_SEED = 0


def read_task(evaluation: Sequence[Path], corpus: Path | None, texts: Sequence[Path], limit: int | None) -> RankingTask:
    """Questions and passages to compare on.

    Args:
        evaluation: files of examples or questions.
        corpus: what ``--corpus`` means beside them, see :mod:`training.finetune.evaluation`.
        texts: documents, where there is no evaluation data; none for the demo corpus.
        limit: questions; None for all of the evaluation data, 50 of other texts.

    Raises:
        InputError: a file cannot be used, or there is nothing to compare on.
    """
    if not evaluation:
        return _task_of_documents(texts, limit or _QUESTIONS)
    files = tuple(evaluation)
    return read_evaluation(
        EvaluationOptions(files=files, corpus=corpus, candidates=_CANDIDATES, eval_limit=limit, seed=_SEED)
    ).task


def _task_of_documents(texts: Sequence[Path], limit: int) -> RankingTask:
    from rag.demo import demo_corpus
    from rag.documents.chunking import chunk_document
    from rag.documents.readers import read_sources

    chunks = [chunk for source in read_sources(texts or [demo_corpus()]) for chunk in chunk_document(source)]
    if len(chunks) < 2:
        raise InputError(f"--texts: expected at least two passages to rank, found {len(chunks)}")
    examples = [Example(question=_asked(chunk), passage=chunk_text(chunk)) for chunk in chunks]
    return ranking_task(examples, candidates=_CANDIDATES, limit=limit, seed=_SEED)


def _asked(chunk: Document) -> str:
    """Title and headings of a chunk, which it is then asked for by, as people type a query; else how it begins."""
    title, headings = (str(chunk.metadata.get(key) or "") for key in ("title", "headings"))
    named = " ".join(part for part in (title, *headings.split(HEADING_SEPARATOR)) if part)
    return named or " ".join(chunk.page_content.split()[:8])
