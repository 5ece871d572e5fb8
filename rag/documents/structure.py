"""Sections and blocks of a text: headings, paragraphs, lists, tables and code, with offsets into the source.

Two heading syntaxes are read: Markdown ``## Раздел`` and Wikipedia ``== Раздел ==``; readers of other formats write
Markdown headings. Markdown is not rendered: a block is a stretch of the source text, so that offsets stay real.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

Span = tuple[int, int]

_MARKDOWN_HEADING = re.compile(r"[ ]{0,3}(#{1,6})[ \t]+(\S.*)")
_WIKI_HEADING = re.compile(r"(={1,6})([^=].*?)(?<!=)\1")
_FENCE = re.compile(r"[ ]{0,3}(`{3,}(?=[^`]*$)|~{3,})")
_ITEM = re.compile(r"\s*(?:[-*+•◦▪‣·–—]|\d{1,3}[.)]|[a-zа-яё]\))[ \t]+\S")
_TABLE_RULE = re.compile(r"\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)+\|?")
# Text wrapped by an editor or a mail client has lines of this many characters; wider lines are paragraphs.
_WRAPPED_WIDTH = range(50, 131)


class BlockKind(StrEnum):
    """What a block is."""

    PARAGRAPH = "paragraph"
    LIST = "list"
    TABLE = "table"
    CODE = "code"


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph, list, table or fenced code.

    Args:
        kind: what it is.
        start: offset of its first non-blank character in the source text.
        end: offset just past its last non-blank character.
        parts: spans it may be divided at without harm: list items, table rows, lines of code; a paragraph is one part.
        after_blank: whether a blank line or a heading stands before it.
    """

    kind: BlockKind
    start: int
    end: int
    parts: tuple[Span, ...]
    after_blank: bool


@dataclass(frozen=True, slots=True)
class Section:
    """The blocks between two headings.

    Args:
        headings: path of headings above the blocks, outermost first; empty before the first heading.
        level: level of the innermost heading, 1 to 6; 0 before the first heading.
        blocks: in source order; empty where another heading follows at once.
    """

    headings: tuple[str, ...]
    level: int
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class _Line:
    start: int  # of the line's first non-blank character
    end: int  # just past its last non-blank character; start == end for a blank line
    indent: int
    text: str  # the whole line, trimmed on the right


def sections(text: str) -> list[Section]:
    r"""Divide ``text`` at its headings.

    >>> [section.headings for section in sections("Начало.\n\n## Лёд\n\nТолстый.\n\n### Весной\n\nТает.")]
    [(), ('Лёд',), ('Лёд', 'Весной')]

    Headings inside fenced code are code. A fence that is never closed is text, so that a stray one hides no heading.
    """
    found: list[Section] = []
    path: list[tuple[int, str]] = []
    body: list[_Line | tuple[_Line, ...]] = []

    def close() -> None:
        if body or path:
            headings = tuple(title for _, title in path)
            found.append(Section(headings, path[-1][0] if path else 0, _with_whole_lists(_blocks(body))))

    for item in _lines_and_fences(text):
        heading = _heading(item) if isinstance(item, _Line) else None
        if heading is None:
            body.append(item)
            continue
        close()
        body = []
        level, _ = heading
        while path and path[-1][0] >= level:
            path.pop()
        path.append(heading)
    close()
    return found


def _heading(line: _Line) -> tuple[int, str] | None:
    """Level and title of a heading line."""
    if line.start == line.end:
        return None
    first = line.text[line.indent]
    if first == "#":
        match = _MARKDOWN_HEADING.fullmatch(line.text)
        title = _without_closing_hashes(match.group(2)) if match else ""
    elif first == "=":
        match = _WIKI_HEADING.fullmatch(line.text.strip())
        title = match.group(2).strip() if match else ""
    else:
        return None
    return (len(match.group(1)), title) if match and title else None


def _without_closing_hashes(title: str) -> str:
    """``"Лёд ##"`` is the heading «Лёд», ``"C#"`` is whole."""
    bare = title.rstrip("#")
    return bare.rstrip() if not bare or bare[-1] in " \t" else title


def _lines(text: str) -> Iterator[_Line]:
    at = 0
    while at < len(text):
        stop = text.find("\n", at)
        stop = len(text) if stop < 0 else stop
        line = text[at:stop].rstrip()
        indent = len(line) - len(line.lstrip())
        yield _Line(at + indent, at + len(line), indent, line)
        at = stop + 1


