"""Plain text files."""

from __future__ import annotations

from pathlib import Path

from rag.documents.readers.files import read_text
from rag.documents.rows import SourceDocument, make_document


def read_plain(path: Path, doc_id: str) -> SourceDocument:
    """A .txt file: the title is the file's name, the text as it stands.

    Raises:
        InputError: the file is no UTF-8 text.
    """
    return make_document(doc_id, path.stem, read_text(path), {}, path)
