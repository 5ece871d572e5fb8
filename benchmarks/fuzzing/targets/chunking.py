"""Text into chunks: every chunk an exact slice, nothing lost, nothing too long."""

from __future__ import annotations

import itertools
import zlib

import numpy as np
from langchain_core.embeddings import Embeddings

from benchmarks.fuzzing.material import ARTICLE, SENTENCES, STRANGE, TEXT
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen, text_of
from rag.documents.chunking import ChunkingMethod, ChunkingOptions, chunk_document
from rag.documents.rows import SourceDocument
from rag.documents.semantic import SemanticOptions, group_sentences, neighbour_cosines
from rag.documents.structure import sections
from retrievers.sentences import sentence_spans

_OPTIONS = (
    ChunkingOptions(),
    ChunkingOptions(size=60, overlap=30),
    ChunkingOptions(size=10, limit=10),
    ChunkingOptions(size=1_200, limit=5_000, overlap=200),
)
_SEMANTIC = (SemanticOptions(), SemanticOptions(threshold=0.0, minimum=0, maximum=10), SemanticOptions(minimum=500))
# Packing looks at every unit that a chunk could begin with: paragraphs of one letter each are its worst case.
_BUDGET = Budget(seconds=0.2, seconds_per_megabyte=60, memory_per_byte=1_000)


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - it needs no files
    """``chunker``, ``chunker-semantic`` or ``semantic-groups``."""
    seeds, tokens = bytes_of(ARTICLE, SENTENCES * 3, STRANGE, ""), bytes_of(*TEXT)
    if name == "chunker":
        return Target(_check_chunks, seeds, tokens, _BUDGET)
    if name == "chunker-semantic":
        return Target(_check_semantic, seeds, tokens, _BUDGET)
    numbers = tuple(np.float32(one).tobytes() for one in (range(48), [0] * 12, [3e38, 1e-45, -3e38] * 4))
    return Target(_check_groups, numbers, tuple(np.float32(one).tobytes() for one in (3e38, 1e-45, -0.0, 1.0)))


def _check_chunks(data: bytes) -> None:
    text = text_of(data)
    options = _OPTIONS[zlib.crc32(data) % len(_OPTIONS)]
    chunks = chunk_document(SourceDocument("д", "Байкал", text), options)
    _check_slices(text, chunks, overlapping=bool(options.overlap))
    assert all(len(chunk.page_content) <= options.longest for chunk in chunks)
    spans = sentence_spans(text)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))
    assert "".join("".join(text[start:stop] for start, stop in spans).split()) == "".join(text.split()), "letters lost"


def _check_semantic(data: bytes) -> None:
    text = text_of(data)
    semantic = _SEMANTIC[zlib.crc32(data) % len(_SEMANTIC)]
    options = ChunkingOptions(method=ChunkingMethod.SEMANTIC, semantic=semantic)
    chunks = chunk_document(SourceDocument("д", "", text), options, embeddings=_Hashed())
    _check_slices(text, chunks, overlapping=False)
    assert all(len(chunk.page_content) <= semantic.maximum for chunk in chunks)


def _check_slices(text: str, chunks: list, *, overlapping: bool) -> None:
    """What is neither blank nor a heading stands in a chunk, in order, once unless chunks overlap."""
    at, covered = 0, bytearray(len(text))
    for index, chunk in enumerate(chunks):
        start, end = chunk.metadata["start"], chunk.metadata["end"]
        assert text[start:end] == chunk.page_content, "no slice of the text"
        assert chunk.page_content == chunk.page_content.strip() != ""
        assert chunk.metadata["chunk_index"] == index
        assert start >= at or overlapping, "chunks overlap"
        at = end
        covered[start:end] = b"\1" * (end - start)
    left = [text[at] for at in range(len(text)) if not covered[at] and not text[at].isspace()]
    if any(section.blocks for section in sections(text)):
        blocks = [block for section in sections(text) for block in section.blocks]
        for block in blocks:
            lost = [at for at in range(block.start, block.end) if not covered[at] and not text[at].isspace()]
            assert not lost, f"characters of a block are in no chunk, first at {lost[0]}"
    else:
        assert not left, "a text of headings alone was lost"


def _check_groups(data: bytes) -> None:
    values = np.frombuffer(data[: len(data) // 4 * 4], dtype=np.float32)
    values = values[np.isfinite(values)]
    vectors = values[: len(values) // 3 * 3].reshape(-1, 3)
    spans, at = [], 0
    for byte in data[: len(vectors)]:
        spans.append((at + byte % 3, at + byte % 3 + 1 + byte))
        at = spans[-1][1]
    vectors = vectors[: len(spans)]
    with foreseen():
        groups = group_sentences(vectors, spans, _SEMANTIC[len(data) % len(_SEMANTIC)])
        assert [number for first, stop in groups for number in range(first, stop)] == list(range(len(spans)))
        if len(vectors):
            cosines = neighbour_cosines(vectors)
            assert np.all(np.isfinite(cosines))
            assert np.all(np.abs(cosines) <= 1 + 1e-9)


class _Hashed(Embeddings):
    """Vectors that depend on the text alone."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Two numbers for each text."""
        return [[float(code % 7), float(code % 5)] for code in map(_code, texts)]

    def embed_query(self, text: str) -> list[float]:
        """As :meth:`embed_documents`."""
        return self.embed_documents([text])[0]


def _code(text: str) -> int:
    return zlib.crc32(text.encode("utf-8", "surrogatepass"))
