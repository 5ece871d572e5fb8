"""Text written by the readers of .html and .docx: Markdown headings, items, pipe tables and fenced code.

Only what :mod:`rag.documents.structure` reads back is marked; bold, links and the like are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_SPACE = re.compile(r"[ \t\r\n\f\v]+")
# A cell spanning more columns is a mistake or an attack: a table is padded to its widest row.
MAX_COLUMNS = 200


def squeeze(text: str) -> str:
    """``text`` on one line, runs of plain white space made one space; non-breaking spaces stay."""
    return _SPACE.sub(" ", text).strip(" ")


class Outline:
    """Collects blocks and joins them by blank lines; items of one list follow each other line by line."""

    def __init__(self) -> None:
        self._blocks: list[tuple[str, bool]] = []  # text, whether it is part of a list

    def heading(self, level: int, text: str) -> None:
        """A heading of level 1 to 6."""
        if line := squeeze(text):
            self._blocks.append((f"{'#' * min(max(level, 1), 6)} {line}", False))

    def paragraph(self, text: str) -> None:
        """A paragraph; line breaks inside it stay."""
        lines = [squeeze(line) for line in text.split("\n")]
        if block := "\n".join(line for line in lines if line):
            self._blocks.append((block, False))

    def item(self, text: str, *, depth: int = 0, marker: str = "-") -> None:
        """A list item, ``depth`` lists deep; an empty marker continues the item above."""
        if line := squeeze(text):
            indent = "  " * min(depth, 10)
            self._blocks.append((f"{indent}{marker} {line}" if marker else f"{indent}  {line}", True))

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """A pipe table whose first row is its header; empty rows are left out."""
        cleaned = [[squeeze(cell).replace("|", "\\|") for cell in row[:MAX_COLUMNS]] for row in rows]
        cleaned = [row for row in cleaned if any(row)]
        if not cleaned:
            return
        width = max(map(len, cleaned))
        lines = [f"| {' | '.join([*row, *[''] * (width - len(row))])} |" for row in cleaned]
        lines.insert(1, f"| {' | '.join(['---'] * width)} |")
        self._blocks.append(("\n".join(lines), False))

    def code(self, text: str) -> None:
        """Preformatted text."""
        body = text.strip("\n")
        if body.strip():
            fence = "`" * max(3, *(len(run) + 1 for run in re.findall("`+", body)), 3)
            self._blocks.append((f"{fence}\n{body}\n{fence}", False))

    def text(self) -> str:
        """All blocks as one text."""
        parts: list[str] = []
        in_list = False
        for block, item in self._blocks:
            if parts:
                parts.append("\n" if item and in_list else "\n\n")
            parts.append(block)
            in_list = item
        return "".join(parts)
