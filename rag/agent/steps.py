"""The operations of the agent: each runs one sub-question of a plan and writes down what it did.

An operation is decided by the plan and the findings before it, never by a model: the same plan over the same index
gives the same steps.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from langchain_core.documents import Document
from langchain_core.runnables import RunnableConfig

from rag.agent.bridging import Bridge
from rag.agent.budget import Meter, Stopped, StopReason
from rag.agent.checking import Check, EvidenceCheck
from rag.agent.comparing import NO, YES, agree, winner
from rag.agent.finding import Finding, FoundAnswer, common, distinct, interleaved, united, words_of
from rag.agent.options import AgentOptions
from rag.agent.plan import Action, Comparison, Plan, SubQuestion
from rag.agent.searching import AS_ASKED, Searcher
from rag.agent.trace import Operation, TraceHit, TraceStep, Verdict
from rag.agent.wording import compose
from rag.answer import Answer, Citation
from rag.chain import Filter, RagChain
from rag.question import check_question
from retrievers.analysis import words
from retrievers.documents import chunk_id_of
from retrievers.entities import extract_entities_batch
from retrievers.errors import InputError, ModelUnavailableError


@dataclass(frozen=True, slots=True)
class Findings:
    """What the steps of a plan have found so far, by the id of the sub-question."""

    plan: Plan
    found: Mapping[str, Finding]

    def of(self, one: SubQuestion) -> list[Finding]:
        """Of those that ``one`` depends on, in its order."""
        return [self.found[name] for name in one.depends_on]

    def filling(self, slot: str) -> Finding:
        """What fills a slot."""
        return self.found[self.plan.definer(slot).id]


@dataclass(frozen=True, slots=True)
class _Branch:
    """One way to fill the slots of a sub-question.

    Args:
        query: the question so filled.
        about: who or what it then asks after.
        path: probability that all fillings are right.
        weakest: the least of their probabilities.
        support: quotes for the fillings.
    """

    query: str
    about: str
    path: float
    weakest: float
    support: tuple[Citation, ...]

    def followed(self, finding: Finding) -> Finding:
        """What the query found, as an end of this path."""
        answers = tuple(
            dataclasses.replace(
                answer,
                about=self.about,
                path=self.path,
                weakest=min(self.weakest, answer.confidence),
                support=self.support,
            )
            for answer in finding.answers
        )
        return dataclasses.replace(finding, answers=answers)


@dataclass
class Run:
    """What belongs to one question while it is worked on.

    Args:
        meter: counts the costs.
        where: filter of every search.
        config: callbacks and tags of every stage.
        emit: told of every step as it is done.
        steps: done so far.
        asked: by the words of a query, the sub-question that asked it and what was found.
    """

    meter: Meter
    where: Filter | None = None
    config: RunnableConfig | None = None
    emit: Callable[[TraceStep], None] = lambda _: None
    steps: list[TraceStep] = field(default_factory=list)
    asked: dict[tuple[str, ...], tuple[str, Finding]] = field(default_factory=dict)

    def record(self, step: TraceStep) -> None:
        """Add a step, numbered, to the trace."""
        numbered = step.model_copy(update={"number": len(self.steps) + 1})
        self.steps.append(numbered)
        self.emit(numbered)


class Operations:
    """Runs sub-questions.

    Args:
        chain: reads and judges.
        searcher: searches.
        check: says whether what was read is enough.
        options: of the agent.
        bridge: chooses the answers that later steps ask about.
    """

    def __init__(
        self,
        chain: RagChain,
        searcher: Searcher,
        check: EvidenceCheck,
        options: AgentOptions,
        bridge: Bridge | None = None,
    ) -> None:
        self._chain = chain
        self._searcher = searcher
        self._check = check
        self._options = options
        self._bridge = bridge or Bridge()
        self._k = options.k or chain.k

    def execute(self, one: SubQuestion, findings: Findings, run: Run) -> Finding:
        """What ``one`` finds, given what was found before it.

        Raises:
            Stopped: a budget is spent, the question was cancelled, or the step repeats itself.
        """
        match one.action:
            case Action.FIND:
                return self._find(one, findings, run)
            case Action.LIST:
                return self._list(one, findings, run)
            case Action.EACH:
                return self._each(one, findings, run)
            case Action.UNITE | Action.INTERSECT:
                return self._join(one, findings.of(one), run)
            case Action.COMPARE:
                return self._compare(one, findings.of(one), run)

    def ask(self, question: str, run: Run, *, operation: Operation, sub_question: str = "") -> Finding:
        """Ask one question without slots: search, read, check, and search in other words where it is not enough."""
        one = SubQuestion.model_construct(id=sub_question, question=question)
        return self._ask(one, question, run, operation=operation, n=1, attempts=self._options.attempts)

    def _find(self, one: SubQuestion, findings: Findings, run: Run) -> Finding:
        n = self._options.alternatives if one.defines or findings.plan.intersects(one) else 1
        above = findings.plan.above(one)
        found: list[Finding] = []
        for branch in _branches(one, findings, self._options.beam):
            # No branch can be righter than what it is filled with.
            if found and max(each.confidence for each in found) >= branch.path:
                break
            # Other words are for the likeliest filling alone: what is unlikely is not worth several searches.
            attempts = 0 if found else self._options.attempts
            try:
                asked = self._ask(
                    one, branch.query, run, operation=Operation.RETRIEVE, n=n, above=above, attempts=attempts
                )
            except (Stopped, ModelUnavailableError):
                if not any(each.answers for each in found):
                    raise
                break  # what is found stays found; the next operation stops, if there is one
            found.append(branch.followed(asked))
        found.sort(key=lambda finding: -finding.confidence)
        answers = sorted((answer for each in found for answer in each.answers), key=lambda answer: -answer.joint)
        return Finding(distinct(answers, n) if answers else (), interleaved([each.evidence for each in found]))

    def _each(self, one: SubQuestion, findings: Findings, run: Run) -> Finding:
        above = findings.plan.above(one)
        found: list[Finding] = []
        for branch in _branches(one, findings, run.meter.budget.fan_out):
            try:
                asked = self._ask(one, branch.query, run, operation=Operation.MAP_RETRIEVE, n=1, above=above)
            except (Stopped, ModelUnavailableError):
                if not any(each.answers for each in found):
                    raise
                break
            found.append(branch.followed(asked))
        return Finding(united(found), interleaved([each.evidence for each in found]), several=True)

    def _list(self, one: SubQuestion, findings: Findings, run: Run) -> Finding:
        started = time.perf_counter()
        query = _searchable(next(_branches(one, findings, 1)).query)
        if not query:
            return _nothing_to_ask(one, Operation.RETRIEVE, run)
        documents = self._searcher.search(query, AS_ASKED, run.meter, where=run.where, config=run.config)
        evidence = documents[: self._k]
        answers = _entities(query, evidence, run.meter.budget.fan_out)
        run.record(
            TraceStep(
                number=0,
                sub_question=one.id,
                operation=Operation.RETRIEVE,
                question=one.question,
                query=query,
                way=AS_ASKED,
                hits=tuple(map(TraceHit.of, documents)),
                evidence=tuple(map(chunk_id_of, evidence)),
                answer=", ".join(answer.text for answer in answers),
                confidence=answers[0].confidence if answers else 0.0,
                verdict=Verdict.DONE if answers else Verdict.NO_ANSWER,
                seconds=time.perf_counter() - started,
            )
        )
        return Finding(answers, evidence, several=True)

    def _join(self, one: SubQuestion, parts: Sequence[Finding], run: Run) -> Finding:
        started = time.perf_counter()
        intersecting = one.action is Action.INTERSECT
        answers = common(parts) if intersecting else united(parts)
        finding = Finding(answers, interleaved([part.evidence for part in parts]), several=True)
        operation = Operation.INTERSECT if intersecting else Operation.UNION
        run.record(_computed(one, operation, finding, started))
        return finding

    def _compare(self, one: SubQuestion, parts: Sequence[Finding], run: Run) -> Finding:
        started = time.perf_counter()
        comparison = one.comparison or Comparison.SAME
        answers: tuple[FoundAnswer, ...] = ()
        if all(part.answers for part in parts):
            compared = [part.answers[0] for part in parts]
            said = _comparison(compared, comparison)
            quotes = tuple(quote for answer in compared for quote in answer.citations[:1])
            support = tuple(quote for answer in compared for quote in answer.support)
            # Both must be right: each is a step on the way to what code then knows for certain.
            path = math.prod(answer.joint for answer in compared)
            weakest = min(answer.weakest for answer in compared)
            answers = (FoundAnswer(said, 1.0, quotes, path=path, weakest=weakest, support=support),) if said else ()
        finding = Finding(answers, interleaved([part.evidence for part in parts]))
        run.record(_computed(one, Operation.COMPARE, finding, started))
        return finding

    def _ask(
        self,
        one: SubQuestion,
        query: str,
        run: Run,
        *,
        operation: Operation,
        n: int,
        above: frozenset[str] = frozenset(),
        attempts: int = 0,
    ) -> Finding:
        query = _searchable(query)
        if not query:
            return _nothing_to_ask(one, operation, run)
        key = tuple(words(query))
        if known := run.asked.get(key):
            asker, finding = known
            run.record(_repeated(one, query, operation, finding))
            if asker in above:  # filled with what came of a question, the plan asks that question again
                raise Stopped(StopReason.LOOP)
            return finding
        finding = Finding()
        for way in self._searcher.ways[: 1 + attempts]:
            try:
                found, check = self._attempt(one, query, way, run, operation=operation, n=n)
            except (Stopped, ModelUnavailableError):
                if way == AS_ASKED:
                    raise
                break
            # Of what is not enough, the question's own finding is kept: other words were measured to be no better.
            if check.passed or not finding.answers:
                finding = found
            if check.passed:
                break
        run.asked[key] = (one.id, finding)
        return finding

    def _attempt(
        self, one: SubQuestion, query: str, way: str, run: Run, *, operation: Operation, n: int
    ) -> tuple[Finding, Check]:
        started = time.perf_counter()
        documents = self._searcher.search(query, way, run.meter, where=run.where, config=run.config)
        evidence = tuple(self._chain.shown(documents[: self._k]))
        run.meter.check()
        read = self._chain.alternatives(query, evidence, n, run.config)
        answers = distinct((_found(answer) for answer in read if not answer.abstained), n)
        if one.defines:
            answers = self._bridge.candidates(one.defines, query, answers, evidence, n, where=run.where)
        check = self._check.check(query, evidence, answers)
        finding = Finding(answers, evidence)
        run.record(
            TraceStep(
                number=0,
                sub_question=one.id,
                operation=operation,
                question=one.question,
                query=query,
                way=way,
                hits=tuple(map(TraceHit.of, documents)),
                evidence=tuple(map(chunk_id_of, evidence)),
                answer=finding.text,
                confidence=finding.confidence,
                coverage=check.coverage,
                verdict=check.verdict,
                seconds=time.perf_counter() - started,
            )
        )
        return finding, check


def _branches(one: SubQuestion, findings: Findings, limit: int) -> Iterator[_Branch]:
    """The likeliest ways to fill the slots of ``one``, at most ``limit``, likeliest first; none without a filling."""
    fillings = [findings.filling(slot.name) for slot in one.slots]
    # Of what stands beside a list the best is taken: each of the list is asked about, not each guess at the rest.
    choices = [found.kept[:limit] if one.action is Action.EACH else found.answers[:limit] for found in fillings]
    filled = sorted(itertools.product(*choices), key=lambda answers: -math.prod(answer.joint for answer in answers))
    for answers in filled[:limit]:
        texts = {slot.name: answer.text for slot, answer in zip(one.slots, answers, strict=True)}
        yield _Branch(
            query=compose(one.question, texts),
            about=compose(one.about, texts) if one.about else ", ".join(texts.values()),
            path=math.prod(answer.joint for answer in answers),
            weakest=min((answer.weakest for answer in answers), default=1.0),
            support=tuple(quote for answer in answers for quote in (*answer.citations[:1], *answer.support)),
        )


def _searchable(query: str) -> str:
    """The query, ``""`` for one that holds nothing to search for: a filling may leave it so."""
    try:
        return check_question(query)
    except InputError:
        return ""


def _nothing_to_ask(one: SubQuestion, operation: Operation, run: Run) -> Finding:
    step = TraceStep(number=0, sub_question=one.id, operation=operation, question=one.question)
    run.record(step.model_copy(update={"verdict": Verdict.NO_ANSWER}))
    return Finding()


def _found(answer: Answer) -> FoundAnswer:
    return FoundAnswer(answer.answer, answer.confidence, answer.citations, weakest=answer.confidence)


def _entities(query: str, passages: Sequence[Document], n: int) -> tuple[FoundAnswer, ...]:
    """EXTRACT_ENTITIES: the names that most of the passages hold, those of the query left out.

    The confidence is the share of the passages that hold a name.
    """
    known = words_of(query)
    counts: dict[frozenset[str], list[str]] = {}
    for entities in extract_entities_batch([passage.page_content for passage in passages]):
        names = {words_of(entity.normal): entity.normal for entity in entities}
        for key, name in names.items():
            if key and not key <= known:
                counts.setdefault(key, []).append(name)
    ranked = sorted(counts.values(), key=lambda names: -len(names))  # stable: earlier passages first
    return distinct((FoundAnswer(names[0], len(names) / len(passages)) for names in ranked), n)


def _comparison(compared: Sequence[FoundAnswer], comparison: Comparison) -> str:
    texts = [answer.text for answer in compared]
    if comparison is Comparison.SAME:
        return YES if agree(texts) else NO
    best = winner(texts, comparison)
    return "" if best is None else compared[best].about or compared[best].text


def _repeated(one: SubQuestion, query: str, operation: Operation, finding: Finding) -> TraceStep:
    return TraceStep(
        number=0,
        sub_question=one.id,
        operation=operation,
        question=one.question,
        query=query,
        evidence=tuple(map(chunk_id_of, finding.evidence)),
        answer=finding.text,
        confidence=finding.confidence,
        verdict=Verdict.REPEATED,
    )


def _computed(one: SubQuestion, operation: Operation, finding: Finding, started: float) -> TraceStep:
    return TraceStep(
        number=0,
        sub_question=one.id,
        operation=operation,
        question=one.question,
        answer=finding.text,
        confidence=finding.confidence,
        verdict=Verdict.DONE if finding.answers else Verdict.NO_ANSWER,
        seconds=time.perf_counter() - started,
    )
