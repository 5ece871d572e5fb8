"""Documents to chunks: whole sentences, whole paragraphs where they fit, never across a heading.

Every section is divided into units that are not broken: a paragraph, list or table that fits; else its sentences, items
or rows; else pieces of a sentence, cut at white space. The units are then packed into as few chunks as possible,
breaking where it costs least: between paragraphs rather than inside one. Chunks carry offsets:
``source.text[start:end] == page_content``.
"""

from __future__ import annotations

import bisect
import itertools
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from pydantic import BaseModel, ConfigDict, Field, model_validator

from rag.documents.rows import SourceDocument
from rag.documents.semantic import SemanticOptions, group_sentences
from rag.documents.structure import Block, BlockKind, Section, Span, sections
from retrievers.analysis import fold
from retrievers.documents import HEADING_SEPARATOR, make_chunk_id
from retrievers.errors import InputError
from retrievers.sentences import sentence_spans

# What a boundary between two chunks costs, where one chunk more costs 1.
_AT_BLANK_LINE = 0.0
_BETWEEN_LINES = 0.02  # between paragraphs without a blank line
_BETWEEN_ITEMS = 0.3  # inside a list, a table or code
_AFTER_COLON = 0.4  # between "…:" and what it announces
_BETWEEN_SENTENCES = 0.5  # inside a paragraph
_INSIDE_SENTENCE = 2.0
# No letter has more marks set over it; in a longer run of them any place is as good.
_MOST_MARKS = 32
# A chunk of less than this share of the size says too little to be found by; it costs so much.
_SHORT_SHARE = 0.2
_SHORT_COST = 0.3


class ChunkingMethod(StrEnum):
    """What decides which sentences make a chunk."""

    SENTENCES = "sentences"
    SEMANTIC = "semantic"


class ChunkingOptions(BaseModel):
    """How documents are cut into chunks; all lengths in characters.

    Args:
        method: ``sentences`` packs paragraphs and sentences by length; ``semantic`` groups sentences by meaning, with
            the lengths of ``semantic`` instead of the ones here.
        size: a chunk of several paragraphs is no longer than this.
        limit: no chunk is longer; a paragraph, list or table up to it is kept whole, and a longer one is divided into
            chunks of up to it. One and a half times ``size`` where not given; equal to ``size`` for a hard size.
        overlap: a chunk begins with whole sentences from the end of the chunk before it in the same section, of up to
            this many characters together, as far as the limit allows.
        semantic: threshold and lengths of the semantic method.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: ChunkingMethod = ChunkingMethod.SENTENCES
    size: int = Field(default=600, ge=10, le=100_000)
    limit: int | None = Field(default=None, ge=10, le=150_000)
    overlap: int = Field(default=0, ge=0)
    semantic: SemanticOptions = SemanticOptions()

    @model_validator(mode="after")
    def _consistent(self) -> ChunkingOptions:
        if self.limit is not None and self.limit < self.size:
            raise ValueError(f"expected limit >= size, found limit {self.limit} and size {self.size}")
        if self.overlap > self.size // 2:
            raise ValueError(f"expected overlap of at most half the size, found {self.overlap} of {self.size}")
        return self

    @property
    def longest(self) -> int:
        """The limit in force."""
        return self.limit if self.limit is not None else self.size * 3 // 2


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of text that is not broken.

    Args:
        start: offset of its first character.
        end: offset just past its last.
        cost: what a chunk boundary before it costs.
        block: number of the block (paragraph, list, table) it is part of.
    """

    start: int
    end: int
    cost: float
    block: int


def chunk_document(
    source: SourceDocument, options: ChunkingOptions | None = None, *, embeddings: Embeddings | None = None
) -> list[Document]:
    """Cut a document into chunks.

    Every character that is neither blank nor part of a heading line is in a chunk; headings are in the metadata. A
    document of nothing but headings is cut as if it had none.

    Args:
        source: the document.
        options: method and lengths.
        embeddings: sentence encoder of the semantic method.

    Returns:
        Chunks in source order with ``doc_id``, ``chunk_id``, ``chunk_index``, ``title``, ``headings``, ``start``,
        ``end`` and the source's metadata; none for a blank text.

    Raises:
        InputError: the semantic method was chosen without an encoder.
    """
    options = options or ChunkingOptions()
    text = source.text
    found = [section for section in sections(text) if section.blocks]
    if not found and (body := text.strip()):
        start = text.index(body[0])
        span = (start, start + len(body))
        found = [Section((), 0, (Block(BlockKind.PARAGRAPH, *span, (span,), after_blank=True),))]
    if options.method is ChunkingMethod.SEMANTIC:
        if embeddings is None:
            raise InputError(
                "the semantic chunker needs an encoder: choose a profile that has one, or method 'sentences'"
            )
        spans = semantic_spans(text, found, embeddings, options.semantic)
    else:
        spans = [_section_spans(text, section, options) for section in found]
    chunks: list[Document] = []
    for section, section_spans in zip(found, spans, strict=True):
        headings = HEADING_SEPARATOR.join(_below_title(section.headings, source.title))
        for start, end in section_spans:
            index = len(chunks)
            chunk_id = make_chunk_id(source.doc_id, index)
            metadata = {
                **source.metadata,
                "doc_id": source.doc_id,
                "chunk_id": chunk_id,
                "chunk_index": index,
                "title": source.title,
                "headings": headings,
                "start": start,
                "end": end,
            }
            chunks.append(Document(id=chunk_id, page_content=text[start:end], metadata=metadata))
    return chunks


def _below_title(headings: tuple[str, ...], title: str) -> tuple[str, ...]:
    """Heading path without an outermost heading that only repeats the title."""
    return headings[1:] if headings and fold(headings[0]).strip() == fold(title).strip() else headings


