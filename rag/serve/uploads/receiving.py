"""Receiving an upload: the body goes to files in a folder of its own, under names that the server makes."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from rag.serve.problems import Code, Problem
from rag.serve.uploads.multipart import FIELD, Form
from rag.serve.uploads.names import suffix_of
from rag.serve.uploads.process import Order
from rag.serve.uploads.reading import CPU, MEMORY, WRITTEN

if TYPE_CHECKING:
    from starlette.requests import Request

_IN_MEMORY = 2**20
_KINDS = "multipart/form-data with files, or application/json with documents"


@dataclass(frozen=True, slots=True)
class Received:
    """What came, in files that have no names.

    Args:
        files: with the clients' names for them.
        posted: a JSON body, where no files came.
    """

    files: tuple[tuple[str, IO[bytes]], ...] = ()
    posted: IO[bytes] | None = None

    @contextlib.contextmanager
    def laid_out(self) -> Iterator[tuple[Path, Order]]:
        """The files in a folder that is removed afterwards, and what is to be done with them."""
        with tempfile.TemporaryDirectory(prefix="rag-upload-", ignore_cleanup_errors=True) as folder:
            stem, stored = secrets.token_hex(8), []
            for number, (name, file) in enumerate(self.files):
                stored.append((f"{stem}-{number}{suffix_of(name)}", name))
                _copy(file, Path(folder, stored[-1][0]))
            posted = f"{stem}.json" if self.posted is not None else None
            if self.posted is not None and posted is not None:
                _copy(self.posted, Path(folder, posted))
            yield Path(folder), Order(files=tuple(stored), posted=posted, memory=MEMORY, cpu=CPU, written=WRITTEN)


async def received(request: Request) -> AsyncIterator[Received]:
    """The body of an upload, as a dependency of its route: its files are gone when the answer has been sent.

    Raises:
        Problem: it is no upload, or a file of it is of no kind that is read.
    """
    kind, options = _kind_of(request)
    if kind == "multipart/form-data":
        with contextlib.closing(Form()) as form:
            await form.read(request.stream(), options.get(b"boundary", b""))
            if not form.files:
                raise Problem(Code.INVALID_REQUEST, f'expected at least one file in the field "{FIELD}"', param=FIELD)
            yield Received(tuple(form.files))
    elif kind == "application/json":
        with tempfile.SpooledTemporaryFile(_IN_MEMORY) as body:
            async for part in request.stream():
                await asyncio.to_thread(body.write, part)
            yield Received(posted=body)
    else:
        raise Problem(Code.UNSUPPORTED_TYPE, f"expected {_KINDS}, got {kind[:80] or 'no Content-Type'!r}")


def _kind_of(request: Request) -> tuple[str, dict[bytes, bytes]]:
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(request.headers.get("content-type"))
    return kind.decode("latin-1"), options


def _copy(file: IO[bytes], path: Path) -> None:
    file.seek(0)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        shutil.copyfileobj(file, out, 2**20)
