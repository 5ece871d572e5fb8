"""Measuring one question under one variant, in this process."""

from __future__ import annotations

import functools
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from langchain_core.callbacks import UsageMetadataCallbackHandler
from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig

from evals.agent_steps import agent_ranking, steps_of
from evals.dataset import Question
from evals.records import AnswerRecord, CitationRecord, QuestionRecord, Ranked
from evals.relevance import find_relevant
from evals.run.options import Variant
from evals.scoring import score_record
from rag.chain import RagChain
from rag.citations import final_score
from retrievers.documents import chunk_id_of, doc_id_of

if TYPE_CHECKING:
    from rag.agent.agent import QaAgent
    from rag.answer import Answer
    from rag.index import Index


class Bench:
    """Pipelines over one open index, built when a question first needs them.

    Args:
        index: searched.
        variants: pipelines by name.
        cutoffs: ranks k of the retrieval metrics.
        threshold: confidence below which an answer counts as withheld; None where nothing is answered.
    """

    def __init__(
        self, index: Index, variants: Sequence[Variant], *, cutoffs: Sequence[int], threshold: float | None
    ) -> None:
        self._index = index
        self._variants = {variant.name: variant for variant in variants}
        self._cutoffs = tuple(cutoffs)
        self._threshold = threshold
        self._pipelines: dict[str, RagChain | QaAgent] = {}
        self._relevant = functools.lru_cache(maxsize=None)(self._find_relevant)

    def measure(self, question: Question, variant: str) -> QuestionRecord:
        """Ask one question and score what came back.

        The first question of a variant is asked twice, so that loading its models is in nobody's timings.
        """
        if variant not in self._pipelines:
            self._pipelines[variant] = self._build(variant)
            self._ask(question, variant)
        record, texts = self._ask(question, variant)
        return record.model_copy(update={"metrics": score_record(record, self._cutoffs, texts)})

    def _ask(self, question: Question, variant: str) -> tuple[QuestionRecord, dict[str, str]]:
        """A record without metrics, and the text of each passage that was read."""
        pipeline = self._pipelines[variant]
        if not isinstance(pipeline, RagChain):
            return self._ask_agent(question, variant, pipeline)
        return self._ask_chain(question, variant, pipeline)

    def _ask_chain(self, question: Question, variant: str, chain: RagChain) -> tuple[QuestionRecord, dict[str, str]]:
        found = chain.search(question.question)
        record = QuestionRecord.of(
            question,
            variant,
            relevant_chunk_ids=self._relevant(question),
            ranking=tuple(_ranked(document) for document in found.documents),
            timings=found.timings,
        )
        if self._threshold is None:
            return record, {}
        usage = UsageMetadataCallbackHandler()
        answer = chain.read(question.question, found.documents[: chain.k], {"callbacks": [usage]})
        timings = {**found.timings, **answer.timings, "total": found.timings["total"] + answer.timings["total"]}
        answered = _answer_record(answer, self._threshold, _tokens(usage))
        texts = {context.chunk_id: context.text for context in answer.contexts}
        return record.model_copy(update={"answer": answered, "timings": timings}), texts

    def _ask_agent(self, question: Question, variant: str, agent: QaAgent) -> tuple[QuestionRecord, dict[str, str]]:
        usage = UsageMetadataCallbackHandler()
        config: RunnableConfig = {"callbacks": [usage]}
        agent.forget()  # a search that an earlier question paid for would be free
        started = time.perf_counter()
        result = agent.invoke(self._standalone(question, variant, agent, config), config)
        timings = {"total": time.perf_counter() - started}
        answer, steps = result.answer, steps_of(result.trace)
        record = QuestionRecord.of(
            question,
            variant,
            relevant_chunk_ids=self._relevant(question),
            ranking=agent_ranking(answer, steps),
            steps=steps,
            answer=_answer_record(answer, self._threshold or 0.0, _tokens(usage)),
            timings=timings,
        )
        return record, {context.chunk_id: context.text for context in answer.contexts}

    def _standalone(self, question: Question, variant: str, agent: QaAgent, config: RunnableConfig) -> str:
        """The question as the agent understands it after what was said before."""
        if not question.history:
            return question.question
        from rag.agent.building import build_rewriter
        from rag.agent.conversation import Turn

        rewriter = build_rewriter(self._variants[variant].profile, agent.chain)
        history = [Turn(question=turn.question, answer=turn.answer) for turn in question.history]
        return rewriter.rewrite(question.question, history, config).standalone

    def _build(self, variant: str) -> RagChain | QaAgent:
        from rag.chain import build_chain

        described = self._variants[variant]
        if described.agent:
            from rag.agent.building import build_agent

            return build_agent(self._index, described.profile)
        return build_chain(self._index, described.profile)

    def _find_relevant(self, question: Question) -> tuple[str, ...]:
        return tuple(sorted(find_relevant(question, self._index.chunks.chunks_of)))


def _ranked(document: Document) -> Ranked:
    return Ranked(chunk_id=chunk_id_of(document), doc_id=doc_id_of(document), score=final_score(document))


def _answer_record(answer: Answer, threshold: float, tokens: dict[str, int]) -> AnswerRecord:
    return AnswerRecord(
        text="" if answer.abstained else answer.answer,
        abstained=answer.abstained or answer.confidence < threshold,
        confidence=answer.confidence,
        citations=tuple(
            CitationRecord(chunk_id=one.chunk_id, doc_id=one.doc_id, quote=one.quote, start=one.start, end=one.end)
            for one in answer.citations
        ),
        context_ids=tuple(context.chunk_id for context in answer.contexts),
        tokens=tokens,
    )


def _tokens(usage: UsageMetadataCallbackHandler) -> dict[str, int]:
    counts = list(usage.usage_metadata.values())  # one entry a model
    if not counts:
        return {}
    return {
        "input_tokens": sum(count["input_tokens"] for count in counts),
        "output_tokens": sum(count["output_tokens"] for count in counts),
    }
