"""The parts of a chain as a profile names them. A part whose packages or weights are missing says how to get them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from langchain_core.documents import BaseDocumentCompressor
from langchain_core.language_models import BaseLanguageModel
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable

from generators.base import Generation, ReadingTask
from generators.options import GeneratorKind, GeneratorOptions
from rag.profile import Leg, RetrievalOptions, RetrieverKind
from retrievers.documents import RERANKER
from retrievers.named_models import find_weights
from retrievers.scorers.options import CompressorOptions, ScorerKind
from retrievers.span_reader.settings import is_span_reader

if TYPE_CHECKING:
    from langchain_core.cross_encoders import BaseCrossEncoder

    from rag.index import Index


def build_retriever(index: Index, options: RetrievalOptions) -> BaseRetriever:
    """The retriever ``options.retriever`` names, over ``index``."""
    match options.retriever:
        case RetrieverKind.BM25:
            return index.bm25()
        case RetrieverKind.TFIDF:
            return index.tfidf()
        case RetrieverKind.DENSE:
            return index.dense()
        case RetrieverKind.HYBRID:
            return _hybrid(index, options)
        case RetrieverKind.COVERAGE:
            from retrievers.coverage import CoverageRetriever
            from retrievers.entities import extract_entities

            return CoverageRetriever(
                retriever=_hybrid(index, options),
                options=options.coverage,
                analyzer=index.analyzer(),
                idf=index.idf,
                extract_entities=extract_entities,
                k=options.k,
            )


def _hybrid(index: Index, options: RetrievalOptions) -> BaseRetriever:
    from retrievers.hybrid import HybridRetriever

    legs: dict[Leg, Callable[[], BaseRetriever]] = {
        "bm25": index.bm25,
        "tfidf": index.tfidf,
        "dense": index.dense,
    }
    used = {name: weight for name, weight in options.hybrid.weights.items() if weight > 0}
    return HybridRetriever(
        retrievers=[legs[name]() for name in used],
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


def build_generator(options: GeneratorOptions) -> Runnable[ReadingTask, Generation]:
    """The generator that ``options.kind`` names."""
    llm: BaseLanguageModel[Any]
    match options.kind:
        case GeneratorKind.READER:
            from generators.reader import OfflineReader

            return OfflineReader(options.model and find_weights(options.model, ".npz", feature="the offline reader"))
        case GeneratorKind.SPAN:
            return _span_reader(options)
        case GeneratorKind.SEQ2SEQ | GeneratorKind.CAUSAL:
            from generators.huggingface import load_language_model

            llm = load_language_model(options)
        case GeneratorKind.CHAT:
            from generators.chat import load_chat_model

            llm = load_chat_model(options)
    from generators.grounded import PromptedGenerator

    return PromptedGenerator.for_model(llm, options)


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
