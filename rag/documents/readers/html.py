"""HTML pages."""

from __future__ import annotations

import codecs
import re
from pathlib import Path
from typing import Any

from rag.documents.readers.files import Place, decode, read_whole, require
from rag.documents.readers.outline import MAX_COLUMNS, Outline, squeeze
from rag.documents.rows import SourceDocument, make_document
from retrievers.errors import InputError

_HEADINGS = {f"h{level}": level for level in range(1, 7)}
# fmt: off
_LEFT_OUT = frozenset({
    "script", "style", "noscript", "template", "svg", "math", "canvas", "iframe", "object", "nav", "head",
    "select", "button", "input", "textarea",
})
_BLOCKS = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dialog", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "header", "hgroup", "hr", "html", "legend", "main", "p",
    "search", "section", "summary", "tbody", "td", "tfoot", "th", "thead", "tr",
})
# fmt: on
# Deeper markup is generated or hostile; its text is taken without structure instead of exhausting the stack.
_MAX_DEPTH = 150
# As Python names them. «punycode», «idna» and «undefined» are no encodings of pages.
_CHARSET = re.compile(
    r"ascii|utf-8(?:-sig)?|utf-(?:16|32)(?:-[lb]e)?|cp\d{3,4}|koi8-[rtu]|iso8859-\d{1,2}|mac-\w+|tis-620|ptcp154|kz1048"
    r"|gb\w+|big5\w*|euc_\w+|shift_jis\w*|iso2022_\w+|johab|hz"
)
_BLANK_SPACE = re.compile(r"[ \t\r\n\f]+")


def read_html(path: Path, doc_id: str) -> SourceDocument:
    """A .html page as text: headings as ``#`` lines, lists, tables as pipe tables, scripts and navigation left out.

    The part under ``<main>`` is taken where there is one. The title is the first ``<h1>``, else ``<title>``, else the
    file's name.

    Raises:
        MissingExtraError: beautifulsoup4 or lxml is not installed.
        InputError: the page is in no encoding it names, nor UTF-8.
    """
    soup_module = require("bs4", "Reading .html files")
    require("lxml", "Reading .html files")
    markup = _markup(read_whole(path), path)
    soup = soup_module.BeautifulSoup(markup, "lxml")
    heading = soup.find("h1")
    named = (squeeze(tag.get_text()) for tag in (heading, soup.title) if tag is not None)
    title = next((name for name in named if name), path.stem)
    root = soup.find("main") or soup.body or soup
    return make_document(doc_id, title, _Walker(soup_module).text_of(root), {}, path)


