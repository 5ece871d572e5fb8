"""The peers as they come: their own text processing and scoring with their own defaults, on texts given to all alike.

A function a peer: it indexes the chunks and returns a search. A chunk here is a bare Document, its ``id`` and its
:func:`retrievers.documents.search_text` as ``page_content``; a search gives ids of at most ``DEPTH`` chunks, best
first. Nothing here reaches a network: ``NO_TELEMETRY`` goes into the environment before the first import of a peer.
"""

from __future__ import annotations

import logging
import uuid
import warnings
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version

from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.retrievers import BaseRetriever

from retrievers.errors import MissingExtraError

DEPTH = 50  # chunks asked of every contender
Search = Callable[[str], list[str]]

# Keeps the peers from reporting what is done with them; they read the environment when they are imported.
NO_TELEMETRY = {
    "HAYSTACK_TELEMETRY_ENABLED": "False",
    "HAYSTACK_AUTO_TRACE_ENABLED": "false",
    "ANONYMIZED_TELEMETRY": "False",
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
}

_PACKAGES = (
    "langchain-community",
    "langchain-classic",
    "langchain-chroma",
    "llama-index-core",
    "llama-index-retrievers-bm25",
    "haystack-ai",
    "rank-bm25",
)


def versions() -> dict[str, str]:
    """Installed version of every peer.

    Raises:
        MissingExtraError: one is not installed.
    """
    try:
        return {package: version(package) for package in _PACKAGES}
    except PackageNotFoundError as error:
        raise MissingExtraError("the comparison with other libraries", "peers") from error


def langchain_bm25(chunks: Sequence[Document]) -> Search:
    """``BM25Retriever`` of langchain-community: BM25Okapi over ``str.split``, letter case kept."""
    retriever = _community_bm25(chunks)
    return lambda question: [str(hit.id) for hit in retriever.invoke(question)]


def langchain_ensemble(chunks: Sequence[Document], embeddings: Embeddings) -> Search:
    """``EnsembleRetriever`` of that BM25 and of Chroma in memory: reciprocal rank fusion with equal weights.

    Args:
        chunks: to search.
        embeddings: the encoder of our own index, so that the two differ in lexical search and fusion alone.
    """
    from chromadb.config import Settings
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever

    store = Chroma.from_documents(
        list(chunks),
        embeddings,
        collection_name=f"peers-{uuid.uuid4().hex}",  # collections in memory belong to the process, not to the object
        client_settings=Settings(anonymized_telemetry=False),
    )
    retriever = EnsembleRetriever(
        retrievers=[_community_bm25(chunks), store.as_retriever(search_kwargs={"k": DEPTH})],
        weights=[0.5, 0.5],
    )
    return lambda question: [str(hit.id) for hit in retriever.invoke(question)[:DEPTH]]


def llamaindex_bm25(chunks: Sequence[Document]) -> Search:
    """``BM25Retriever`` of LlamaIndex: bm25s over lower-cased words, stemmer and stop words of English."""
    return _llamaindex(chunks, "english")


def llamaindex_russian_bm25(chunks: Sequence[Document]) -> Search:
    """The same with the two settings it has for another language: Snowball's Russian stemmer, Russian stop words."""
    return _llamaindex(chunks, "russian")


def haystack_bm25(chunks: Sequence[Document]) -> Search:
    """``InMemoryBM25Retriever`` of Haystack: BM25L over lower-cased words."""
    from haystack import Document as HaystackDocument
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore

    store = InMemoryDocumentStore()
    store.write_documents([HaystackDocument(id=str(chunk.id), content=chunk.page_content) for chunk in chunks])
    retriever = InMemoryBM25Retriever(store, top_k=DEPTH)
    return lambda question: [hit.id for hit in retriever.run(query=question)["documents"]]


def rank_bm25(chunks: Sequence[Document]) -> Search:
    """``BM25Okapi`` of rank-bm25 over lower-cased words between spaces: its README splits, and leaves case to users."""
    from rank_bm25 import BM25Okapi

    engine = BM25Okapi([chunk.page_content.lower().split() for chunk in chunks])
    ids = [str(chunk.id) for chunk in chunks]
    return lambda question: engine.get_top_n(question.lower().split(), ids, n=DEPTH)


def _community_bm25(chunks: Sequence[Document]) -> BaseRetriever:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # langchain-community announces its sunset
        from langchain_community.retrievers import BM25Retriever

    return BM25Retriever.from_documents(chunks, k=DEPTH)


def _llamaindex(chunks: Sequence[Document], language: str) -> Search:
    import Stemmer
    from llama_index.core.schema import TextNode
    from llama_index.retrievers.bm25 import BM25Retriever

    logging.getLogger("bm25s").setLevel(logging.WARNING)  # under it; asks for debug messages when it is imported
    retriever = BM25Retriever.from_defaults(
        nodes=[TextNode(id_=str(chunk.id), text=chunk.page_content) for chunk in chunks],
        similarity_top_k=min(DEPTH, len(chunks)),
        stemmer=Stemmer.Stemmer(language),
        language=language,
    )
    return lambda question: [hit.node.node_id for hit in retriever.retrieve(question)]
