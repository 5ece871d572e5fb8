"""Word documents."""

from __future__ import annotations

import io
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rag.documents.readers.files import read_whole, require
from rag.documents.readers.outline import Outline, squeeze
from rag.documents.rows import SourceDocument, make_document
from retrievers.errors import InputError

# A .docx is a zip archive that is unpacked into memory: a thousand pages are some 20 MB of XML, pictures come on top.
MAX_UNPACKED_BYTES = 512 * 2**20
# Parts (pages, styles, pictures) of the archive; a large document has a few hundred.
MAX_PARTS = 20_000
_Found = TypeVar("_Found")
_HEADING_STYLE = re.compile(r"heading ([1-9])", re.IGNORECASE)
_OLE_MAGIC = b"\xd0\xcf\x11\xe0"  # Word 97-2003, and .docx files locked with a password


def read_docx(path: Path, doc_id: str) -> SourceDocument:
    """A .docx file as text: headings as ``#`` lines, list items, tables as pipe tables, inserted revisions included.

    The title is the paragraph in the style Title, else the first heading, else the document's property, else the
    file's name.

    Raises:
        MissingExtraError: python-docx is not installed.
        InputError: the file is no Word document, is locked with a password, or unpacks beyond the limits.
    """
    docx = require("docx", "Reading .docx files")
    data = read_whole(path)
    _check_archive(data, path)
    try:
        document = docx.Document(io.BytesIO(data))
        writer = _Writer(document)
        text = writer.text()
        title = writer.title or squeeze(document.core_properties.title or "") or path.stem
    except Exception as error:
        # python-docx lets KeyError, ValueError and lxml's errors through on a damaged archive.
        raise InputError(f"{path}: cannot be read as a Word document ({error!r}); open and save it anew") from error
    return make_document(doc_id, title, text, {}, path)


def _check_archive(data: bytes, path: Path) -> None:
    if data.startswith(_OLE_MAGIC):
        raise InputError(
            f"{path}: locked with a password, or in the format of Word 97-2003; save it as .docx without a password"
        )
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = archive.infolist()
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: no Word document, or a damaged one ({error}); open and save it anew") from error
    unpacked = sum(part.file_size for part in parts)  # zipfile unpacks no more than a part declares
    if unpacked > MAX_UNPACKED_BYTES or len(parts) > MAX_PARTS:
        raise InputError(
            f"{path}: unpacks to {unpacked:,} bytes in {len(parts):,} parts, more than a document may have "
            f"({MAX_UNPACKED_BYTES:,} bytes, {MAX_PARTS:,} parts); split it or take the pictures out"
        )


