"""Other ways of searching that the agent tries where a question as it stands finds too little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rag.components import build_retriever
from rag.expansion import fits
from retrievers.expansion.options import ExpansionKind

if TYPE_CHECKING:
    from langchain_core.retrievers import BaseRetriever

    from rag.index import Index
    from rag.profile import Profile, RetrievalOptions
    from retrievers.expansion import QueryWriter

# In the order in which they are tried. A model's own words come first where there is one: they change more.
_WAYS = (
    ExpansionKind.MULTI_QUERY,
    ExpansionKind.HYDE,
    ExpansionKind.QUERY2DOC,
    ExpansionKind.ENTITIES,
    ExpansionKind.FEEDBACK,
)


def build_ways(index: Index, profile: Profile, writer: QueryWriter | None) -> dict[str, BaseRetriever]:
    """Retrievers by name, in the order in which they are tried.

    Args:
        index: to search.
        profile: whose retriever is expanded; ``agent.ways`` names the expansions, None takes all that fit.
        writer: what writes for those that need a language model.

    Raises:
        InputError: an expansion named in the profile does not fit its retriever, or needs a writer and there is none.
    """
    options = profile.retrieval
    named = profile.agent.ways
    kinds = named if named is not None else [kind for kind in _WAYS if fits(_with(options, kind), writer)]
    return {kind.value: build_retriever(index, _with(options, kind), writer) for kind in kinds}


def _with(options: RetrievalOptions, kind: ExpansionKind) -> RetrievalOptions:
    return options.model_copy(update={"expansion": options.expansion.model_copy(update={"kind": kind})})
