"""Files of a ``multipart/form-data`` body, each written to a file that has no name while the body comes."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterable
from typing import IO

from rag.serve.problems import Code, Problem
from rag.serve.uploads.names import plain_name, suffix_of

FIELD = "files"
MOST_FILES = 100
_IN_MEMORY = 2**20  # bytes of a file that are kept off the disk
_BROKEN = "the form is malformed or breaks off; send multipart/form-data with its boundary and its end"


class Form:
    """A form being read; whoever makes one closes it."""

    def __init__(self) -> None:
        self.files: list[tuple[str, IO[bytes]]] = []
        self._ended = False
        self._field, self._value = b"", b""
        self._disposition = b""
        self._pending: list[tuple[IO[bytes], bytes]] = []

    async def read(self, body: AsyncIterable[bytes], boundary: bytes) -> None:
        """Take the files of ``body``.

        Raises:
            Problem: it is malformed, or brings anything but files that can be read.
        """
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser

        callbacks = {
            "on_part_begin": self._part_begins,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_ends,
            "on_headers_finished": self._file_begins,
            "on_part_data": self._part_data,
            "on_end": self._form_ends,
        }
        try:
            parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
            async for part in body:
                parser.write(part)
                await asyncio.to_thread(self._write)  # the disk may be slow
            parser.finalize()
        except FormParserError as error:
            raise Problem(Code.BAD_REQUEST, _BROKEN) from error
        if not self._ended:
            raise Problem(Code.BAD_REQUEST, _BROKEN)

    def close(self) -> None:
        """Let go of the files, which are no more then."""
        for _, file in self.files:
            file.close()

    def _write(self) -> None:
        for file, data in self._pending:
            file.write(data)
        self._pending.clear()

    def _part_begins(self) -> None:
        self._field, self._value, self._disposition = b"", b"", b""

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._field += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_ends(self) -> None:
        if self._field.lower() == b"content-disposition":
            self._disposition = self._value
        self._field, self._value = b"", b""

    def _file_begins(self) -> None:
        from python_multipart.multipart import parse_options_header

        _, options = parse_options_header(self._disposition)
        if options.get(b"name") != FIELD.encode() or b"filename" not in options:
            message = f'expected files in the field "{FIELD}" and nothing else'
            raise Problem(Code.INVALID_REQUEST, message, param=FIELD)
        if len(self.files) == MOST_FILES:
            raise Problem(Code.TOO_LARGE, f"more than {MOST_FILES} files; send them in several uploads", param=FIELD)
        name = plain_name(options[b"filename"].decode("utf-8", "replace"))
        suffix_of(name)
        if any(name == other for other, _ in self.files):
            raise Problem(Code.INVALID_REQUEST, f"two files are named {name!r}; a name is an identity", param=FIELD)
        self.files.append((name, tempfile.SpooledTemporaryFile(_IN_MEMORY)))  # noqa: SIM115 - close() closes it

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        self._pending.append((self.files[-1][1], data[start:end]))

    def _form_ends(self) -> None:
        self._ended = True