class _Writer:
    """Walks the body's XML: python-docx's own iteration leaves out content controls and tracked insertions."""

    def __init__(self, document: Any) -> None:
        from docx.oxml.ns import qn

        self._qn = qn
        self._document = document
        self._styles: dict[str | None, _Style] = {}
        self._formats: dict[tuple[str, int], str | None] = {}
        self._outline = Outline()
        self._counters: Counter[tuple[str, int]] = Counter()
        self._first_heading = ""
        self.title = ""

    def text(self) -> str:
        self._container(self._document.element.body)
        self.title = self.title or self._first_heading
        return self._outline.text()

    def _container(self, element: Any) -> None:
        qn = self._qn
        for child in element:
            if child.tag == qn("w:p"):
                self._paragraph(child)
            elif child.tag == qn("w:tbl"):
                self._table(child)
            elif child.tag == qn("w:sdt") and not self._is_contents(child):
                for content in child.findall(qn("w:sdtContent")):
                    self._container(content)
            elif child.tag in {qn("w:ins"), qn("w:moveTo"), qn("w:customXml"), qn("w:smartTag")}:
                self._container(child)

    def _is_contents(self, control: Any) -> bool:
        """Whether a content control is the table of contents, which repeats the headings."""
        gallery = control.find(f".//{self._qn('w:docPartGallery')}")
        return gallery is not None and gallery.get(self._qn("w:val")) == "Table of Contents"

    def _paragraph(self, element: Any) -> None:
        style = self._style_of(element)
        text = self._text(element)
        level = _heading_level(element, style)
        numbering = self._numbering(element, style)
        if level == 0 and squeeze(text):
            self.title = self.title or squeeze(text)
            self._outline.heading(1, text)
        elif level:
            self._first_heading = self._first_heading or squeeze(text)
            self._outline.heading(level, text)
        elif numbering:
            depth, marker = numbering
            self._outline.item(text, depth=depth, marker=marker)
        else:
            self._outline.paragraph(text)
        for box in element.iter(self._qn("w:txbxContent")):
            # Text boxes come twice, the second time in a fallback for old versions of Word.
            if not any(parent.tag.endswith("}Fallback") for parent in box.iterancestors()):
                self._container(box)

    def _text(self, element: Any) -> str:
        return "".join(self._pieces(element))

    def _pieces(self, element: Any) -> Iterator[str]:
        qn = self._qn
        for child in element:
            if child.tag == qn("w:t"):
                yield child.text or ""
            elif child.tag in {qn("w:tab"), qn("w:ptab")} and element.tag == qn("w:r"):
                yield "\t"
            elif child.tag in {qn("w:br"), qn("w:cr")}:
                yield "\n"
            elif child.tag == qn("w:noBreakHyphen"):
                yield "\u2011"
            elif child.tag == qn("w:softHyphen"):
                yield "\u00ad"
            elif child.tag not in {qn("w:txbxContent"), qn("w:del"), qn("w:moveFrom"), qn("w:pPr"), qn("w:rPr")} and (
                isinstance(child.tag, str) and not child.tag.endswith("}Fallback")
            ):
                yield from self._pieces(child)

    def _style_of(self, element: Any) -> _Style:
        """The style of a paragraph, looked up once: python-docx searches all styles for it."""
        from docx.enum.style import WD_STYLE_TYPE

        if element.style not in self._styles:
            style = self._document.part.get_style(element.style, WD_STYLE_TYPE.PARAGRAPH)
            self._styles[element.style] = _Style.of(style)
        return self._styles[element.style]

    def _numbering(self, element: Any, style: _Style) -> tuple[int, str] | None:
        """Depth and marker of a list item; None for other paragraphs."""
        properties = _numbering_properties(element) or style.numbering
        if properties is None:
            if style.name.startswith("List Bullet"):
                return 0, "-"
            return None
        number, depth = properties
        if number == "0":  # numbering switched off
            return None
        if properties not in self._formats:
            self._formats[properties] = self._number_format(number, depth)
        format_ = self._formats[properties]
        if format_ in {None, "bullet", "none"} or style.name.startswith("List Bullet"):
            return depth, "-"
        for deeper in range(depth + 1, 10):
            self._counters.pop((number, deeper), None)
        self._counters[number, depth] += 1
        return depth, f"{self._counters[number, depth]}."

    def _number_format(self, number: str, depth: int) -> str | None:
        qn = self._qn
        part = next(
            (rel.target_part for rel in self._document.part.rels.values() if rel.reltype.endswith("/numbering")), None
        )
        if part is None:
            return None
        root = part.element
        for instance in root.findall(qn("w:num")):
            if instance.get(qn("w:numId")) != number:
                continue
            reference = instance.find(qn("w:abstractNumId"))
            for abstract in root.findall(qn("w:abstractNum")):
                if reference is None or abstract.get(qn("w:abstractNumId")) != reference.get(qn("w:val")):
                    continue
                for level in abstract.findall(qn("w:lvl")):
                    format_ = level.find(qn("w:numFmt"))
                    if level.get(qn("w:ilvl")) == str(depth) and format_ is not None:
                        return str(format_.get(qn("w:val")))
        return None

    def _table(self, element: Any) -> None:
        qn = self._qn
        rows = [row.findall(qn("w:tc")) for row in element.iter(qn("w:tr")) if row.getparent() is element]
        if max(map(len, rows), default=0) < 2 or element.find(f".//{qn('w:tbl')}") is not None:
            for row in rows:  # a frame around text, or a layout of tables
                for cell in row:
                    self._container(cell)
            return
        self._outline.table([[text for cell in row for text in self._cell(cell)] for row in rows])

    def _cell(self, cell: Any) -> list[str]:
        """The cell's text, and an empty text for every further column it spans."""
        qn = self._qn
        text = " ".join(filter(None, (squeeze(self._text(paragraph)) for paragraph in cell.iter(qn("w:p")))))
        span = cell.find(f"{qn('w:tcPr')}/{qn('w:gridSpan')}")
        width = str(span.get(qn("w:val"))) if span is not None else "1"
        return [text, *[""] * (min(int(width), 50) - 1 if width.isascii() and width.isdigit() else 0)]


@dataclass(frozen=True, slots=True)
class _Style:
    """What a paragraph's style says, or those it is based on.

    Args:
        name: of the style.
        heading: 1 to 9 by the style's name, 0 for the document's title, None for others.
        outline: level from 0, None where none is set.
        numbering: identity of the numbering and depth, None where there is none.
    """

    name: str
    heading: int | None
    outline: int | None
    numbering: tuple[str, int] | None

    @classmethod
    def of(cls, style: Any) -> _Style:
        chain: list[Any] = []
        while style is not None and len(chain) < 20:  # a damaged file may have a circle of styles
            chain.append(style)
            style = style.base_style
        names = [one.name or "" for one in chain]
        elements = [one.element for one in chain]
        return cls(
            name=names[0] if names else "",
            heading=_first(map(_heading_of_name, names)),
            outline=_first(map(_outline_level, elements)),
            numbering=_first(map(_numbering_properties, elements)),
        )


def _first(found: Iterable[_Found | None]) -> _Found | None:
    return next((one for one in found if one is not None), None)


def _heading_of_name(name: str) -> int | None:
    if name == "Title":
        return 0
    match = _HEADING_STYLE.fullmatch(name)
    return int(match.group(1)) if match else None


def _heading_level(element: Any, style: _Style) -> int | None:
    """1 to 9 for a heading, 0 for the document's title, None for body text."""
    if style.heading is not None:
        return style.heading
    level = _outline_level(element)
    level = style.outline if level is None else level
    return level + 1 if level is not None and level < 9 else None


def _outline_level(holder: Any) -> int | None:
    """Level that a paragraph or style sets itself."""
    from docx.oxml.ns import qn

    outline = holder.find(f"{qn('w:pPr')}/{qn('w:outlineLvl')}")
    return None if outline is None else _small_number(outline.get(qn("w:val")))


def _numbering_properties(holder: Any) -> tuple[str, int] | None:
    """Identity of the numbering and depth that a paragraph or style sets itself."""
    from docx.oxml.ns import qn

    properties = holder.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
    number = None if properties is None else properties.find(qn("w:numId"))
    if properties is None or number is None:
        return None
    level = properties.find(qn("w:ilvl"))
    depth = None if level is None else _small_number(level.get(qn("w:val")))
    return str(number.get(qn("w:val"))), depth or 0


def _small_number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isascii() and text.isdigit() and len(text) < 4 else None
