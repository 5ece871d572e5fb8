"""The lexical legs of a draft: BM25 and, if asked, TF-IDF, from the stored terms."""

from __future__ import annotations

from pathlib import Path

from rag.index.options import IndexOptions
from rag.index.progress import Progress, watched
from rag.index.sources import ChunkTable
from retrievers.bm25 import BM25Index

BM25 = "bm25"
TFIDF = "tfidf"


def write_lexical(generation: Path, table: ChunkTable, options: IndexOptions, progress: Progress) -> None:
    """Build and save the lexical indexes of all chunks; no text is analysed again."""
    BM25Index.build(watched(table.terms(), "bm25", progress, len(table)), options.bm25).save(generation / BM25)
    if options.tfidf:
        from retrievers.tfidf import TfidfIndex

        TfidfIndex.build(watched(table.terms(), "tfidf", progress, len(table))).save(generation / TFIDF)
