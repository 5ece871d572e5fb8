"""Query expansion as a profile sets it: which leg of the retriever, or the whole of it, a method stands around."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.retrievers import BaseRetriever

from rag.profile import Leg, RetrievalOptions, RetrieverKind
from retrievers.errors import InputError
from retrievers.expansion.options import ExpansionKind, ExpansionOptions

if TYPE_CHECKING:
    from rag.index import Index
    from retrievers.bm25 import BM25Retriever
    from retrievers.dense import DenseRetriever
    from retrievers.expansion import QueryWriter
    from retrievers.expansion.screening import Similarity

# Methods that stand around one leg; the others stand around the whole retriever.
_LEGS: dict[ExpansionKind, Leg] = {
    ExpansionKind.FEEDBACK: "bm25",
    ExpansionKind.SYNONYMS: "bm25",
    ExpansionKind.QUERY2DOC: "bm25",
    ExpansionKind.HYDE: "dense",
}


def require_fitting(options: RetrievalOptions, writer: QueryWriter | None) -> None:
    """Refuse an expansion that would not expand anything.

    Raises:
        InputError: it needs a language model and there is none, or a leg that the retriever does not have.
    """
    kind = options.expansion.kind
    if kind.needs_writer and writer is None:
        raise InputError(
            f"the expansion {kind.value!r} needs a language model: set generator.kind to seq2seq, causal or chat, or "
            "take an expansion without one (feedback, synonyms, entities)"
        )
    leg = _LEGS.get(kind)
    if leg is not None and leg not in _legs(options):
        raise InputError(
            f"the expansion {kind.value!r} works on the leg {leg!r}, which the retriever {options.retriever.value!r} "
            f"does not have here (it has {', '.join(_legs(options))})"
        )


def fits(options: RetrievalOptions, writer: QueryWriter | None) -> bool:
    """Whether the expansion would expand anything; :func:`require_fitting` says why not."""
    kind = options.expansion.kind
    leg = _LEGS.get(kind)
    return (writer is not None or not kind.needs_writer) and (leg is None or leg in _legs(options))


def _legs(options: RetrievalOptions) -> list[str]:
    if options.retriever in {RetrieverKind.HYBRID, RetrieverKind.COVERAGE}:
        return [name for name, weight in options.hybrid.weights.items() if weight > 0]
    return [options.retriever.value]


def expand_bm25(options: ExpansionOptions, leg: BM25Retriever, writer: QueryWriter | None) -> BaseRetriever:
    """The lexical leg with the expansion that stands around it, or as it is. Its scores keep their component."""
    match options.kind:
        case ExpansionKind.FEEDBACK:
            from retrievers.expansion import FeedbackRetriever

            return FeedbackRetriever(retriever=leg, options=options.feedback, component=leg.component)
        case ExpansionKind.SYNONYMS:
            from retrievers.expansion import SynonymRetriever, read_synonyms, shipped_synonyms

            table = read_synonyms(Path(options.synonyms)) if options.synonyms else shipped_synonyms()
            return SynonymRetriever(retriever=leg, table=table, weight=options.synonym_weight, component=leg.component)
        case ExpansionKind.QUERY2DOC if writer is not None:
            from retrievers.expansion import Query2DocRetriever

            return Query2DocRetriever(
                retriever=leg, writer=writer, repetitions=options.repetitions, component=leg.component
            )
        case _:
            return leg


def expand_dense(options: ExpansionOptions, leg: DenseRetriever, writer: QueryWriter | None) -> BaseRetriever:
    """The dense leg with the expansion that stands around it, or as it is. Its scores keep their component."""
    if options.kind is not ExpansionKind.HYDE or writer is None:
        return leg
    from retrievers.expansion import HydeRetriever

    return HydeRetriever(dense=leg, writer=writer, passages=options.passages, component=leg.component)


def expand_whole(
    index: Index, options: ExpansionOptions, retriever: BaseRetriever, writer: QueryWriter | None
) -> BaseRetriever:
    """A retriever with the expansion that stands around all of it, or as it is."""
    match options.kind:
        case ExpansionKind.ENTITIES:
            from retrievers.expansion import EntityBiasedRetriever

            return EntityBiasedRetriever(retriever=retriever, boost=options.entity_boost)
        case ExpansionKind.MULTI_QUERY if writer is not None:
            from retrievers.expansion import MultiQueryRetriever

            return MultiQueryRetriever(
                retriever=retriever,
                writer=writer,
                rewrites=options.rewrites,
                similarity=rewrite_similarity(index),
                screening=options.screening,
                question_weight=options.question_weight,
            )
        case _:
            return retriever


def rewrite_similarity(index: Index) -> Similarity:
    """How like a question a rewrite is: by the static encoder where the index has it, else by the terms they share."""
    from retrievers.expansion import embedding_similarity, term_overlap

    encoder = index.static_embeddings()
    return term_overlap(index.analyzer(), index.idf) if encoder is None else embedding_similarity(encoder)
