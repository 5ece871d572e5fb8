"""What an index says, as one digest: two states with the same digest are the same to whoever asks."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

import numpy as np

from benchmarks.faults.samples import QUESTIONS, HashEmbeddings
from rag.errors import IndexFormatError, IndexNotFoundError
from rag.index import open_index, verify_index

ABSENT = "no index"
DAMAGED = "damaged"

# Names that are made up anew each time: of generations, segments and encoder states, of Chroma's folders.
MADE_UP = re.compile(r"\d{6,}-[0-9a-f]{8}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def digest_of(directory: Path) -> str:
    """What :func:`contents_of` says, ``ABSENT``, or ``DAMAGED`` and what was said of it."""
    try:
        return contents_of(directory)
    except IndexNotFoundError:
        return ABSENT
    except IndexFormatError as error:
        return f"{DAMAGED}: {MADE_UP.sub('*', str(error))}"


def contents_of(directory: Path) -> str:
    """Digest over documents, chunks, terms, vectors, and what a few questions find by BM25 and by vectors.

    Returns:
        16 hexadecimal digits, and the number of segments.

    Raises:
        ToolkitError: the index cannot be read.
    """
    with open_index(directory, embeddings=embeddings_of(directory)) as index:
        digest = hashlib.sha256()

        def take(value: object) -> None:
            digest.update(repr(value).encode("utf-8", "surrogatepass") + b"\n")

        for source in index.chunks.documents():
            take(source)
        for chunk, terms in zip(index.chunks, index.chunks.terms(), strict=True):
            take((chunk.id, chunk.page_content, sorted(chunk.metadata.items()), terms))
        chunk_ids = index.chunks.chunk_ids()
        vectors = index.vectors().vectors(chunk_ids)
        for chunk_id in chunk_ids:
            take((chunk_id, np.round(vectors[chunk_id], 4).tolist()))  # a store may round the last bits
        bm25, dense = index.bm25(), index.dense()
        for question in QUESTIONS:
            take([(hit.id, hit.metadata["scores"]["bm25"].hex()) for hit in bm25.invoke(question)])
            take([round(score, 3) for hit in dense.invoke(question) for score in hit.metadata["scores"].values()])
        return f"{digest.hexdigest()[:16]} in {len(index.manifest.segments)}"


def problems_of(directory: Path) -> list[str]:
    """What ``verify_index`` finds wrong; nothing where there is no index."""
    try:
        problems = verify_index(directory, embeddings=embeddings_of(directory))
    except IndexNotFoundError:
        return []
    return [f"{problem.part}: {problem.message}" for problem in problems]


def doc_ids(directory: Path) -> list[str]:
    """Ids of all documents, in order."""
    with open_index(directory, embeddings=embeddings_of(directory)) as index:
        return index.chunks.doc_ids()


def embeddings_of(directory: Path) -> HashEmbeddings | None:
    """The encoder to open an index with: none where it was built with one that it keeps itself."""
    return None if (directory / "encoders").is_dir() else HashEmbeddings()


def shape_of(directory: Path) -> list[str]:
    """Every file and folder of an index, with one name for all that are made up anew each time."""
    return sorted(MADE_UP.sub("*", str(path.relative_to(directory))) for path in directory.rglob("*"))
