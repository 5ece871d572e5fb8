"""Whether a file is what its suffix says."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from rag.serve.uploads.contents import ContentsError, check_contents
from retrievers.errors import InputError
from tests.fixtures import hostile_files as hostile


def check(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    check_contents(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", "Озеро".encode()),
        ("a.txt", b""),
        ("a.md", b"# x"),
        ("a.pdf", b"%PDF-1.7"),
        ("a.pdf", b"\r\n%PDF-1.7"),
        ("a.docx", hostile.docx()),
        ("a.docx", hostile.docx(others={"word/media/image1.png": b"\x89PNG" * 1000})),
        ("a.jsonl.gz", gzip.compress(b"{}", mtime=0)),
        ("a.parquet", b"PAR1xxxxPAR1"),
    ],
)
def test_taken(tmp_path, name, content):
    check(tmp_path, name, content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", hostile.docx()),
        ("a.html", b"%PDF-1.7"),
        ("a.jsonl", gzip.compress(b"{}", mtime=0)),
        ("a.csv", b"\x7fELF\x02"),
        ("a.md", b"MZ\x90\x00"),
        ("a.txt", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"),
        ("a.pdf", b"<html>"),
        ("a.pdf", b" " * 2000 + b"%PDF-1.7"),
        ("a.docx", b"PK\x05\x06" + b"\0" * 18),
        ("a.docx", b"\xd0\xcf\x11\xe0"),
        ("a.docx", hostile.docx().replace(b"word/document.xml", b"word/workbook.xml")),
        ("a.jsonl.gz", b"{}"),
        ("a.parquet", b""),
    ],
)
def test_something_else(tmp_path, name, content):
    with pytest.raises(ContentsError, match=name):
        check(tmp_path, name, content)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (hostile.docx()[:-30], "damaged"),
        (b"PK\x03\x04" + b"x" * 500, "damaged"),
        (hostile.docx("<w:p/>" * 4_000_000), "unpacks to 24,0"),
        (hostile.docx(others={f"x/{number}": b"" for number in range(6000)}), "6,003 parts"),
        (hostile.overlapping(50), "overlap"),
    ],
    ids=["cut", "no archive", "ratio", "parts", "overlapping"],
)
def test_archives_that_no_program_writes(tmp_path, content, said):
    with pytest.raises(InputError, match=said) as caught:
        check(tmp_path, "a.docx", content)
    assert not isinstance(caught.value, ContentsError)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_parts_of_one_name(tmp_path):
    with pytest.raises(InputError, match="one name"):
        check(tmp_path, "a.docx", hostile.docx(others={"word/document.xml": b"<x/>"}))
