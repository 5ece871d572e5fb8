"""Query expansion: searching with more than the question. Each method is a LangChain retriever around another one.

Without a language model: :class:`FeedbackRetriever` (words of the first hits), :class:`SynonymRetriever` (a data file),
:class:`EntityBiasedRetriever` (names first). With one, behind :class:`QueryWriter`: :class:`MultiQueryRetriever`
(rewrites), :class:`HydeRetriever` and :class:`Query2DocRetriever` (a made-up passage).
"""

from retrievers.expansion.entities import EntityBiasedRetriever, NamesOnlyRetriever, entity_query, names_in
from retrievers.expansion.feedback import FeedbackOptions, FeedbackRetriever
from retrievers.expansion.hyde import HydeRetriever
from retrievers.expansion.multi_query import MultiQueryRetriever
from retrievers.expansion.query2doc import Query2DocRetriever
from retrievers.expansion.report import Addition, Dropped, DropReason, Expansion
from retrievers.expansion.screening import (
    ScreeningOptions,
    embedding_similarity,
    screen_passages,
    screen_rewrites,
    term_overlap,
)
from retrievers.expansion.synonyms import SynonymRetriever, SynonymTable, read_synonyms, shipped_synonyms
from retrievers.expansion.writing import PassageWriter, QueryWriter, Rewriter

__all__ = [
    "Addition",
    "DropReason",
    "Dropped",
    "EntityBiasedRetriever",
    "Expansion",
    "FeedbackOptions",
    "FeedbackRetriever",
    "HydeRetriever",
    "MultiQueryRetriever",
    "NamesOnlyRetriever",
    "PassageWriter",
    "Query2DocRetriever",
    "QueryWriter",
    "Rewriter",
    "ScreeningOptions",
    "SynonymRetriever",
    "SynonymTable",
    "embedding_similarity",
    "entity_query",
    "names_in",
    "read_synonyms",
    "screen_passages",
    "screen_rewrites",
    "shipped_synonyms",
    "term_overlap",
]
