"""The agent: a LangGraph graph that plans a question, works through its steps and answers from what they found.

::

    plan ──> step ──┬──> step … (the next sub-question)
                    └──> synthesize ──> END

``plan`` asks the planner, unless a plan was given; ``step`` runs one sub-question; ``synthesize`` puts the answer
together and, where the steps came to nothing, asks the question as it stands once more.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import threading
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypedDict

from langchain_core.callbacks import CallbackManagerForChainRun
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig, patch_config
from langchain_core.runnables.config import merge_configs
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from generators.base import NO_ANSWER
from rag.agent.answering import Synthesis, synthesize
from rag.agent.bridging import Bridge
from rag.agent.budget import Meter, Stopped, StopReason
from rag.agent.checking import EvidenceCheck
from rag.agent.finding import Finding, FoundAnswer, interleaved, words_of
from rag.agent.options import AgentOptions
from rag.agent.plan import Plan
from rag.agent.planner import Planner
from rag.agent.searching import Searcher
from rag.agent.steps import Findings, Operations, Run
from rag.agent.trace import AgentTrace, Operation, TraceStep
from rag.answer import Answer
from rag.chain import Filter, RagChain, context_of
from rag.question import check_question
from retrievers.documents import chunk_id_of
from retrievers.errors import ModelUnavailableError

if TYPE_CHECKING:
    from langgraph.graph.state import CompiledStateGraph


@dataclass(frozen=True, slots=True)
class AgentResult:
    """What the agent returns.

    Args:
        answer: as the chain gives it; ``contexts`` hold the passages of all steps.
        trace: what was done.
    """

    answer: Answer
    trace: AgentTrace


class _State(TypedDict, total=False):
    question: str
    plan: Plan | None
    found: dict[str, Finding]
    stop: StopReason | None
    failure: str
    result: AgentResult


class QaAgent(Runnable[str, AgentResult]):
    """A runnable from a Russian question to an :class:`AgentResult`, in as many steps as the question needs.

    ``invoke`` and ``ainvoke`` take ``filter`` (a Chroma ``where`` dict), ``plan`` (one to follow instead of making one)
    and ``cancel`` (an event that stops the work before the next operation; cancelling the task of ``ainvoke`` does the
    same) as named options. :meth:`steps` yields the trace as it grows.

    Args:
        chain: searches, reads and judges; a question of one step gets its answer.
        planner: takes questions apart; None leaves every question one step.
        check: whether what a step read is enough.
        bridge: chooses the answers that later steps ask about.
        ways: retrievers to ask in other words, by name, in the order in which they are tried.
        options: of the agent.

    A language model may plan and may read passages; what is searched, followed, compared and put together is decided by
    code alone.
    """

    def __init__(
        self,
        chain: RagChain,
        planner: Planner | None,
        check: EvidenceCheck,
        *,
        bridge: Bridge | None = None,
        ways: Mapping[str, BaseRetriever] | None = None,
        options: AgentOptions | None = None,
    ) -> None:
        self.chain = chain
        self.options = options or AgentOptions()
        self._planner = planner
        self._check = check
        self._searcher = Searcher(chain, ways or {})
        self._operations = Operations(chain, self._searcher, check, self.options, bridge)
        self._graph = self._compiled()

    # The options are named, where Runnable has **kwargs: a misspelt one is a TypeError and not silence.

    def invoke(  # type: ignore[override]
        self,
        input: str,  # the parameter's name in Runnable
        config: RunnableConfig | None = None,
        *,
        filter: Filter | None = None,  # its name in every LangChain store
        plan: Plan | None = None,
        cancel: threading.Event | None = None,
    ) -> AgentResult:
        """Answer a question.

        Raises:
            InputError: the question holds nothing to search for, or the filter is malformed.
        """
        answer = functools.partial(self._answer, where=filter, plan=plan, cancel=cancel)
        return self._call_with_config(answer, input, config)

    async def ainvoke(  # type: ignore[override]
        self,
        input: str,
        config: RunnableConfig | None = None,
        *,
        filter: Filter | None = None,
        plan: Plan | None = None,
        cancel: threading.Event | None = None,
    ) -> AgentResult:
        """Answer a question in a thread of its own; cancelling the task ends it before its next operation."""
        cancel = cancel or threading.Event()
        work = functools.partial(self.invoke, input, config, filter=filter, plan=plan, cancel=cancel)
        try:
            return await asyncio.to_thread(work)
        except asyncio.CancelledError:
            cancel.set()
            raise

    def forget(self) -> None:
        """Forget all searches, as a measurement of many questions must between them."""
        self._searcher.forget()

    def steps(
        self,
        question: str,
        config: RunnableConfig | None = None,
        *,
        filter: Filter | None = None,
        plan: Plan | None = None,
        cancel: threading.Event | None = None,
    ) -> Iterator[Plan | TraceStep | AgentResult]:
        """Yield the plan, every step as it is done, and the result; closing the iterator ends the work."""
        cancel = cancel or threading.Event()
        state, run = self._begun(question, filter, plan, cancel)
        parts: Any = self._graph.stream(state, config, context=run, stream_mode=["custom", "values"])
        try:
            for mode, part in parts:
                if mode == "custom":
                    yield part
                elif "result" in part:
                    yield part["result"]
        except GeneratorExit:
            cancel.set()  # what is at work ends with its operation
            raise

    async def asteps(
        self,
        question: str,
        config: RunnableConfig | None = None,
        *,
        filter: Filter | None = None,
        plan: Plan | None = None,
        cancel: threading.Event | None = None,
    ) -> AsyncIterator[Plan | TraceStep | AgentResult]:
        """Async twin of :meth:`steps`."""
        cancel = cancel or threading.Event()
        parts = self.steps(question, config, filter=filter, plan=plan, cancel=cancel)
        end = object()
        try:
            while (part := await asyncio.to_thread(next, parts, end)) is not end:
                yield part  # type: ignore[misc]
        except (GeneratorExit, asyncio.CancelledError):
            cancel.set()
            raise

    def _answer(
        self,
        question: str,
        run_manager: CallbackManagerForChainRun,
        config: RunnableConfig,
        *,
        where: Filter | None,
        plan: Plan | None,
        cancel: threading.Event | None,
    ) -> AgentResult:
        state, run = self._begun(question, where, plan, cancel)
        config = patch_config(config, callbacks=run_manager.get_child())
        return self._graph.invoke(state, config, context=run)["result"]  # type: ignore[no-any-return]

    def _begun(
        self, question: str, where: Filter | None, plan: Plan | None, cancel: threading.Event | None
    ) -> tuple[_State, Run]:
        meter = Meter(self.options.budget, cancel or threading.Event())
        state: _State = {"question": check_question(question), "plan": plan, "found": {}, "stop": None, "failure": ""}
        return state, Run(meter, where)

    def _compiled(self) -> CompiledStateGraph[Any, Any, Any, Any]:
        graph = StateGraph(_State, context_schema=Run)
        graph.add_node("plan", self._plan)
        graph.add_node("step", self._step)
        graph.add_node("synthesize", self._synthesize)
        graph.add_edge(START, "plan")
        graph.add_edge("plan", "step")
        graph.add_conditional_edges("step", _next, ["step", "synthesize"])
        graph.add_edge("synthesize", END)
        return graph.compile()

    def _plan(self, state: _State, *, runtime: Runtime[Run]) -> dict[str, Any]:
        plan = state["plan"]
        if plan is None and self._planner is not None:
            plan = self._planner.plan(state["question"], _counted(runtime.context))
        plan = plan or Plan.single(state["question"])
        runtime.stream_writer(plan)
        return {"plan": plan}

    def _step(self, state: _State, *, runtime: Runtime[Run]) -> dict[str, Any]:
        plan, found, run = _planned(state), dict(state["found"]), _listening(runtime)
        one = next(each for each in plan.sub_questions if each.id not in found)
        try:
            found[one.id] = self._operations.execute(one, Findings(plan, found), run)
        except Stopped as stopped:
            return {"stop": stopped.reason}
        except ModelUnavailableError as error:
            return {"stop": StopReason.MODEL_FAILED, "failure": str(error)}
        # What a later step is filled with must be there; a step beside it can still be asked.
        stop = StopReason.NO_EVIDENCE if plan.needs(one) and not found[one.id].answers else None
        return {"found": found, "stop": stop}

    def _synthesize(self, state: _State, *, runtime: Runtime[Run]) -> dict[str, Any]:
        plan, run, stop, failure = _planned(state), _listening(runtime), state["stop"], state["failure"]
        synthesis = synthesize(plan, state["found"], self.options.passages)
        # Only where the steps came to nothing: an answer of the steps that nobody is sure of was measured to be righter
        # than that of the whole question that somebody is.
        if self.options.fallback and not synthesis.text and not plan.is_single and stop in _MAY_FALL_BACK:
            try:
                synthesis = self._fallen_back(state["question"], plan, synthesis, run)
                stop = None if synthesis.text else stop
            except Stopped as stopped:
                stop = stopped.reason
            except ModelUnavailableError as error:
                stop, failure = StopReason.MODEL_FAILED, str(error)
        return {"result": self._result(state["question"], plan, synthesis, stop, failure, run)}

    def _fallen_back(self, question: str, plan: Plan, synthesis: Synthesis, run: Run) -> Synthesis:
        """The question as it stands, asked once more: its answer, over its passages and those of the steps in turn."""
        finding = self._operations.ask(question, run, operation=Operation.FALLBACK)
        if compared := plan.compared:
            # Who wins is one of those compared, or nobody knows.
            kept = tuple(answer for answer in finding.answers if any(_names(answer, name) for name in compared))
            finding = dataclasses.replace(finding, answers=kept)
        alone = synthesize(Plan.single(question), {"q1": finding}, self.options.passages)
        # The first passages of both, so that what is quoted stays: quoted passages stand first.
        evidence = interleaved([alone.evidence, synthesis.evidence])[: self.options.passages]
        read = {chunk_id_of(document) for document in evidence}
        quotes = tuple(quote for quote in alone.citations if quote.chunk_id in read)
        return dataclasses.replace(alone, evidence=evidence, citations=quotes)

    def _result(
        self, question: str, plan: Plan, synthesis: Synthesis, stop: StopReason | None, failure: str, run: Run
    ) -> AgentResult:
        abstained = not synthesis.text or synthesis.confidence < self.chain.min_confidence
        text = NO_ANSWER if abstained else synthesis.text
        spent = run.meter.spent()
        if run.meter.cancelled.is_set():
            stop = StopReason.CANCELLED
        if stop is None:
            stop = StopReason.ANSWERED if not abstained else StopReason.NOT_ENOUGH
            stop = stop if synthesis.text else StopReason.NO_EVIDENCE
        answer = Answer(
            question=question,
            answer=text,
            abstained=abstained,
            confidence=synthesis.confidence,
            citations=() if abstained else synthesis.citations,
            contexts=tuple(map(context_of, synthesis.evidence)),
            timings={"total": spent.seconds},
        )
        trace = AgentTrace(
            question=question,
            plan=plan,
            steps=tuple(run.steps),
            answer=text,
            confidence=synthesis.confidence,
            stop=stop,
            spent=spent,
            failure=failure,
        )
        return AgentResult(answer, trace)


# A spent budget, a failed model and a user who went away leave nothing to ask with.
_MAY_FALL_BACK = frozenset({None, StopReason.NO_EVIDENCE, StopReason.LOOP})


def _names(answer: FoundAnswer, name: str) -> bool:
    key = words_of(name)
    return bool(key) and (answer.key <= key or key <= answer.key)


def _next(state: _State) -> str:
    done = len(state["found"]) == len(_planned(state).sub_questions)
    return "synthesize" if done or state["stop"] is not None else "step"


def _planned(state: _State) -> Plan:
    plan = state["plan"]
    if plan is None:
        raise RuntimeError("a step was reached before the plan")
    return plan


def _listening(runtime: Runtime[Run]) -> Run:
    """The question's run, its stages traced under the node that is at work and its steps told to whoever listens."""
    run = runtime.context
    run.config, run.emit = _counted(run), runtime.stream_writer
    return run


def _counted(run: Run) -> RunnableConfig:
    """The configuration of the node at work, with the handler that counts tokens."""
    return merge_configs(get_config(), {"callbacks": [run.meter.usage]})
