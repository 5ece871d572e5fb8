"""JSON Lines files, plain or gzipped."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from rag.documents.readers.files import Found, Place, decode, unreadable
from rag.documents.rows import document_from_row
from retrievers.errors import InputError

# A line is one document, read into memory: the longest page of Wikipedia is about 2 MB. A longer line is another format
# (a JSON array, a binary file) or a decompression bomb.
MAX_LINE_BYTES = 64 * 2**20
# Text packs 3 to 10 times, repetitive tables 50; deflate's own limit is 1032. Beyond this a .gz is taken for a bomb...
MAX_GZIP_RATIO = 300
# ... once it has unpacked to this much, so that small files of any ratio pass.
GZIP_RATIO_FROM_BYTES = 64 * 2**20


def read_jsonl(path: Path) -> Iterator[Found]:
    """Documents of a .jsonl or .jsonl.gz file, one object a line; blank lines are passed over.

    Raises:
        InputError: a line is no JSON object or lacks a field (named by its number), the file is not UTF-8, or the
            archive is damaged.
    """
    try:
        with path.open("rb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield from _rows(path, unpacked, raw)
            else:
                yield from _rows(path, raw, None)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: the gzip archive is damaged or cut short ({error}); fetch or pack it anew"
        ) from error
    except OSError as error:
        raise unreadable(path, error) from error


def _rows(path: Path, lines: IO[bytes] | gzip.GzipFile, packed: IO[bytes] | None) -> Iterator[Found]:
    number = offset = 0
    while line := lines.readline(MAX_LINE_BYTES + 1):
        number += 1
        place = Place(str(path), "line", number)
        if len(line) > MAX_LINE_BYTES:
            raise InputError(
                f"{place}: the line is longer than {MAX_LINE_BYTES:,} bytes; expected JSON Lines, one document a line"
            )
        start, offset = offset, offset + len(line)
        if packed is not None and offset > GZIP_RATIO_FROM_BYTES and offset > MAX_GZIP_RATIO * packed.tell():
            raise InputError(
                f"{place}: the archive unpacks to more than {MAX_GZIP_RATIO} times its size, which no text does; "
                "unpack it yourself if you trust it"
            )
        if number == 1:
            if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                raise InputError(f"{place}: expected UTF-8, found UTF-16; save the file as UTF-8")
            line = line.removeprefix(codecs.BOM_UTF8)
        if line.strip():
            row = _object(decode(line, place, line=number, offset=start), place)
            yield Found(place, document_from_row(row, place))


def _object(line: str, place: Place) -> dict[str, object]:
    try:
        row = json.loads(line.rstrip(), parse_constant=_refuse)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{place}: broken JSON at character {error.pos + 1} ({error.msg}); expected one whole object a line"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{place}: JSON that cannot be read: {error}") from error
    if not isinstance(row, dict):
        raise InputError(f"{place}: expected a JSON object, found a value of type {type(row).__name__}")
    return row


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON value")
