"""Passages of a plain corpus: documents of files, folders or an index, cut into chunks as an index cuts them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evals.datasets.reading import read_rows
from rag.documents.chunking import ChunkingOptions, chunk_document
from rag.documents.readers import read_sources
from rag.documents.rows import SourceDocument, document_from_row
from retrievers.documents import HEADING_SEPARATOR
from retrievers.errors import InputError

_PACKED = ".jsonl.zst"


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk of a document.

    Args:
        doc_id, title: of the document.
        text: as it stands in the document.
        headings: path of headings above it, outermost first, without the title.
        position: number of the chunk in its document, from 0.
    """

    doc_id: str
    title: str
    text: str
    headings: tuple[str, ...] = ()
    position: int = 0


def read_documents(paths: Sequence[Path]) -> Iterator[SourceDocument]:
    """Documents of everything an index is built from, and of ``.jsonl.zst`` files.

    Raises:
        InputError: a path, file or document cannot be used.
        MissingExtraError: a format needs packages of the extra ``docs``.
    """
    for path in paths:
        if path.name.lower().endswith(_PACKED):
            for row in read_rows(path):
                yield document_from_row(row.fields, row.place)
        else:
            yield from read_sources([path])


def passages_of(documents: Iterable[SourceDocument], chunking: ChunkingOptions | None = None) -> Iterator[Passage]:
    """Chunks of the documents, in order.

    Args:
        documents: of a corpus.
        chunking: how an index of it is cut; by default as the shipped profiles do it.
    """
    for document in documents:
        for position, chunk in enumerate(chunk_document(document, chunking)):
            yield _passage(document.doc_id, document.title, chunk.page_content, chunk.metadata["headings"], position)


def passages_of_index(directory: Path) -> Iterator[Passage]:
    """Chunks of a built index, in order.

    Raises:
        IndexNotFoundError, IndexFormatError: there is none, or it is damaged.
    """
    from rag.index import open_index

    with open_index(directory) as index:
        for chunk in index.chunks:
            data = chunk.metadata
            yield _passage(data["doc_id"], data["title"], chunk.page_content, data["headings"], data["chunk_index"])


def read_passages(sources: Sequence[Path], index: Path | None = None) -> list[Passage]:
    """All passages of the sources, then those of the index.

    Raises:
        InputError: nothing is named, cannot be read, or holds no text.
    """
    if not sources and index is None:
        raise InputError("name documents to make pairs of, or a built index with --index")
    passages = list(passages_of(read_documents(sources)))
    if index is not None:
        passages += passages_of_index(index)
    if not passages:
        raise InputError(f"{', '.join(map(str, sources))}: no text")
    return passages


def _passage(doc_id: str, title: str, text: str, headings: str, position: int) -> Passage:
    return Passage(doc_id, title, text, tuple(headings.split(HEADING_SEPARATOR)) if headings else (), position)
