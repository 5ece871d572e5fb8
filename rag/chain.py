"""The question-answering chain: retrieve, rerank, widen, generate, judge, cite."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from langchain_core.callbacks import AsyncCallbackManagerForChainRun, CallbackManagerForChainRun
from langchain_core.documents import BaseDocumentCompressor, Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda, RunnableSerializable, patch_config
from pydantic import ConfigDict, Field

from generators.base import NO_ANSWER, Alternatives, Generation, ReadingTask
from rag.answer import Answer, Context
from rag.citations import cite
from rag.question import check_question
from retrievers.documents import chunk_id_of, doc_id_of
from retrievers.scorers.options import ScorerKind

if TYPE_CHECKING:
    from rag.index import Index
    from rag.profile import Profile, RetrievalOptions

Filter = dict[str, Any]
_StageConfig = Callable[[str], RunnableConfig]  # what a stage of that name is traced with


@runtime_checkable
class Judge(Protocol):
    """Says how far an answer can be trusted."""

    def confidence(self, question: str, generation: Generation, documents: Sequence[Document]) -> float:
        """Probability in [0, 1] that ``generation``, read from ``documents``, answers ``question`` rightly."""
        ...


@dataclass(frozen=True, slots=True)
class Candidates:
    """What a question found: the whole pool in the order in which the generator would read it.

    Args:
        question: as the chain searched for it.
        documents: best first, each with the score of every component that saw it.
        timings: seconds by stage (``retrieve``, ``rerank``, ``select``, ``total``).
    """

    question: str
    documents: tuple[Document, ...]
    timings: dict[str, float]


@dataclass(slots=True)
class _Progress:
    """One question on its way through the chain."""

    question: str
    k: int
    documents: list[Document] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    lap: float = field(default_factory=time.perf_counter)

    def mark(self, stage: str) -> None:
        """Write down the seconds since the previous stage ended."""
        now = time.perf_counter()
        self.timings[stage] = now - self.lap
        self.timings["total"] = now - self.started
        self.lap = now

    def task(self) -> ReadingTask:
        """What the generator reads."""
        return ReadingTask(self.question, tuple(self.documents))

    def contexts(self) -> tuple[Context, ...]:
        """The passages read, with the scores of every stage that saw them."""
        return tuple(map(context_of, self.documents))

    def opening(self) -> Answer:
        """First streamed part: the passages, before any word of the answer."""
        return Answer(self.question, contexts=self.contexts(), timings=dict(self.timings))


class RagChain(RunnableSerializable[str, Answer]):
    """A runnable from a Russian question to a cited :class:`~rag.answer.Answer`.

    ``invoke``, ``ainvoke``, ``batch``, ``stream`` and their async twins take ``k`` (passages to read) and ``filter``
    (a Chroma ``where`` dict over the documents' metadata) as named options: ``chain.invoke(question, k=3,
    filter={"topic": "спорт"})``. Streamed parts add up: the first carries the contexts, the last the citations.

    Args:
        retriever: finds ``pool`` candidates.
        compressor: orders them; None keeps the retriever's order.
        selector: orders the candidates once more so that the first ``k`` make a good set, as coverage does.
        generator: writes the answer from the best ``k``.
        judge: calibrates the confidence; without one the generator's own is taken.
        widen: shows each passage with its neighbours (small-to-big).
        pool: candidates fetched.
        k: passages read.
        min_confidence: answers below it are withheld.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="forbid")

    retriever: BaseRetriever
    compressor: BaseDocumentCompressor | None = None
    selector: BaseDocumentCompressor | None = None
    generator: Runnable[ReadingTask, Generation]
    judge: Judge | None = Field(default=None, repr=False)
    widen: Callable[[list[Document]], list[Document]] | None = Field(default=None, repr=False)
    pool: int = Field(default=50, ge=1)
    k: int = Field(default=5, ge=1)
    min_confidence: float = Field(default=0.0, ge=0.0, le=1.0)

    # The options are named, where Runnable has **kwargs: a misspelt one is a TypeError and not silence.

    def invoke(  # type: ignore[override]
        self,
        input: str,  # the parameter's name in Runnable
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,  # its name in every LangChain store
    ) -> Answer:
        """Answer a question.

        Raises:
            InputError: the question holds nothing to search for, or the filter is malformed.
        """
        return self._call_with_config(functools.partial(self._answer, k=k, where=filter), input, config)

    async def ainvoke(  # type: ignore[override]
        self,
        input: str,
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,
    ) -> Answer:
        """Answer a question without blocking the event loop."""
        return await self._acall_with_config(functools.partial(self._aanswer, k=k, where=filter), input, config)

    def stream(  # type: ignore[override]
        self,
        input: str,
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,
    ) -> Iterator[Answer]:
        """Yield parts of the answer as they come; their sum is what :meth:`invoke` returns."""
        answer = functools.partial(self._stream, k=k, where=filter)
        yield from self._transform_stream_with_config(iter([input]), answer, config)

    async def astream(  # type: ignore[override]
        self,
        input: str,
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,
    ) -> AsyncIterator[Answer]:
        """Async twin of :meth:`stream`."""

        async def questions() -> AsyncIterator[str]:
            yield input

        answer = functools.partial(self._astream, k=k, where=filter)
        async for part in self._atransform_stream_with_config(questions(), answer, config):
            yield part

    def search(
        self,
        question: str,
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,
    ) -> Candidates:
        """The first half of the chain alone: find and order ``k`` candidates (default: the whole pool).

        Raises:
            InputError: the question holds nothing to search for, or the filter is malformed.
        """
        progress = _Progress(check_question(question), self.k)
        stage_config = functools.partial(_stage_config, config)
        found = self._rank(progress, self.pool if k is None else k, filter, stage_config)
        return Candidates(progress.question, tuple(found), progress.timings)

    async def asearch(
        self,
        question: str,
        config: RunnableConfig | None = None,
        *,
        k: int | None = None,
        filter: Filter | None = None,
    ) -> Candidates:
        """Async twin of :meth:`search`."""
        progress = _Progress(check_question(question), self.k)
        stage_config = functools.partial(_stage_config, config)
        found = await self._arank(progress, self.pool if k is None else k, filter, stage_config)
        return Candidates(progress.question, tuple(found), progress.timings)

    def read(self, question: str, documents: Sequence[Document], config: RunnableConfig | None = None) -> Answer:
        """The second half of the chain alone: answer from ``documents``, whoever chose them.

        Raises:
            InputError: the question holds nothing to answer.
        """
        progress = _Progress(check_question(question), self.k, self._widen(list(documents)))
        return self._finish(progress, self._generate(progress, _stage_config(config, "generate")))

    async def aread(self, question: str, documents: Sequence[Document], config: RunnableConfig | None = None) -> Answer:
        """Async twin of :meth:`read`."""
        progress = _Progress(check_question(question), self.k, self._widen(list(documents)))
        return self._finish(progress, await self._agenerate(progress, _stage_config(config, "generate")))

    def stream_read(
        self, question: str, documents: Sequence[Document], config: RunnableConfig | None = None
    ) -> Iterator[Answer]:
        """Yield parts of what :meth:`read` returns as they come, as :meth:`stream` does.

        Raises:
            InputError: the question holds nothing to answer.
        """
        progress = _Progress(check_question(question), self.k, self._widen(list(documents)))
        yield from self._told(progress, _stage_config(config, "generate"))

    async def astream_read(
        self, question: str, documents: Sequence[Document], config: RunnableConfig | None = None
    ) -> AsyncIterator[Answer]:
        """Async twin of :meth:`stream_read`."""
        progress = _Progress(check_question(question), self.k, self._widen(list(documents)))
        async for part in self._atold(progress, _stage_config(config, "generate")):
            yield part

    def shown(self, documents: Sequence[Document]) -> list[Document]:
        """Passages as the generator reads them: with their neighbours, where the chain shows them so."""
        return self._widen(list(documents))

    def alternatives(
        self, question: str, documents: Sequence[Document], n: int, config: RunnableConfig | None = None
    ) -> list[Answer]:
        """At most ``n`` different answers from ``documents`` as they are, the likeliest first, none withheld.

        A generator that names one answer only gives one. :meth:`shown` makes of found passages those to read.

        Raises:
            InputError: the question holds nothing to answer.
        """
        progress = _Progress(check_question(question), self.k, list(documents))
        if not progress.documents:
            return []
        if n > 1 and isinstance(self.generator, Alternatives):
            found = self.generator.alternatives(progress.task(), n)
        else:
            found = [self._generate(progress, _stage_config(config, "generate"))]
        return [self._judged(progress, one, 0.0) for one in found]

    # Sync and async differ only in how a stage is called; what happens between the stages is shared.

    def _answer(
        self,
        question: str,
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        *,
        k: int | None,
        where: Filter | None,
    ) -> Answer:
        progress = self._prepare(question, k, where, config, run_manager)
        return self._finish(progress, self._generate(progress, _child(config, run_manager, "generate")))

    async def _aanswer(
        self,
        question: str,
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        *,
        k: int | None,
        where: Filter | None,
    ) -> Answer:
        progress = await self._aprepare(question, k, where, config, run_manager)
        return self._finish(progress, await self._agenerate(progress, _child(config, run_manager, "generate")))

    def _stream(
        self,
        questions: Iterator[str],
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        *,
        k: int | None,
        where: Filter | None,
    ) -> Iterator[Answer]:
        progress = self._prepare("".join(questions), k, where, config, run_manager)
        yield from self._told(progress, _child(config, run_manager, "generate"))

    async def _astream(
        self,
        questions: AsyncIterator[str],
        run_manager: AsyncCallbackManagerForChainRun,
        config: RunnableConfig,
        *,
        k: int | None,
        where: Filter | None,
    ) -> AsyncIterator[Answer]:
        question = "".join([part async for part in questions])
        progress = await self._aprepare(question, k, where, config, run_manager)
        async for part in self._atold(progress, _child(config, run_manager, "generate")):
            yield part

    def _told(self, progress: _Progress, config: RunnableConfig) -> Iterator[Answer]:
        """The parts of a streamed answer, from the passages on."""
        yield progress.opening()
        released, whole = "", Generation("")
        for part in self._parts(progress, config):
            whole += part
            if self._may_release(part):
                released += part.text
                yield Answer(progress.question, part.text)
        yield self._closing(progress, whole, released)

    async def _atold(self, progress: _Progress, config: RunnableConfig) -> AsyncIterator[Answer]:
        yield progress.opening()
        released, whole = "", Generation("")
        async for part in self._aparts(progress, config):
            whole += part
            if self._may_release(part):
                released += part.text
                yield Answer(progress.question, part.text)
        yield self._closing(progress, whole, released)

    def _generate(self, progress: _Progress, config: RunnableConfig) -> Generation:
        return self.generator.invoke(progress.task(), config) if progress.documents else Generation("")

    async def _agenerate(self, progress: _Progress, config: RunnableConfig) -> Generation:
        return await self.generator.ainvoke(progress.task(), config) if progress.documents else Generation("")

    def _parts(self, progress: _Progress, config: RunnableConfig) -> Iterator[Generation]:
        if progress.documents:
            yield from self.generator.stream(progress.task(), config)

    async def _aparts(self, progress: _Progress, config: RunnableConfig) -> AsyncIterator[Generation]:
        if progress.documents:
            async for part in self.generator.astream(progress.task(), config):
                yield part

    def _prepare(
        self,
        question: str,
        k: int | None,
        where: Filter | None,
        config: RunnableConfig,
        run_manager: CallbackManagerForChainRun,
    ) -> _Progress:
        progress = _Progress(check_question(question), self.k if k is None else k)
        stage_config = functools.partial(_child, config, run_manager)
        found = self._rank(progress, self._fetched(progress.k), where, stage_config)
        progress.documents = self._widen(found[: progress.k])
        return progress

    async def _aprepare(
        self,
        question: str,
        k: int | None,
        where: Filter | None,
        config: RunnableConfig,
        run_manager: AsyncCallbackManagerForChainRun,
    ) -> _Progress:
        progress = _Progress(check_question(question), self.k if k is None else k)
        stage_config = functools.partial(_child, config, run_manager)
        found = await self._arank(progress, self._fetched(progress.k), where, stage_config)
        progress.documents = self._widen(found[: progress.k])
        return progress

    def _rank(
        self, progress: _Progress, fetched: int, where: Filter | None, stage_config: _StageConfig
    ) -> list[Document]:
        options = _search_options(fetched, where)
        found = self.retriever.invoke(progress.question, stage_config("retrieve"), **options)
        progress.mark("retrieve")
        for stage, compressor in self._compressors():
            task = (progress.question, found)
            found = _compression(compressor, stage).invoke(task, stage_config(stage))
            progress.mark(stage)
        return found

    async def _arank(
        self, progress: _Progress, fetched: int, where: Filter | None, stage_config: _StageConfig
    ) -> list[Document]:
        options = _search_options(fetched, where)
        found = await self.retriever.ainvoke(progress.question, stage_config("retrieve"), **options)
        progress.mark("retrieve")
        for stage, compressor in self._compressors():
            task = (progress.question, found)
            found = await _compression(compressor, stage).ainvoke(task, stage_config(stage))
            progress.mark(stage)
        return found

    def _compressors(self) -> list[tuple[str, BaseDocumentCompressor]]:
        stages = (("rerank", self.compressor), ("select", self.selector))
        return [(stage, compressor) for stage, compressor in stages if compressor is not None]

    def _fetched(self, k: int) -> int:
        return max(self.pool, k) if self._compressors() else k

    def _widen(self, documents: list[Document]) -> list[Document]:
        return documents if self.widen is None else self.widen(documents)

    def _may_release(self, part: Generation) -> bool:
        # Text that the judge may still withhold is not shown; a part with a confidence waits for its judgement.
        return self.min_confidence == 0 and part.confidence is None and bool(part.text)

    def _finish(self, progress: _Progress, generation: Generation) -> Answer:
        """Judge what was generated and cite it, or abstain."""
        return self._judged(progress, generation, self.min_confidence)

    def _judged(self, progress: _Progress, generation: Generation, min_confidence: float) -> Answer:
        documents = progress.documents
        confidence = self._confidence(progress.question, generation, documents)
        abstained = generation.text in {"", NO_ANSWER} or confidence < min_confidence
        citations = () if abstained else cite(generation.evidence, documents)
        progress.mark("generate")
        return Answer(
            question=progress.question,
            answer=NO_ANSWER if abstained else generation.text,
            abstained=abstained,
            confidence=confidence,
            citations=citations,
            contexts=progress.contexts(),
            timings=progress.timings,
        )

    def _confidence(self, question: str, generation: Generation, documents: Sequence[Document]) -> float:
        if generation.text in {"", NO_ANSWER}:
            return 0.0
        if self.judge is not None:
            return self.judge.confidence(question, generation, documents)
        # A generator that cannot tell is taken at its word: it was asked to say so when there is no answer.
        return 1.0 if generation.confidence is None else generation.confidence

    def _closing(self, progress: _Progress, generation: Generation, released: str) -> Answer:
        final = self._finish(progress, generation)
        return dataclasses.replace(final, answer=final.answer.removeprefix(released))


