"""The parts of a chain as a profile names them. A part whose packages or weights are missing says how to get them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.language_models import BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable

from generators.base import Generation, ReadingTask
from generators.options import GeneratorKind, GeneratorOptions
from rag.expansion import expand_bm25, expand_dense, expand_whole, require_fitting
from rag.profile import Leg, Ranking, RetrievalOptions, RetrieverKind
from retrievers.documents import RERANKER
from retrievers.named_models import find_weights
from retrievers.scorers.options import CompressorOptions, ScorerKind
from retrievers.span_reader.settings import is_span_reader

if TYPE_CHECKING:
    from langchain_core.cross_encoders import BaseCrossEncoder

    from generators.query_writer import LanguageModelWriter
    from rag.index import Index
    from retrievers.expansion import QueryWriter


def build_retriever(index: Index, options: RetrievalOptions, writer: QueryWriter | None = None) -> BaseRetriever:
    """The retriever ``options.retriever`` names, over ``index``, expanding questions as ``options.expansion`` says.

    Args:
        index: to search.
        options: of the retriever.
        writer: what writes rewrites and passages (:func:`build_query_writer`), where the expansion needs them.

    Raises:
        InputError: the expansion needs a writer and there is none, or a leg that the retriever does not have.
    """
    require_fitting(options, writer)
    found = expand_whole(index, options.expansion, _plain(index, options, writer), writer)
    if options.retriever is not RetrieverKind.COVERAGE:
        return found
    from retrievers.coverage import CoverageRetriever
    from retrievers.entities import extract_entities

    return CoverageRetriever(
        retriever=found,
        options=options.coverage,
        analyzer=index.analyzer(),
        idf=index.idf,
        extract_entities=extract_entities,
        k=options.k,
    )


def _plain(index: Index, options: RetrievalOptions, writer: QueryWriter | None) -> BaseRetriever:
    if options.ranking is Ranking.ENGINE:
        from rag.engine_ranking import engine_retriever

        return engine_retriever(index, options)
    match options.retriever:
        case RetrieverKind.BM25:
            return _leg(index, options, "bm25", writer)
        case RetrieverKind.TFIDF:
            return _leg(index, options, "tfidf", writer)
        case RetrieverKind.DENSE:
            return _leg(index, options, "dense", writer)
        case RetrieverKind.HYBRID | RetrieverKind.COVERAGE:
            return _hybrid(index, options, writer)


def _leg(index: Index, options: RetrievalOptions, name: Leg, writer: QueryWriter | None) -> BaseRetriever:
    match name:
        case "bm25":
            return expand_bm25(options.expansion, index.bm25(), writer)
        case "tfidf":
            return index.tfidf()
        case "dense":
            return expand_dense(options.expansion, index.dense(), writer)


def _hybrid(index: Index, options: RetrievalOptions, writer: QueryWriter | None) -> BaseRetriever:
    from retrievers.hybrid import HybridRetriever

    used = {name: weight for name, weight in options.hybrid.weights.items() if weight > 0}
    return HybridRetriever(
        retrievers=[_leg(index, options, name, writer) for name in used],
        weights=list(used.values()),
        depths=[options.hybrid.depth] * len(used),
        method=options.hybrid.method,
        normalization=options.hybrid.normalization,
        rank_constant=options.hybrid.rank_constant,
        k=options.k,
    )


def build_selector(index: Index, options: RetrievalOptions) -> BaseDocumentCompressor:
    """What chooses the passages to read as a set after reranking: the other half of the coverage-aware retriever."""
    from retrievers.coverage import CoverageCompressor
    from retrievers.entities import extract_entities

    return CoverageCompressor(
        top_n=options.pool,  # a greedy choice of k is the beginning of a choice of more
        options=options.coverage,
        analyzer=index.analyzer(),
        idf=index.idf,
        extract_entities=extract_entities,
        source=RERANKER,
    )


def build_compressor(index: Index, options: CompressorOptions) -> BaseDocumentCompressor | None:
    """The cross-encoder compressor over the scorer that ``options.kind`` names; None for no reranking."""
    scorer = _scorer(index, options)
    if scorer is None:
        return None
    from retrievers.cross_encoder import CrossEncoderCompressor

    return CrossEncoderCompressor(model=scorer, batch_size=options.batch_size, threshold=options.threshold)


def _scorer(index: Index, options: CompressorOptions) -> BaseCrossEncoder | None:
    match options.kind:
        case ScorerKind.NONE:
            return None
        case ScorerKind.LIGHT:
            from retrievers.scorers.light import LightScorer, load_light_weights

            weights = options.model and find_weights(options.model, ".json", feature="the light scorer")
            return LightScorer(load_light_weights(weights), index.idf, index.analyzer())
        case ScorerKind.ONNX | ScorerKind.HUGGINGFACE if is_span_reader(str(options.model), options.revision):
            from retrievers.scorers.span_reader import SpanReaderScorer
            from retrievers.span_reader.model import Runtime

            return SpanReaderScorer(
                str(options.model),
                revision=options.revision,
                runtime=Runtime.ONNX if options.kind is ScorerKind.ONNX else Runtime.TORCH,
                device=options.device,
                max_length=options.max_length,
                batch_size=options.batch_size,
            )
        case ScorerKind.ONNX:
            from retrievers.scorers.onnx import OnnxScorer

            return OnnxScorer(str(options.model), revision=options.revision, max_length=options.max_length)
        case ScorerKind.HUGGINGFACE:
            from retrievers.scorers.huggingface import HuggingFaceScorer

            return HuggingFaceScorer(
                str(options.model), revision=options.revision, device=options.device, max_length=options.max_length
            )


def build_language_model(options: GeneratorOptions) -> BaseLanguageModel[Any] | None:
    """The language model that ``options`` name, None where the generator is no language model.

    It is looked for at once; it loads, or its server is asked, on first use.
    """
    match options.kind:
        case GeneratorKind.READER | GeneratorKind.SPAN:
            return None
        case GeneratorKind.SEQ2SEQ | GeneratorKind.CAUSAL:
            from generators.huggingface import load_language_model

            return load_language_model(options)
        case GeneratorKind.CHAT:
            from generators.chat import load_chat_model

            return load_chat_model(options)


def build_generator(
    options: GeneratorOptions, llm: BaseLanguageModel[Any] | None = None
) -> Runnable[ReadingTask, Generation]:
    """The generator that ``options.kind`` names.

    Args:
        options: of the generator.
        llm: the model of :func:`build_language_model`, where it is used for more than answers; made here by default.
    """
    if options.kind is GeneratorKind.READER:
        from generators.reader import OfflineReader

        return OfflineReader(options.model and find_weights(options.model, ".npz", feature="the offline reader"))
    llm = llm or build_language_model(options)
    if llm is None:
        return _span_reader(options)
    from generators.grounded import PromptedGenerator

    return PromptedGenerator.for_model(llm, options)


def build_query_writer(
    options: GeneratorOptions, llm: BaseLanguageModel[Any] | None = None
) -> LanguageModelWriter | None:
    """What writes queries with the model that ``options`` name; None where it is no language model.

    Args:
        options: of the generator.
        llm: as for :func:`build_generator`.
    """
    llm = llm or build_language_model(options)
    if llm is None:
        return None
    from generators.query_writer import LanguageModelWriter

    return LanguageModelWriter.for_model(llm, options)


def _span_reader(options: GeneratorOptions) -> Runnable[ReadingTask, Generation]:
    from generators.span_reader import SpanReader
    from retrievers.span_reader.model import Runtime

    torch_wanted = options.device is not None or options.dtype in {"bf16", "fp16"}  # an export knows neither
    return SpanReader(
        str(options.model),
        revision=options.revision,
        runtime=Runtime.TORCH if torch_wanted else Runtime.AUTO,
        device=options.device,
        dtype=options.dtype if torch_wanted and options.dtype != "auto" else "fp32",
        wording=options.wording,
    )
