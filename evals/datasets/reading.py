"""What the loaders read: rows of JSON Lines, Parquet and TSV files, JSON files, and checked fields of a row.

Every message names the file, the line (or row, or path inside a JSON file) and the field.
"""

from __future__ import annotations

import codecs
import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from rag.documents.readers.files import Place, decode, require, unreadable
from retrievers.errors import InputError

ROW_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".parquet")
_ROWS_AT_ONCE = 1024


@dataclass(frozen=True, slots=True)
class Row:
    """A record and where it stands.

    Args:
        place: file and line, for messages.
        fields: as read, unchecked.
    """

    place: str
    fields: dict[str, Any]

    def text(self, name: str) -> str:
        """A field that must be text with something in it."""
        value = self.fields.get(name)
        if not isinstance(value, str) or not value.strip():
            raise self.wrong(name, "text", value)
        return value

    def optional_text(self, name: str) -> str:
        """A field of text that may be empty, null or absent; then it is ``""``."""
        value = self.fields.get(name)
        if value is None:
            return ""
        if not isinstance(value, str):
            raise self.wrong(name, "text", value)
        return value

    def identifier(self, *names: str) -> str:
        """The first of these fields that there is, as an id: text or an integer."""
        name = next((name for name in names if self.fields.get(name) is not None), names[0])
        value = self.fields.get(name)
        if isinstance(value, bool) or not isinstance(value, (str, int)) or not str(value).strip():
            raise self.wrong(" or ".join(names) if value is None else name, "an id (text or an integer)", value)
        return str(value).strip()

    def rows(self, name: str) -> list[Row]:
        """A field that is a list of objects, as rows with places of their own."""
        value = self.fields.get(name)
        if not isinstance(value, list):
            raise self.wrong(name, "a list of objects", value)
        return [_row(f"{self.place}.{name}[{index}]", item) for index, item in enumerate(value)]

    def nested(self, name: str) -> Row:
        """A field that is an object, as a row."""
        value = self.fields.get(name)
        if not isinstance(value, dict):
            raise self.wrong(name, "an object", value)
        return Row(f"{self.place}.{name}", value)

    def texts(self, name: str) -> list[str]:
        """A field that is a list of texts, null or absent; then it is empty."""
        value = self.fields.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise self.wrong(name, "a list of texts", value)
        return value

    def wrong(self, name: str, expected: str, value: object) -> InputError:
        """The error for a field that holds something else than it must."""
        if value is None:
            found = f"no such field (there are: {', '.join(map(str, self.fields)) or 'none'})"
        else:
            found = repr(value)[:80] if isinstance(value, (str, int, float)) else f"a {type(value).__name__}"
        return InputError(f"{self.place}: field {name}: expected {expected}, found {found}")


def read_rows(path: Path) -> Iterator[Row]:
    """Rows of a .jsonl, .jsonl.gz, .jsonl.zst or .parquet file, in order; blank lines are passed over.

    Raises:
        InputError: the file or a line cannot be read.
        MissingExtraError: .parquet needs pyarrow.
    """
    if path.name.lower().endswith(".parquet"):
        yield from _parquet_rows(path)
        return
    for number, raw in raw_lines(path):
        if raw.strip():
            yield parse_line(path, number, raw)


def raw_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines of a file, packed or not, with their numbers from 1; a byte order mark is taken off."""
    with _opened(path) as stream:
        for number, raw in enumerate(stream, start=1):
            yield number, raw.removeprefix(codecs.BOM_UTF8) if number == 1 else raw


def parse_line(path: Path, number: int, raw: bytes) -> Row:
    """The JSON object of one line.

    Raises:
        InputError: it is not UTF-8, no JSON, or no object.
    """
    place = f"{path}:{number}"
    line = decode(raw, Place(str(path)), line=number).strip()
    try:
        value = json.loads(line)
    except json.JSONDecodeError as error:
        raise InputError(f"{place}: not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise InputError(f"{place}: JSON nested too deeply") from error
    except ValueError as error:  # a number of thousands of digits
        raise InputError(f"{place}: JSON that cannot be read: {error}") from error
    return _row(place, value)


def read_json(path: Path) -> Any:
    """Content of a .json file, plain, .gz or .zst.

    Raises:
        InputError: it cannot be read or is no JSON.
    """
    with _opened(path) as stream:
        text = decode(stream.read().removeprefix(codecs.BOM_UTF8), Place(str(path)))
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path}:{error.lineno}: not JSON: {error.msg} at column {error.colno}") from error
    except RecursionError as error:
        raise InputError(f"{path}: JSON nested too deeply") from error
    except ValueError as error:
        raise InputError(f"{path}: JSON that cannot be read: {error}") from error


def json_rows(path: Path) -> list[Row]:
    """Objects of a .json file that holds a list of them.

    Raises:
        InputError: it holds something else.
    """
    content = read_json(path)
    if not isinstance(content, list):
        raise InputError(f"{path}: expected a JSON list of objects, found a {type(content).__name__}")
    return [_row(f"{path}: [{index}]", item) for index, item in enumerate(content)]


def read_columns(path: Path) -> Iterator[tuple[str, list[str]]]:
    """Lines of a tab-separated file, cut at the tabs, with their places; blank lines are passed over."""
    for number, raw in raw_lines(path):
        line = decode(raw, Place(str(path)), line=number).rstrip("\r\n")
        if line.strip():
            yield f"{path}:{number}", line.split("\t")


def natural_order(paths: Iterable[Path]) -> list[Path]:
    """Paths with their numbers in order of size: ``docs-2`` before ``docs-10``."""

    def key(path: Path) -> list[tuple[int, int, str]]:
        parts = re.split(r"(\d+)", str(path))
        return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]

    return sorted(paths, key=key)


def _row(place: str, value: object) -> Row:
    if not isinstance(value, dict):
        raise InputError(f"{place}: expected a JSON object, found a {type(value).__name__}")
    return Row(place, value)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        with path.open("rb") as raw:
            if path.name.lower().endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield io.BufferedReader(unpacked)
            elif path.name.lower().endswith(".zst"):
                with _zstd(path, raw) as unpacked_zst:
                    yield unpacked_zst
            else:
                yield raw
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(f"{path}: the gzip archive is damaged or cut short ({error}); fetch it anew") from error
    except OSError as error:
        raise unreadable(path, error) from error


@contextmanager
def _zstd(path: Path, raw: IO[bytes]) -> Iterator[IO[bytes]]:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True) as unpacked:
            yield io.BufferedReader(unpacked)
    except zstandard.ZstdError as error:
        raise InputError(f"{path}: the zstd archive is damaged or cut short ({error}); fetch it anew") from error


def _parquet_rows(path: Path) -> Iterator[Row]:
    parquet = require("pyarrow.parquet", "Reading .parquet files")
    arrow = require("pyarrow", "Reading .parquet files")
    try:
        with path.open("rb") as handle, parquet.ParquetFile(handle) as file:
            number = 0
            for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                for fields in batch.to_pylist():
                    number += 1
                    yield Row(f"{path}: row {number}", fields)
    except arrow.ArrowException as error:
        raise InputError(f"{path}: cannot be read as Parquet ({error}); fetch it anew") from error
    except OSError as error:
        raise unreadable(path, error) from error
