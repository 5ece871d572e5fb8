"""What becomes of the names of uploaded files."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.serve.problems import Code, Problem
from rag.serve.uploads.names import MOST_CHARACTERS, plain_name, suffix_of


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Отчёт за год.pdf", "Отчёт за год.pdf"),
        ("../../etc/passwd.txt", "passwd.txt"),
        ("..\\..\\windows\\отчёт.txt", "отчёт.txt"),
        ("/etc/shadow.txt", "shadow.txt"),
        ("C:\\Документы\\отчёт.docx", "отчёт.docx"),
        ("\\\\server\\share\\x.txt", "x.txt"),
        ("a/b\\c/д.txt", "д.txt"),
        ("отчёт\0.txt", "отчёт .txt"),
        ("a\r\nSet-Cookie: x.txt", "a Set-Cookie: x.txt"),
        ("отчёт\u202etxt.exe.txt", "отчёт txt.exe.txt"),
        ("\ufeff  отчёт\u200b.txt ", "отчёт .txt"),
        ("и\u0306.txt", "й.txt"),
        (".hidden.txt", ".hidden.txt"),
    ],
)
def test_the_last_component_without_what_does_not_show(name, plain):
    assert plain_name(name) == plain


@pytest.mark.parametrize("name", ["", ".", "..", "...", "a/", "a/..", "..\\", " ", "\0", "\u202e", "x" * 300 + ".txt"])
def test_names_that_are_none(name):
    with pytest.raises(Problem) as caught:
        plain_name(name)
    assert (caught.value.code, caught.value.param) == (Code.INVALID_REQUEST, "files")


@given(st.text(max_size=300))
def test_whatever_the_name_it_becomes_one_printable_component(name):
    try:
        plain = plain_name(name)
    except Problem:
        return
    assert 0 < len(plain) <= MOST_CHARACTERS
    assert plain.isprintable()
    assert not {"/", "\\", "\0"} & set(plain)
    assert plain.strip(". ")
    assert plain == plain_name(plain)
    assert unicodedata.is_normalized("NFC", plain)


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("а.TXT", ".txt"), ("а.jsonl.gz", ".jsonl.gz"), ("а.pdf.md", ".md"), ("а.Docx", ".docx")],
)
def test_the_suffix_says_how_a_file_is_read(name, suffix):
    assert suffix_of(name) == suffix


@pytest.mark.parametrize("name", ["а.exe", "а", ".txt", "а.gz", "а.docm", "а.txt.zip", "а.doc"])
def test_other_files_are_not_read(name):
    with pytest.raises(Problem) as caught:
        suffix_of(name)
    assert caught.value.code is Code.UNSUPPORTED_TYPE
    assert ".docx" in caught.value.message
