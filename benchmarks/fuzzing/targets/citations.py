"""Where an answer stands in passages, and the sentences quoted for it."""

from __future__ import annotations

import zlib

from langchain_core.documents import Document

from benchmarks.fuzzing.material import SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, text_of
from generators.base import Evidence
from generators.evidence import supports
from rag.citations import MAX_QUOTE, cite


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one, and it needs no files
    """Evidence and citations."""
    seeds = bytes_of(f"М. В. Ломоносов\0{SENTENCES}", f"1642\0Глубина — 1642 м.\0{STRANGE}", "\0")
    # A passage is a chunk: what is longer than the longest of them is no passage.
    budget = Budget(seconds=0.2, seconds_per_megabyte=60, memory_per_byte=2_000)
    return Target(_check, seeds, bytes_of("\0", *TEXT), budget, longest=60_000)


def _check(data: bytes) -> None:
    """An answer and passages, divided by NULs."""
    answer, *passages = text_of(data).split("\0")
    passages = passages[:20]
    places = supports(answer, passages, [zlib.crc32(data) % len(passages)] if passages else [])
    documents = [
        Document(
            id=f"д_{number}", page_content=passage, metadata={"chunk_id": f"д_{number}", "doc_id": "д", "start": 7}
        )
        for number, passage in enumerate(passages)
    ]
    evidence = []
    for index, (start, end) in places:
        assert 0 <= start <= end <= len(passages[index])
        if start < end:
            evidence.append(Evidence(f"д_{index}", start, end))
    for citation in cite(evidence, documents):
        passage = passages[int(citation.chunk_id.removeprefix("д_"))]
        assert passage[citation.start - 7 : citation.end - 7] == citation.quote
        assert 0 <= citation.answer_start < citation.answer_end <= len(citation.quote)
        longest = max(MAX_QUOTE, citation.answer_end - citation.answer_start)
        assert len(citation.quote) <= longest + 1, len(citation.quote)