def context_of(document: Document) -> Context:
    """A passage as an answer shows it."""
    return Context(
        chunk_id=chunk_id_of(document),
        doc_id=doc_id_of(document),
        title=str(document.metadata.get("title", "")),
        text=document.page_content,
        scores=dict(document.metadata.get("scores", {})),
    )


def _search_options(k: int, where: Filter | None) -> dict[str, Any]:
    # A retriever of somebody else may know no filter: it is named only when one was asked for.
    return {"k": k} | ({} if where is None else {"filter": where})


def _stage_config(config: RunnableConfig | None, stage: str) -> RunnableConfig:
    return patch_config(config, run_name=stage)


def _child(
    config: RunnableConfig, run_manager: CallbackManagerForChainRun | AsyncCallbackManagerForChainRun, stage: str
) -> RunnableConfig:
    return patch_config(config, callbacks=run_manager.get_child(stage), run_name=stage)


def _compression(
    compressor: BaseDocumentCompressor, stage: str
) -> Runnable[tuple[str, list[Document]], list[Document]]:
    """A compressor as a traced stage of its own."""

    def compress(task: tuple[str, list[Document]], config: RunnableConfig) -> list[Document]:
        question, documents = task
        return list(compressor.compress_documents(documents, question, callbacks=config.get("callbacks")))

    async def acompress(task: tuple[str, list[Document]], config: RunnableConfig) -> list[Document]:
        question, documents = task
        return list(await compressor.acompress_documents(documents, question, callbacks=config.get("callbacks")))

    return RunnableLambda(compress, afunc=acompress, name=stage)


