"""Uploads: forms, names of files, documents posted as JSON."""

from __future__ import annotations

import asyncio
import json
import unicodedata
import zlib
from collections.abc import AsyncIterator

from benchmarks.fuzzing.material import JSON, STRANGE
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of, foreseen, text_of
from rag.serve.problems import Problem
from rag.serve.uploads.names import MOST_CHARACTERS, plain_name, suffix_of
from rag.serve.uploads.posted import read_posted
from rag.serve.uploads.receiving import received

_PART = (
    '--b\r\nContent-Disposition: form-data; name="files"; filename="озеро.md"\r\nContent-Type: text/plain\r\n\r\n'
    'Байкал\r\n--b\r\nContent-Disposition: form-data; name="files"; filename="два.csv"\r\n\r\nid,text\r\n--b--\r\n'
)
_FORM = f"multipart/form-data; boundary=b\n{_PART}"
_PIECES = (
    "--b\r\n", "--b--\r\n", "--b", "\r\n", "\r\n\r\n", "Content-Disposition: form-data; ", 'name="files"; ',
    'filename="a.txt"', "filename*=", "filename*=utf-8''%D0%B0.txt", "filename*=x''%ff", "filename*0*=", 'boundary="',
    "boundary=", ";", "=", '"', "\\", "%ff", ": ", "Content-Type: ", "multipart/form-data", "application/json", "\n",
    "charset=", "\x00",
)  # fmt: skip
_NAMES = (
    "озеро.md",
    "..\\..\\Отчёт за год.pdf",
    "/etc/passwd.txt",
    "C:\\a.docx",
    ".md",
    "а\u0301.jsonl.gz",
    "a" * 300 + ".txt",
    STRANGE,
)
_POSTED = {
    "documents": [{"doc_id": "ладога", "title": "Ладога", "text": "Площадь озера.", "metadata": {"n": 1, "b": True}}]
}


def open_target(name: str, scratch: Scratch) -> Target:
    """``uploads``, ``upload-names`` or ``posted-documents``."""
    if name == "uploads":
        loop = asyncio.new_event_loop()
        scratch.stack.callback(loop.close)
        scratch.stack.callback(lambda: loop.run_until_complete(loop.shutdown_default_executor()))
        json_body = f"application/json\n{json.dumps(_POSTED)}"
        budget = Budget(seconds=0.3, seconds_per_megabyte=30)
        return Target(
            lambda data: loop.run_until_complete(_check_form(data)),
            bytes_of(_FORM, json_body),
            bytes_of(*_PIECES),
            budget,
        )
    if name == "upload-names":
        return Target(
            _check_name, bytes_of(*_NAMES), bytes_of("/", "\\", ".", "..", ".txt", ".jsonl.gz", " ", "\u202e")
        )
    path = scratch.folder / "тело.json"

    def check(data: bytes) -> None:
        path.write_bytes(data)
        with foreseen():
            for source in read_posted(path):
                assert source.text.strip()
                source.digest.encode()

    tokens = (*JSON, '"documents":', '"doc_id":', '"text":', '"metadata":')
    budget = Budget(seconds=0.15, seconds_per_megabyte=20, memory_per_byte=1_500)
    return Target(check, bytes_of(json.dumps(_POSTED, ensure_ascii=False)), bytes_of(*tokens), budget)


async def _check_form(data: bytes) -> None:
    """A content type in the first line, a body below, which comes in pieces."""
    from starlette.requests import Request

    kind, _, body = data.partition(b"\n")
    step = 1 + zlib.crc32(data) % 700
    pieces = [body[at : at + step] for at in range(0, len(body), step)][:400]
    messages = [{"type": "http.request", "body": piece, "more_body": True} for piece in pieces]
    messages.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> dict[str, object]:
        return messages.pop(0)

    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": [(b"content-type", kind)]}
    upload: AsyncIterator = received(Request(scope, receive))
    try:
        form = await anext(upload)
    except Problem as problem:
        _check_refusal(problem)
        return
    assert form.posted is not None or form.files
    for name, file in form.files:
        assert name == plain_name(name)
        assert file.tell() >= 0
    await anext(upload, None)
    assert all(file.closed for _, file in form.files)


def _check_name(data: bytes) -> None:
    try:
        name = plain_name(text_of(data))
        suffix = suffix_of(name)
    except Problem as problem:
        _check_refusal(problem)
        return
    assert 0 < len(name) <= MOST_CHARACTERS
    assert name.isprintable()
    assert not {"/", "\\"} & set(name)
    assert name.lower().endswith(suffix)
    assert plain_name(name) == name
    assert unicodedata.is_normalized("NFC", name)


def _check_refusal(problem: Problem) -> None:
    assert 400 <= problem.status < 500
    json.dumps(problem.body())
