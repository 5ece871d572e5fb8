"""The pages that questions are about, paragraph by paragraph, in the form in which they are searched."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.reading import parse_line, raw_lines
from retrievers.analysis import fold
from retrievers.errors import InputError


@dataclass(frozen=True, slots=True)
class Page:
    """A page.

    Args:
        title: folded.
        text: folded, a paragraph a line.
    """

    title: str
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """Those that are not empty, in the order of the text."""
        return self.text.splitlines()

    def holding(self, evidence: str) -> Iterator[str]:
        """Paragraphs in which these words stand as they are, but for case, ё, stress marks and spaces."""
        wanted = squeeze(evidence)
        return (paragraph for paragraph in self.paragraphs if wanted in paragraph)


def read_pages(path: Path) -> dict[str, Page]:
    """Pages by doc_id, from JSON Lines with ``doc_id``, ``title`` and ``text``, compressed or not.

    Raises:
        InputError: naming the line and the field of what is wrong.
    """
    pages: dict[str, Page] = {}
    for number, raw in raw_lines(path):
        if not raw.strip():
            continue
        row = parse_line(path, number, raw)
        paragraphs = (squeeze(line) for line in row.optional_text("text").splitlines())
        pages[row.identifier("doc_id")] = Page(
            squeeze(row.optional_text("title")), "\n".join(paragraph for paragraph in paragraphs if paragraph)
        )
    if not pages:
        raise InputError(f"{path}: holds no pages")
    return pages


def squeeze(text: str) -> str:
    """Folded text with single spaces."""
    return " ".join(fold(text).split())