def build_chain(index: Index, profile: Profile) -> RagChain:
    """The chain that ``profile`` describes, over ``index``. Models load on the first question.

    Raises:
        MissingExtraError: a part needs packages that are not installed.
        ModelUnavailableError: a part needs weights that are not at hand.
        IndexMismatchError: the index was built for another encoder than the profile's.
    """
    from rag.abstention import EvidenceJudge, load_calibration
    from rag.components import (
        build_compressor,
        build_generator,
        build_language_model,
        build_query_writer,
        build_retriever,
        build_selector,
    )
    from rag.documents.neighbours import widener

    index.require_encoder(profile.index.encoder)
    options, abstention = profile.retrieval, profile.abstention
    compressor = build_compressor(index, profile.compressor)
    searched = searched_options(profile)
    covering = searched is not options
    analyzer, calibration = index.analyzer(), load_calibration(abstention.calibration)
    llm = build_language_model(profile.generator)
    writer = build_query_writer(profile.generator, llm) if options.expansion.kind.needs_writer else None
    return RagChain(
        retriever=build_retriever(index, searched, writer),
        compressor=compressor,
        selector=build_selector(index, options) if covering else None,
        generator=build_generator(profile.generator, llm),
        judge=EvidenceJudge(calibration, analyzer, index.idf),
        widen=widener(index.chunks, options.neighbours) if options.neighbours else None,
        pool=options.pool,
        k=options.k,
        min_confidence=calibration.threshold_or(abstention.min_confidence),
    )


def searched_options(profile: Profile) -> RetrievalOptions:
    """Options of the retriever that a chain of ``profile`` asks first.

    Reranking would undo a choice made for coverage: it comes first, and the choice is made from what it ranked.
    """
    from rag.profile import RetrieverKind

    options = profile.retrieval
    covering = options.retriever is RetrieverKind.COVERAGE and profile.compressor.kind is not ScorerKind.NONE
    return options.model_copy(update={"retriever": RetrieverKind.HYBRID}) if covering else options
