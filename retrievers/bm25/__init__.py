"""BM25 over an inverted file of term counts, in one segment or in many, with the LangChain retriever around it.

A segment (:class:`BM25Segment`) holds what can be said of its rows alone: which terms stand in them and how often.
Everything that depends on the whole collection (frequencies, the mean length, hence every weight) is worked out when a
term is asked for, so a segment never has to be written again because others came or rows were deleted, and every
method and every ``k1`` and ``b`` reads the same files.
"""

from retrievers.bm25.index import BM25Index
from retrievers.bm25.options import BM25Method, BM25Options
from retrievers.bm25.retriever import BM25Retriever
from retrievers.bm25.segment import BM25Segment

__all__ = ["BM25Index", "BM25Method", "BM25Options", "BM25Retriever", "BM25Segment"]
