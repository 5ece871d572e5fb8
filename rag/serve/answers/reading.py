"""A question read out of passages: those the chain finds, those that were chosen, or those of the agent's steps."""

from __future__ import annotations

import contextlib
import logging
from dataclasses import dataclass

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import merge_configs

from generators.reader import OfflineReader
from rag.agent.agent import AgentResult
from rag.agent.budget import StopReason
from rag.agent.plan import Plan
from rag.agent.trace import AgentTrace, TraceStep
from rag.answer import Answer
from rag.chain import RagChain
from rag.serve.answers.citing import context_replies
from rag.serve.answers.searching import Search, chosen, find, scored
from rag.serve.answers.stages import StageTeller
from rag.serve.events import Event, Tell
from rag.serve.service import Service
from rag.serve.snapshots import Snapshot
from rag.serve.work import Job

_LOGGER = logging.getLogger(__name__)
# What the agent had no time or no model for may come out better when it is asked again.
_PARTIAL = frozenset({StopReason.CANCELLED, StopReason.MODEL_FAILED, StopReason.SECONDS, StopReason.TOKENS})
_NO_PLAN = "the model gave no plan"  # how the planner's note begins before it says what the model's server said


@dataclass(frozen=True, slots=True)
class Query:
    """What is to be answered and how.

    Args:
        search: the question, and where its passages come from.
        chunk_ids: passages to read in place of those found first.
        k: how many of those found are read; by default as many as the profile says.
        agent: whether the agent takes the question apart.
    """

    search: Search
    chunk_ids: tuple[str, ...] = ()
    k: int | None = None
    agent: bool = False

    def key(self, snapshot: Snapshot) -> tuple[object, ...]:
        """Equal for questions that have the same answer in one generation."""
        return (*self.search.key(snapshot), self.chunk_ids, self.k or snapshot.profile.retrieval.k, self.agent)


@dataclass(frozen=True, slots=True)
class Found:
    """An answer, and what the agent did for it.

    Args:
        answer: of the chain or the agent.
        trace: of the agent.
    """

    answer: Answer
    trace: AgentTrace | None = None

    @property
    def may_be_kept(self) -> bool:
        """Asking again would bring the same."""
        return self.trace is None or self.trace.stop not in _PARTIAL


def read(service: Service, snapshot: Snapshot, query: Query, job: Job, tell: Tell) -> Found:
    """Answer in the thread of a job, over one snapshot.

    Args:
        service: asked.
        snapshot: of its index, held by whoever calls.
        query: the question.
        job: the work this is a part of; checked between stages.
        tell: is told stages, plan, steps, contexts and text.

    Raises:
        Problem: a chosen passage is gone.
        InputError: the index cannot be asked so.
        StoppedError: nobody waits any more.
    """
    config = merge_configs(job.config, {"callbacks": [StageTeller(tell)]})
    if query.agent:
        return _ask_agent(snapshot, query, config, job, tell)
    return _ask_chain(service, snapshot, query, config, job, tell)


def _ask_chain(
    service: Service, snapshot: Snapshot, query: Query, config: RunnableConfig, job: Job, tell: Tell
) -> Found:
    search = query.search
    chain = snapshot.chain(search.retriever, search.rerank)
    if query.chunk_ids:
        documents = chosen(snapshot, query.chunk_ids)
        candidates = find(service, snapshot, search, chain.pool, config)
        documents = scored(documents, candidates, chain, config)
        parts = _reading_all(chain, len(documents)).stream_read(search.question, documents, config)
    else:
        parts = _reading_all(chain, query.k or 0).stream(search.question, config, k=query.k, filter=search.filter)
    whole: Answer | None = None
    for part in parts:
        job.check()
        if whole is None:
            tell(Event("contexts", {"contexts": context_replies(part.contexts, snapshot.index.chunks)}))
        elif part.answer:
            tell(Event("token", {"text": part.answer}))
        whole = part if whole is None else whole + part
    assert whole is not None
    return Found(whole)


def _ask_agent(snapshot: Snapshot, query: Query, config: RunnableConfig, job: Job, tell: Tell) -> Found:
    search, result = query.search, None
    agent = snapshot.agent(search.retriever, search.rerank)
    parts = agent.steps(search.question, config, filter=search.filter, cancel=job.cancel)
    with contextlib.closing(parts):  # type: ignore[type-var]
        for part in parts:
            job.check()
            match part:
                case Plan():
                    if part.note.startswith(_NO_PLAN):
                        _LOGGER.warning("a question was planned by rules: %s", part.note)
                    tell(Event("plan", _shown_plan(part)))
                case TraceStep():
                    tell(Event("step", part))
                case AgentResult():
                    result = part
    assert result is not None
    if failure := result.trace.failure:
        _LOGGER.warning("the language model of the agent failed: %s", failure)
    tell(Event("contexts", {"contexts": context_replies(result.answer.contexts, snapshot.index.chunks)}))
    tell(Event("token", {"text": result.answer.answer}))
    return Found(result.answer, _shown_trace(result.trace))


def _reading_all(chain: RagChain, count: int) -> RagChain:
    """A chain whose reader reads as many passages as were asked for, however few it reads by itself."""
    reader = chain.generator
    if not isinstance(reader, OfflineReader) or reader.passages >= count:
        return chain
    return chain.model_copy(update={"generator": OfflineReader(reader.weights_path, passages=count)})


# What a model's server said names addresses and models of the service: that it failed is told, and the log says more.


def _shown_trace(trace: AgentTrace) -> AgentTrace:
    return trace.model_copy(update={"failure": "", "plan": _shown_plan(trace.plan)})


def _shown_plan(plan: Plan) -> Plan:
    return plan.model_copy(update={"note": _NO_PLAN}) if plan.note.startswith(_NO_PLAN) else plan
