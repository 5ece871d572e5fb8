"""Ours as a profile has them, asked from the opened index; what they index anew here is for its seconds alone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever

from benchmarks.peers.contenders import DEPTH, Search
from rag.components import build_compressor, build_retriever
from rag.index import Index
from rag.profile import Profile
from retrievers.bm25 import BM25Index
from retrievers.documents import chunk_id_of, search_text
from retrievers.errors import InputError


def bm25(index: Index, chunks: Sequence[Document]) -> Search:
    """BM25 over lemmas: chunks to terms to weights, then the index's own."""
    _index_terms(index, chunks)
    return _search(index.bm25())


def hybrid(index: Index, profile: Profile, chunks: Sequence[Document]) -> Search:
    """The profile's fusion of BM25 and vectors: terms, weights, vectors and their store, then the index's own."""
    _index_terms(index, chunks)
    _index_vectors(index, chunks)
    return _search(build_retriever(index, profile.retrieval))


def compressed(index: Index, profile: Profile) -> Search:
    """The profile's compressor over what its retriever finds.

    Raises:
        InputError: the profile has none.
    """
    retriever, compressor = build_retriever(index, profile.retrieval), build_compressor(index, profile.compressor)
    if compressor is None:
        raise InputError(f"the profile {profile.name} has no compressor to measure; choose one that has")

    def search(question: str) -> list[str]:
        hits = retriever.invoke(question, k=DEPTH)
        return [chunk_id_of(hit) for hit in compressor.compress_documents(hits, question)]

    return search


def _search(retriever: BaseRetriever) -> Search:
    return lambda question: [chunk_id_of(hit) for hit in retriever.invoke(question, k=DEPTH)]


def _index_terms(index: Index, chunks: Sequence[Document]) -> None:
    analyzer = index.analyzer()
    BM25Index.build((analyzer(chunk.page_content) for chunk in chunks), index.manifest.options.bm25)


def _index_vectors(index: Index, chunks: Sequence[Document]) -> None:
    from rag.index.encoders import encode
    from retrievers.stores import Batch, open_chunk_store

    vectors = encode(index.embeddings(), [search_text(chunk) for chunk in chunks])
    with TemporaryDirectory() as folder:
        store = open_chunk_store("chroma", index_id="peer", folder_of=Path(folder).joinpath, dimension=vectors.shape[1])
        with closing(store):
            kept = [Document(page_content="", metadata={"chunk_id": chunk_id_of(chunk)}) for chunk in chunks]
            store.write("000001", [Batch(kept, vectors, [[]] * len(chunks))])
