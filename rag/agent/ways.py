"""Other ways of searching that the agent tries where a question as it stands finds too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.agent.options import Way
from rag.components import build_retriever
from rag.expansion import fits
from retrievers.expansion import NamesOnlyRetriever
from retrievers.expansion.options import ExpansionKind

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

    from rag.agent.options import AgentOptions
    from rag.index import Index
    from rag.profile import RetrievalOptions
    from retrievers.expansion import QueryWriter

# In the order in which they are tried. A model's own words come first where there is one: they change more. Synonyms
# are left to those who have a table of their own.
_WAYS = (Way.MULTI_QUERY, Way.HYDE, Way.QUERY2DOC, Way.NAMES, Way.FEEDBACK)


def build_ways(
    index: Index, searched: RetrievalOptions, options: AgentOptions, writer: QueryWriter | None
) -> dict[str, BaseRetriever]:
    """Retrievers by name, in the order in which they are tried.

    Args:
        index: to search.
        searched: of the chain's retriever; what it does already is no other way.
        options: of the agent; ``ways`` names the ways, None takes all that fit.
        writer: what writes for those that need a language model.

    Raises:
        InputError: a way that is named does not fit the retriever, or needs a writer and there is none.
    """
    named = options.ways
    if named is None:
        named = tuple(way for way in _WAYS if way.value != searched.expansion.kind and _fits(searched, way, writer))
    return {way.value: _retriever(index, searched, way, writer) for way in named}


def _fits(searched: RetrievalOptions, way: Way, writer: QueryWriter | None) -> bool:
    return way is Way.NAMES or fits(_with(searched, way), writer)


def _retriever(index: Index, searched: RetrievalOptions, way: Way, writer: QueryWriter | None) -> BaseRetriever:
    if way is Way.NAMES:
        return NamesOnlyRetriever(retriever=build_retriever(index, searched, writer))
    return build_retriever(index, _with(searched, way), writer)


def _with(searched: RetrievalOptions, way: Way) -> RetrievalOptions:
    expansion = searched.expansion.model_copy(update={"kind": ExpansionKind(way.value)})
    return searched.model_copy(update={"expansion": expansion})