def _lines_and_fences(text: str) -> Iterator[_Line | tuple[_Line, ...]]:
    """Lines, with those of a fenced code block taken together."""
    lines = list(_lines(text))
    unclosed: dict[str, int] = {}  # shortest fence of each character known to have no closing line below
    at = 0
    while at < len(lines):
        line = lines[at]
        fence = _FENCE.match(line.text) if line.text.lstrip()[:3] in ("```", "~~~") else None
        if fence and len(fence.group(1)) < unclosed.get(fence.group(1)[0], len(text) + 1):
            mark = fence.group(1)
            stop = next((index for index in range(at + 1, len(lines)) if _closes(lines[index], mark)), None)
            if stop is not None:
                yield tuple(lines[at : stop + 1])
                at = stop + 1
                continue
            unclosed[mark[0]] = len(mark)
        yield line
        at += 1


def _closes(line: _Line, mark: str) -> bool:
    text = line.text.lstrip()
    return len(text) >= len(mark) and line.indent <= 3 and not text.strip(mark[0])


def _blocks(body: list[_Line | tuple[_Line, ...]]) -> Iterator[Block]:
    """Blocks of one section, from its lines and fenced code."""
    at = 0
    after_blank = True
    while at < len(body):
        item = body[at]
        if isinstance(item, tuple):
            yield _block(
                BlockKind.CODE, [(line.start, line.end) for line in item if line.end > line.start], after_blank
            )
            at, after_blank = at + 1, False
            continue
        if item.start == item.end:
            at, after_blank = at + 1, True
            continue
        run = [item]
        for following in map(body.__getitem__, range(at + 1, len(body))):  # a slice would copy all that is left
            if isinstance(following, tuple) or following.start == following.end:
                break
            run.append(following)
        at += len(run)
        yield from _blocks_of_run(run, after_blank)
        after_blank = False


def _with_whole_lists(blocks: Iterable[Block]) -> tuple[Block, ...]:
    """Blocks with a list whose items stand apart by blank lines made one."""
    merged: list[Block] = []
    for block in blocks:
        if merged and block.kind is merged[-1].kind is BlockKind.LIST:
            merged[-1] = _block(BlockKind.LIST, [*merged[-1].parts, *block.parts], merged[-1].after_blank)
        else:
            merged.append(block)
    return tuple(merged)


def _block(kind: BlockKind, parts: list[Span], after_blank: bool) -> Block:
    return Block(kind, parts[0][0], parts[-1][1], tuple(parts), after_blank)


def _blocks_of_run(run: list[_Line], after_blank: bool) -> Iterator[Block]:
    """Blocks of consecutive non-blank lines."""
    kinds = _line_kinds(run)
    at = 0
    while at < len(run):
        kind = kinds[at]
        stop = at + 1
        while stop < len(run) and kinds[stop] == kind:
            stop += 1
        lines = run[at:stop]
        blank = after_blank and at == 0
        if kind is BlockKind.PARAGRAPH:
            for index, paragraph in enumerate(_paragraphs(lines)):
                yield _block(kind, [paragraph], blank and index == 0)
        elif kind is BlockKind.LIST:
            items: list[Span] = []
            for line in lines:
                if items and not _ITEM.match(line.text):
                    items[-1] = (items[-1][0], line.end)
                else:
                    items.append((line.start, line.end))
            yield _block(kind, items, blank)
        else:
            yield _block(kind, [(line.start, line.end) for line in lines], blank)
        at = stop


def _line_kinds(run: list[_Line]) -> list[BlockKind]:
    kinds: list[BlockKind] = []
    for index, line in enumerate(run):
        previous = kinds[-1] if kinds else None
        following = run[index + 1].text.strip() if index + 1 < len(run) else ""
        if line.text[line.indent] == "|" or (
            "|" in line.text and (previous is BlockKind.TABLE or _TABLE_RULE.fullmatch(following))
        ):
            kinds.append(BlockKind.TABLE)
        elif _ITEM.match(line.text) or (previous is BlockKind.LIST and line.indent >= 2):
            kinds.append(BlockKind.LIST)
        else:
            kinds.append(BlockKind.PARAGRAPH)
    return kinds


def _paragraphs(lines: list[_Line]) -> list[Span]:
    """Paragraphs of consecutive plain lines: one a line, unless the lines were wrapped at a fixed width.

    A line break was a wrap when the next line's first word would not have fitted any more.
    """
    width = max(len(line.text) for line in lines)
    if len(lines) == 1 or width not in _WRAPPED_WIDTH:
        return [(line.start, line.end) for line in lines]
    paragraphs = [(lines[0].start, lines[0].end)]
    for previous, line in itertools.pairwise(lines):
        first_word = line.text.split(maxsplit=1)[0]
        if len(previous.text) + 1 + len(first_word) > width:
            paragraphs[-1] = (paragraphs[-1][0], line.end)
        else:
            paragraphs.append((line.start, line.end))
    return paragraphs
