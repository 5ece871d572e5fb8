"""What the readers share: where a document stands, whole files within limits, and text decoded or refused."""

from __future__ import annotations

import codecs
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from rag.documents.rows import SourceDocument
from retrievers.errors import InputError, MissingExtraError

# A .txt, .md, .html, .pdf or .docx file is read into memory as one document, several times over while it is taken
# apart. «Война и мир» is 6 MB of UTF-8; what is larger than this is a dump to be turned into JSONL, one row a document.
MAX_FILE_BYTES = 256 * 2**20
# The encodings Russian files come in when they are not UTF-8, most frequent first.
_OLD_ENCODINGS = ("windows-1251", "koi8-r", "cp866", "mac-cyrillic", "iso8859-5")
_FREQUENT_LETTERS = frozenset("оеаинтсрвлк")
_GUESS_BYTES = 4000


class Place(NamedTuple):
    """Where a document stands: a file, or a line or row of one."""

    path: str
    unit: str = ""
    number: int = 0

    def __str__(self) -> str:
        return f"{self.path}, {self.unit} {self.number}" if self.unit else self.path


class Found(NamedTuple):
    """A document and where it was found."""

    place: Place
    source: SourceDocument


FileReader = Callable[[Path, str], SourceDocument]


def require(module: str, feature: str) -> Any:
    """Import an optional module.

    Raises:
        MissingExtraError: it is not installed; the message names the extra that brings it.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != module.partition(".")[0]:
            raise
        raise MissingExtraError(feature, "docs") from error


def read_whole(path: Path) -> bytes:
    """The bytes of a file of up to :data:`MAX_FILE_BYTES`.

    Raises:
        InputError: the file is larger or cannot be read.
    """
    try:
        size = path.stat().st_size
        if size > MAX_FILE_BYTES:
            raise InputError(
                f"{path}: {size:,} bytes is more than one document may have ({MAX_FILE_BYTES:,}); "
                "split it, or turn it into JSONL with one document a line"
            )
        return path.read_bytes()
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> InputError:
    """The error for a file that the system will not open or read."""
    return InputError(f"{path}: cannot be read: {error.strerror or error}; check that it exists and is yours to read")


def read_text(path: Path) -> str:
    """Text of a UTF-8 file (or UTF-16 with its byte order mark), line ends made line feeds.

    Raises:
        InputError: the bytes are no text in these encodings.
    """
    data = read_whole(path)
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        try:
            text = data.decode("utf-16")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: broken UTF-16 at byte {error.start}; save the file as UTF-8") from error
    else:
        text = decode(data.removeprefix(codecs.BOM_UTF8), Place(str(path)))
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode(data: bytes, place: Place, *, line: int = 1, offset: int = 0) -> str:
    """UTF-8 bytes as text.

    Args:
        data: the bytes.
        place: the file, for messages.
        line: number of the first line of ``data`` in the file.
        offset: offset of ``data`` in the file, in bytes.

    Raises:
        InputError: the bytes are not UTF-8; says where, and in which encoding they make Russian text.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        number = line + data.count(b"\n", 0, error.start)
        guess = _guess_encoding(data[max(0, error.start - _GUESS_BYTES) : error.start + _GUESS_BYTES])
        advice = (
            f"it reads as {guess}: convert it with  iconv -f {guess} -t utf-8 '{place.path}' > new-file"
            if guess
            else "save the file as UTF-8"
        )
        raise InputError(
            f"{place.path}, line {number}: expected UTF-8, found byte 0x{data[error.start]:02x} "
            f"at offset {offset + error.start} of the file; {advice}"
        ) from error


def _guess_encoding(data: bytes) -> str | None:
    """The old encoding in which ``data`` looks most like Russian, if any does."""

    def share(encoding: str) -> float:
        letters = [char for char in data.decode(encoding, errors="replace") if ord(char) > 0x7F]
        return sum(char in _FREQUENT_LETTERS for char in letters) / max(1, len(letters))

    best = max(_OLD_ENCODINGS, key=share)
    # The eleven letters make up three quarters of any Russian text and, by chance, a few hundredths of other bytes.
    return best if share(best) > 0.4 else None