def _section_spans(text: str, section: Section, options: ChunkingOptions) -> list[Span]:
    units = section_units(text, section.blocks, options.longest)
    # Room is left for the overlap, so that chunks with it are about as long as chunks without.
    groups = pack(units, options.size - options.overlap, options.longest)
    spans = [(units[first].start, units[stop - 1].end) for first, stop in groups]
    if not options.overlap or len(spans) < 2:
        return spans
    starts = [start for block in section.blocks for start, _ in _sentences(text, block)]
    return [spans[0], *(_extended(span, before, starts, options) for before, span in itertools.pairwise(spans))]


def _extended(span: Span, before: Span, starts: Sequence[int], options: ChunkingOptions) -> Span:
    """``span`` begun earlier, at a sentence of the chunk before it."""
    start, end = span
    earliest = max(start - options.overlap, end - options.longest, before[0] + 1)
    at = bisect.bisect_left(starts, earliest)
    return (min(start, starts[at]) if at < len(starts) else start, end)


def section_units(text: str, blocks: Sequence[Block], limit: int) -> list[Unit]:
    """Units of the blocks of one section, each of at most ``limit`` characters, in source order."""
    units: list[Unit] = []
    announced = False
    for number, block in enumerate(blocks):
        cost = _AT_BLANK_LINE if block.after_blank else _BETWEEN_LINES
        if announced:
            cost = _AFTER_COLON
        units += [Unit(start, end, cost, number) for (start, end), cost in _block_units(text, block, limit, cost)]
        announced = text[block.end - 1] == ":"
    return units


def _block_units(text: str, block: Block, limit: int, cost: float) -> Iterator[tuple[Span, float]]:
    """Unbroken spans of one block and what a boundary before each costs."""
    if block.end - block.start <= limit:
        yield (block.start, block.end), cost
        return
    for part_start, part_end in block.parts:
        if part_end - part_start <= limit:
            yield (part_start, part_end), cost
        else:
            for start, end in sentence_spans(text, part_start, part_end):
                for piece in cut_at_space(text, start, end, limit):
                    yield piece, cost
                    cost = _INSIDE_SENTENCE
                cost = _BETWEEN_SENTENCES
        cost = _BETWEEN_ITEMS


def _sentences(text: str, block: Block) -> Iterator[Span]:
    for start, end in block.parts:
        yield from sentence_spans(text, start, end)


def cut_at_space(text: str, start: int, end: int, limit: int) -> Iterator[Span]:
    """Pieces of ``text[start:end]`` of at most ``limit`` characters, cut at the last white space that allows it.

    Without white space the cut falls at the limit, but not between a letter and the marks set over it.
    """
    while end - start > limit:
        stop = next((at for at in range(start + limit, start, -1) if text[at].isspace()), None)
        if stop is None:
            stop = start + limit
            lowest = max(start + 1, stop - _MOST_MARKS)
            stop = next((at for at in range(stop, lowest - 1, -1) if not unicodedata.combining(text[at])), stop)
        piece = text[start:stop].rstrip()
        yield start, start + len(piece)
        while text[stop].isspace():  # ends at ``end`` at the latest: the last character is not blank
            stop += 1
        start = stop
    yield start, end


def pack(units: Sequence[Unit], size: int, limit: int) -> list[tuple[int, int]]:
    """Divide consecutive units into chunks at the lowest total cost.

    A chunk costs 1, more if it is very short, plus the cost of the boundary before it. It spans at most ``size``
    characters, or ``limit`` if all its units come from one block; a single unit is always allowed. Dynamic programming
    over the last boundary, O(units x units a chunk).

    Returns:
        Ranges (first, stop) of unit numbers that cover all units in order.
    """
    short = size * _SHORT_SHARE
    best = [0.0] * (len(units) + 1)  # lowest cost of the units before each
    back = [0] * (len(units) + 1)  # first unit of the last chunk of that division
    for stop in range(1, len(units) + 1):
        last = units[stop - 1]
        lowest = float("inf")
        for first in range(stop - 1, -1, -1):
            unit = units[first]
            length = last.end - unit.start
            if length > size and first < stop - 1 and (length > limit or unit.block != last.block):
                break
            cost = best[first] + 1.0 + (unit.cost if first else 0.0) + (_SHORT_COST if length < short else 0.0)
            if cost < lowest:  # of equals the one whose earlier chunks are fullest
                lowest, back[stop] = cost, first
        best[stop] = lowest
    groups: list[tuple[int, int]] = []
    stop = len(units)
    while stop:
        groups.append((back[stop], stop))
        stop = back[stop]
    return groups[::-1]


def semantic_spans(
    text: str, found: Sequence[Section], embeddings: Embeddings, options: SemanticOptions
) -> list[list[Span]]:
    """Chunk spans of every section by the semantic method; a list or table that fits the maximum counts as a sentence.

    All sentences of the document are encoded in one call.
    """
    by_section = [list(_semantic_units(text, section, options.maximum)) for section in found]
    vectors = embeddings.embed_documents([text[start:end] for units in by_section for start, end in units])
    spans: list[list[Span]] = []
    at = 0
    for units in by_section:
        groups = group_sentences(vectors[at : at + len(units)], units, options)
        spans.append([(units[first][0], units[stop - 1][1]) for first, stop in groups])
        at += len(units)
    return spans


def _semantic_units(text: str, section: Section, maximum: int) -> Iterator[Span]:
    for block in section.blocks:
        if block.kind is not BlockKind.PARAGRAPH and block.end - block.start <= maximum:
            yield block.start, block.end
        else:
            for start, end in _sentences(text, block):
                yield from cut_at_space(text, start, end, maximum)
