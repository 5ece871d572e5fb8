"""Names of uploaded files: what a client calls a file becomes a document's id, and never a path."""

from __future__ import annotations

import re
import unicodedata

from rag.documents.readers import FILE_READERS, ROW_READERS
from rag.serve.problems import Code, Problem

SUFFIXES = (*ROW_READERS, *FILE_READERS)
MOST_CHARACTERS = 255  # of a name; file systems have no longer ones
_SEPARATORS = re.compile(r"[/\\]")


def plain_name(name: str) -> str:
    r"""The last component of a path as any system writes it, without control and format characters, in NFC.

    >>> plain_name("..\\..\\Отчёт за год.pdf")
    'Отчёт за год.pdf'

    Raises:
        Problem: nothing is left, or more than a name has.
    """
    last = _SEPARATORS.split(unicodedata.normalize("NFC", name))[-1]
    plain = " ".join("".join(char if char.isprintable() else " " for char in last).split())
    if plain.strip(". ") == "" or len(plain) > MOST_CHARACTERS:
        raise Problem(
            Code.INVALID_REQUEST,
            f"every file needs a name of 1 to {MOST_CHARACTERS} characters; give the file one and send it again",
            param="files",
        )
    return plain


def suffix_of(name: str) -> str:
    """The suffix by which a file is read.

    Raises:
        Problem: files of this kind are not read.
    """
    lower = name.lower()
    for suffix in SUFFIXES:
        if lower.endswith(suffix) and len(lower) > len(suffix):
            return suffix
    raise Problem(
        Code.UNSUPPORTED_TYPE,
        f"{name}: files of this kind are not read; send one of {', '.join(SUFFIXES)}",
        param="files",
    )