def _markup(data: bytes, path: Path) -> str:
    """The page decoded as it says itself (byte order mark, then ``<meta charset>``), else as UTF-8."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        declared: str | None = "utf-16"
    elif data.startswith(codecs.BOM_UTF8):
        declared, data = None, data.removeprefix(codecs.BOM_UTF8)
    else:
        dammit = require("bs4.dammit", "Reading .html files")
        declared = dammit.EncodingDetector.find_declared_encoding(data, is_html=True)
    if declared and declared.lower().replace("_", "-") not in {"utf-8", "utf8"}:
        if not _is_charset(declared):
            raise InputError(f"{path}: the page declares an unknown encoding, {declared!r}; save it as UTF-8")
        try:
            return data.decode(declared)
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}: the page declares {declared}, but byte 0x{data[error.start]:02x} at offset {error.start} "
                'is none of it; save it as UTF-8 with <meta charset="utf-8">'
            ) from error
    return decode(data, Place(str(path)))


def _is_charset(name: str) -> bool:
    """Whether pages come in this encoding; Python knows others, some of which take quadratic time."""
    try:
        return _CHARSET.fullmatch(codecs.lookup(name).name) is not None
    except (LookupError, ValueError):  # no such name, or characters that no name has
        return False


class _Walker:
    """Walks a tree of tags and writes its blocks into an outline."""

    def __init__(self, soup_module: Any) -> None:
        self._text_type = soup_module.NavigableString
        self._tag_type = soup_module.Tag
        self._outline = Outline()
        self._inline: list[str] = []
        self._lists: list[int | None] = []  # number of the last item of every open list; None in a bulleted one
        self._marker = ""

    def text_of(self, root: Any) -> str:
        self._children(root, 0)
        self._flush()
        return self._outline.text()

    def _flush(self) -> None:
        """End the paragraph or item being collected."""
        text = "".join(self._inline)
        self._inline.clear()
        if not text.strip():
            return
        if self._lists:
            self._outline.item(text, depth=len(self._lists) - 1, marker=self._marker)
            self._marker = ""
        else:
            self._outline.paragraph(text)

    def _children(self, node: Any, depth: int) -> None:
        for child in node.children:
            if type(child) is self._text_type:
                self._inline.append(_BLANK_SPACE.sub(" ", child))
            elif isinstance(child, self._tag_type):
                self._tag(child, depth + 1)

    def _tag(self, tag: Any, depth: int) -> None:
        name = tag.name
        if name in _LEFT_OUT or tag.has_attr("hidden"):
            return
        if depth > _MAX_DEPTH:
            self._inline.append(f" {squeeze(tag.get_text(' '))} ")
        elif name in _HEADINGS:
            self._flush()
            self._outline.heading(_HEADINGS[name], tag.get_text())
        elif name == "br":
            self._inline.append("\n")
        elif name == "pre":
            self._flush()
            self._outline.code(tag.get_text())
        elif name == "table":
            self._flush()
            self._table(tag, depth)
        elif name in {"ul", "ol", "menu"}:
            self._flush()
            self._lists.append(0 if name == "ol" else None)
            self._children(tag, depth)
            self._flush()
            self._lists.pop()
        elif name == "li":
            self._flush()
            self._marker = self._next_marker()
            self._children(tag, depth)
            self._flush()
        elif name in _BLOCKS:
            self._flush()
            self._children(tag, depth)
            self._flush()
        else:
            self._children(tag, depth)

    def _next_marker(self) -> str:
        if not self._lists or self._lists[-1] is None:
            return "-"
        self._lists[-1] += 1
        return f"{self._lists[-1]}."

    def _table(self, table: Any, depth: int) -> None:
        """A table of data becomes a pipe table; one that lays out a page is walked like any block."""
        rows = [row for row in table.find_all("tr") if row.find_parent("table") is table]
        cells = [row.find_all(["td", "th"], recursive=False) for row in rows]
        layout = table.find(["table", "p", "ul", "ol", "pre", *_HEADINGS]) is not None
        if layout and table.find("table") is None:  # paragraphs inside cells of data are common
            layout = table.find(list(_HEADINGS)) is not None
        if layout or max(map(len, cells), default=0) < 2:
            open_lists, self._lists = self._lists, []
            self._children(table, depth)
            self._flush()
            self._lists = open_lists
            return
        caption = table.find("caption")
        if caption is not None:
            self._outline.paragraph(squeeze(caption.get_text(" ")))
        self._outline.table(_grid(cells))


def _grid(rows: list[list[Any]]) -> list[list[str]]:
    """Cell texts by row and column; a cell that spans several stands in the first of them."""
    grid: list[list[str]] = []
    below: dict[int, int] = {}  # column -> rows still covered by a cell above
    for row in rows:
        line: list[str] = []
        waiting = list(row)
        while len(line) < MAX_COLUMNS and (waiting or any(column >= len(line) for column in below)):
            column = len(line)
            if column in below:
                below[column] -= 1
                if not below[column]:
                    del below[column]
                line.append("")
                continue
            if not waiting:
                line.append("")
                continue
            cell = waiting.pop(0)
            width = min(_span(cell, "colspan"), MAX_COLUMNS - column)
            if (height := _span(cell, "rowspan") - 1) > 0:
                below.update(dict.fromkeys(range(column, column + width), height))
            line += [cell.get_text(" "), *[""] * (width - 1)]
        grid.append(line)
    return grid


def _span(cell: Any, attribute: str) -> int:
    value = str(cell.get(attribute, "1")).strip()
    return max(1, int(value)) if value.isascii() and value.isdigit() and len(value) < 6 else 1
