"""PDF files: text of the pages put together into paragraphs."""

from __future__ import annotations

import io
import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from rag.documents.readers.files import read_whole, require
from rag.documents.readers.outline import squeeze
from rag.documents.rows import SourceDocument, make_document
from retrievers.analysis import fold, morph
from retrievers.errors import InputError

_LOGGER = logging.getLogger(__name__)

_PAGE_NUMBER = re.compile(r"[-–—\s]*(?:стр\.?\s*|с\.\s*)?\d{1,4}(?:\s*(?:из|/)\s*\d{1,4})?[-–—\s]*", re.IGNORECASE)
_ITEM = re.compile(r"(?:[-*•◦▪‣·–—]|\d{1,3}[.)]|[a-zа-яё]\))\s")
_BROKEN_WORD = re.compile(r"([^\W\d_]{1,60})[-\u00ad\u2010]\Z")
_BROKEN_TAIL = 61  # characters of it
_WORD_START = re.compile(r"[^\W\d_]+")
_ENDINGS = (".", "!", "?", "…", ":", ";")
# A line this much shorter than the page's lines was ended by the writer and not by the margin.
_FULL_LINE = 0.8
# A first or last line that stands on this many pages, and on half of all, is a running title.
_RUNNING_PAGES = 3
# What programs write as a title when nobody gave one: "Microsoft Word - otchet.doc", "Документ1".
_UNTITLED = re.compile(
    r"microsoft |untitled|без имени|документ\d*$|document\d*$|.*\.(?:docx?|rtf|tex|indd|qxd)$", re.IGNORECASE
)


def read_pdf(path: Path, doc_id: str) -> SourceDocument:
    """A .pdf file as text: lines joined into paragraphs, hyphenated words whole, page numbers and running titles out.

    The title is the document's own where somebody gave one, else the file's name. PDF marks no headings.

    Raises:
        MissingExtraError: pypdf is not installed.
        InputError: the file is damaged or locked, or its pages are pictures without text.
    """
    pypdf = require("pypdf", "Reading .pdf files")
    data = read_whole(path)
    try:
        reader = pypdf.PdfReader(io.BytesIO(data))
        locked = reader.is_encrypted and not reader.decrypt("")
    except pypdf.errors.DependencyError as error:
        raise InputError(
            f"{path}: is encrypted with AES; remove the encryption (qpdf --decrypt in.pdf out.pdf)"
        ) from error
    except Exception as error:
        raise _damaged(
            path, error
        ) from error  # pypdf lets KeyError, RecursionError and others through on damaged files
    if locked:
        raise InputError(f"{path}: is locked with a password; remove it (qpdf --password=… --decrypt in.pdf out.pdf)")
    try:
        pages = [page.extract_text() for page in reader.pages]
        title = squeeze(str((reader.metadata.title if reader.metadata else "") or ""))
    except Exception as error:
        raise _damaged(path, error) from error
    empty = [number for number, text in enumerate(pages, start=1) if not text.strip()]
    if len(empty) == len(pages):
        raise InputError(
            f"{path}: its {len(pages)} pages hold no text, they are probably scanned; recognise it first "
            "(ocrmypdf -l rus in.pdf out.pdf)"
        )
    if empty:
        _LOGGER.warning(
            "%s: no text on %d of %d pages (scanned?), first on page %d", path, len(empty), len(pages), empty[0]
        )
    if not title or _UNTITLED.match(title):
        title = path.stem
    return make_document(doc_id, title, join_pages([_clean(page) for page in pages]), {}, path)


def _damaged(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: cannot be read as PDF ({type(error).__name__}: {error}); print or save it anew")


def _clean(page: str) -> list[str]:
    """Lines of a page without NUL and half surrogates, which fonts without a table of characters give."""
    text = page.replace("\0", "").encode("utf-8", "ignore").decode()
    return [squeeze(line) for line in text.split("\n")]


def join_pages(pages: Sequence[Sequence[str]]) -> str:
    """Paragraphs, separated by blank lines, from the lines of each page.

    >>> print(join_pages([["Глубина озера Бай-", "кал велика."]]))
    Глубина озера Байкал велика.
    """
    paragraphs: list[list[str]] = []  # of each the pieces, which are put together once
    tail = ""  # how the last of them ends
    previous = ""  # the line joined last, to judge whether it was full
    width = 0
    for lines in _without_running_titles(pages):
        if filled := [len(line) for line in lines if line]:
            width = max(filled)
        # A new page goes on with a sentence, not with a paragraph whose last sentence is finished.
        blank = previous.endswith(_ENDINGS)
        for line in lines:
            if not line:
                blank = True
                continue
            if paragraphs and not blank and _continues(previous, line, width):
                end = _end_before(tail, line)
                paragraphs[-1][-1] = paragraphs[-1][-1][:-1] + end
                paragraphs[-1].append(line)
                tail = (tail[:-1] + end + line)[-_BROKEN_TAIL:]
            else:
                paragraphs.append([line])
                tail = line[-_BROKEN_TAIL:]
            previous, blank = line, False
    return "\n\n".join("".join(pieces) for pieces in paragraphs)


def _continues(previous: str, line: str, width: int) -> bool:
    """Whether ``line`` goes on with the paragraph that ``previous`` is a line of."""
    if _ITEM.match(line):
        return False
    if _broken_word(previous) or line[0].islower():
        return True
    full = len(previous) >= _FULL_LINE * width
    return full and not (previous.endswith(_ENDINGS) and len(previous) < 0.95 * width)


def _end_before(tail: str, line: str) -> str:
    """What the last character of a paragraph becomes where ``line`` goes on with it.

    A word broken by a hyphen is made whole where the dictionary knows it so; else a space stands between the lines.
    """
    head, rest = _broken_word(tail), _WORD_START.match(line)
    if not head or not rest:
        return f"{tail[-1]} "
    return "" if tail[-1] == "\u00ad" or _is_word(head + rest.group()) else tail[-1]


def _broken_word(text: str) -> str:
    """The letters before a hyphen at the end of ``text``; no more of them than a word has."""
    found = _BROKEN_WORD.search(text[-_BROKEN_TAIL:])
    return found.group(1) if found else ""


def _is_word(word: str) -> bool:
    if word.isascii():  # the dictionary is Russian; other hyphens rarely stand between small Latin letters
        return word.islower()
    return bool(morph().word_is_known(fold(word)))


def _without_running_titles(pages: Sequence[Sequence[str]]) -> Iterator[list[str]]:
    """Lines of each page without page numbers and without titles repeated at the top or bottom of the pages."""
    trimmed = [_trim(page) for page in pages]
    edges: Counter[str] = Counter()
    for page in trimmed:
        edges.update({_shape(page[index]) for index in (0, -1) if page})
    often = max(_RUNNING_PAGES, (len(pages) + 1) // 2)
    for page in trimmed:
        lines = list(page)
        for index in (0, -1):
            if lines and (edges[_shape(lines[index])] >= often or _PAGE_NUMBER.fullmatch(lines[index])):
                lines.pop(index)
        yield lines


def _shape(line: str) -> str:
    return re.sub(r"\d+", "0", line)


def _trim(page: Sequence[str]) -> list[str]:
    """The page without blank lines at its ends."""
    filled = [index for index, line in enumerate(page) if line]
    return list(page[filled[0] : filled[-1] + 1]) if filled else []
