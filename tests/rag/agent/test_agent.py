"""The agent over a small world: what each action does, what every limit stops, and what the trace says of it."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import RunnableLambda

from generators.base import NO_ANSWER, Generation
from rag.agent.agent import AgentResult
from rag.agent.bridging import Bridge, TitleLinker
from rag.agent.budget import StopReason
from rag.agent.plan import Action, Comparison, Plan, SubQuestion
from rag.agent.trace import Operation, TraceStep, Verdict
from retrievers.errors import InputError, ModelUnavailableError

AUTHOR = SubQuestion(id="q1", question="Кто написал роман «Солярис»?", defines="автор")
BIRTHPLACE = SubQuestion(id="q2", question="Где родился {автор}?", depends_on=("q1",))
# The same with a slot that takes anything: names of the passages are no fillings for it.
ANYBODY = AUTHOR.model_copy(update={"defines": "некто"})
THEIR_BIRTHPLACE = BIRTHPLACE.model_copy(update={"question": "Где родился {некто}?"})


def plan_of(world, *sub_questions: SubQuestion) -> Plan:
    return Plan(question=world.QUESTION, sub_questions=sub_questions)


def test_a_second_search_is_written_from_the_first_answer(world) -> None:
    agent = world.build()
    result = agent.invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert result.answer.answer == "Львов"
    assert [step.query for step in result.trace.steps] == [AUTHOR.question, "Где родился Станислав Лем?"]
    assert result.trace.stop is StopReason.ANSWERED
    # Sure of both steps together no more than of the weaker one.
    assert result.answer.confidence == pytest.approx(0.6)
    assert {context.title for context in result.answer.contexts} >= {"Солярис", "Станислав Лем"}
    assert [quote.title for quote in result.answer.citations] == ["Станислав Лем", "Солярис"]
    assert result.trace.spent.steps == 2
    assert [step.number for step in result.trace.steps] == [1, 2]


def test_a_question_of_one_step_is_answered_as_the_chain_answers_it(world) -> None:
    agent = world.build()
    asked = "Кто написал роман «Обломов»?"
    alone, stepwise = agent.chain.invoke(asked), agent.invoke(asked).answer
    assert stepwise.answer == alone.answer
    assert stepwise.confidence == alone.confidence
    assert stepwise.citations == alone.citations
    assert stepwise.contexts == alone.contexts


def test_an_unsure_step_is_followed_in_several_ways(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("океан", 0.4), ("Станислав Лем", 0.35)]}
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, ANYBODY, THEIR_BIRTHPLACE))
    assert result.answer.answer == "Львов"
    assert [step.query for step in result.trace.steps[1:]] == ["Где родился океан?", "Где родился Станислав Лем?"]
    only = world.build(known, beam=1, fallback=False).invoke(
        world.QUESTION, plan=plan_of(world, ANYBODY, THEIR_BIRTHPLACE)
    )
    assert only.answer.answer == NO_ANSWER


def test_the_quotes_are_of_the_filling_that_led_to_the_answer(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("океан", 0.4), ("Станислав Лем", 0.35)]}
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, ANYBODY, THEIR_BIRTHPLACE))
    quoted = [quote.quote[quote.answer_start : quote.answer_end] for quote in result.answer.citations]
    assert quoted == ["Львове", "Станислава Лема"]


def test_no_other_branch_is_followed_once_it_cannot_win(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("Станислав Лем", 0.9), ("океан", 0.2)]}
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert len(result.trace.steps) == 2


def test_an_answer_with_a_document_of_its_own_is_preferred(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("океан", 0.4), ("Станислав Лем", 0.35)]}
    retriever = world.build().chain.retriever
    linker = TitleLinker(lambda text, where: retriever.invoke(text, filter=where))
    agent = world.build(known, bridge=Bridge(linker), beam=1)
    assert agent.invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE)).answer.answer == "Львов"


def test_compared_steps_are_answered_by_the_name_compared(world) -> None:
    compared = (
        SubQuestion(id="a", question="Когда вышел роман «Солярис»?", about="«Солярис»"),
        SubQuestion(id="b", question="Когда вышел роман «Обломов»?", about="«Обломов»"),
        SubQuestion(id="c", question="Что вышло раньше?", action=Action.COMPARE, comparison=Comparison.EARLIEST,
                    depends_on=("a", "b")),
    )  # fmt: skip
    result = world.build().invoke(world.QUESTION, plan=plan_of(world, *compared))
    assert result.answer.answer == "«Обломов»"
    assert {quote.title for quote in result.answer.citations} == {"Солярис", "Обломов"}
    assert result.trace.steps[-1].operation is Operation.COMPARE
    same = compared[-1].model_copy(update={"comparison": Comparison.SAME})
    assert world.build().invoke(world.QUESTION, plan=plan_of(world, *compared[:2], same)).answer.answer == "нет"


def test_answers_are_united_and_intersected(world) -> None:
    first = SubQuestion(id="a", question="Где родился Станислав Лем?")
    second = SubQuestion(id="b", question="Где родился Иван Гончаров?")
    unite = SubQuestion(id="c", question="Где они родились?", action=Action.UNITE, depends_on=("a", "b"))
    agent = world.build()
    assert agent.invoke(world.QUESTION, plan=plan_of(world, first, second, unite)).answer.answer == "Львов, Симбирск"
    intersect = unite.model_copy(update={"action": Action.INTERSECT})
    nothing = agent.invoke(world.QUESTION, plan=plan_of(world, first, second, intersect))
    assert nothing.answer.answer == NO_ANSWER
    assert nothing.trace.stop is StopReason.NO_EVIDENCE
    again = second.model_copy(update={"question": "В каком городе родился Станислав Лем?"})
    known = world.KNOWN | {again.question: [("Львов", 0.5)]}
    common = world.build(known).invoke(world.QUESTION, plan=plan_of(world, first, again, intersect))
    assert common.answer.answer == "Львов"


def test_every_entity_of_a_list_is_asked_about(world) -> None:
    authors = SubQuestion(id="a", question="Какие писатели родились?", action=Action.LIST, defines="писатель")
    each = SubQuestion(id="b", question="Где родился {писатель}?", action=Action.EACH, depends_on=("a",))
    result = world.build().invoke(world.QUESTION, plan=plan_of(world, authors, each))
    asked = {step.query for step in result.trace.steps if step.operation is Operation.MAP_RETRIEVE}
    assert {"Где родился Станислав Лем?", "Где родился Иван Гончаров?"} <= asked
    assert {"Львов", "Симбирск"} <= set(result.answer.answer.split(", "))


def test_several_last_steps_answer_side_by_side(world) -> None:
    steps = (
        SubQuestion(id="a", question="Где родился Станислав Лем?", about="Лем"),
        SubQuestion(id="b", question="Где родился Иван Гончаров?", about="Гончаров"),
    )
    result = world.build().invoke(world.QUESTION, plan=plan_of(world, *steps))
    assert result.answer.answer == "Лем — Львов; Гончаров — Симбирск"


def test_a_union_needs_not_all_of_its_parts(world) -> None:
    steps = (
        SubQuestion(id="a", question="Где родился Иван Тургенев?"),
        SubQuestion(id="b", question="Где родился Иван Гончаров?"),
        SubQuestion(id="c", question="Где они родились?", action=Action.UNITE, depends_on=("a", "b")),
    )
    assert world.build().invoke(world.QUESTION, plan=plan_of(world, *steps)).answer.answer == "Симбирск"


def test_each_of_a_list_is_asked_about_with_the_best_of_the_rest(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("Станислав Лем", 0.4), ("океан", 0.35)]}
    steps = (
        ANYBODY,
        SubQuestion(id="l", question="Какие писатели родились?", action=Action.LIST, defines="писатель"),
        SubQuestion(id="e", question="Знал ли {писатель|accs} {некто}?", action=Action.EACH, depends_on=("q1", "l")),
    )
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, *steps))
    asked = [step.query for step in result.trace.steps if step.operation is Operation.MAP_RETRIEVE]
    assert asked
    assert all("Станислав Лем" in query for query in asked)


def test_what_a_filling_leaves_nothing_to_ask_is_no_error(world) -> None:
    number = SubQuestion(id="a", question="Когда вышел роман «Солярис»?", defines="число")
    known = {number.question: [("1961", 0.9)]}
    for action in (Action.LIST, Action.FIND):
        empty = SubQuestion(id="b", question="{число}?", action=action, depends_on=("a",))
        result = world.build(known, fallback=False).invoke(world.QUESTION, plan=plan_of(world, number, empty))
        assert result.trace.stop is StopReason.NO_EVIDENCE
        assert result.trace.steps[-1].verdict is Verdict.NO_ANSWER


def test_a_failed_comparison_is_not_answered_with_something_else(world) -> None:
    compared = (
        SubQuestion(id="a", question="Когда умер Станислав Лем?", about="Станислав Лем"),
        SubQuestion(id="b", question="Когда умер Иван Гончаров?", about="Иван Гончаров"),
        SubQuestion(id="c", question="Кто умер раньше?", action=Action.COMPARE, comparison=Comparison.EARLIEST,
                    depends_on=("a", "b")),
    )  # fmt: skip
    for answer, delivered in (("Симбирск", NO_ANSWER), ("Иван Гончаров", "Иван Гончаров")):
        known = {world.QUESTION: [(answer, 0.9)]}
        assert world.build(known).invoke(world.QUESTION, plan=plan_of(world, *compared)).answer.answer == delivered


def test_a_dead_end_falls_back_on_the_whole_question(world) -> None:
    known = world.KNOWN | {world.QUESTION: [("Симбирск", 0.3)]}
    unanswered = ANYBODY.model_copy(update={"question": "Кем написан роман «Солярис»?"})
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, unanswered, THEIR_BIRTHPLACE))
    assert result.answer.answer == "Симбирск"
    assert result.trace.steps[-1].operation is Operation.FALLBACK
    stays = world.build(known, fallback=False).invoke(world.QUESTION, plan=plan_of(world, unanswered, THEIR_BIRTHPLACE))
    assert stays.answer.abstained
    assert stays.trace.stop is StopReason.NO_EVIDENCE


class OtherWords(BaseRetriever):
    """Finds one passage, whatever is asked."""

    found: list[Document]

    def _get_relevant_documents(self, query, *, run_manager, k: int = 4):
        return self.found[:k]


def test_too_little_evidence_is_searched_for_in_other_words(world) -> None:
    asked = "Где появился на свет писатель-фантаст?"
    known = {asked: [("Львов", 0.7)]}
    birthplace = next(one for one in world.chunks() if one.metadata["title"] == "Станислав Лем")
    agent = world.build(known, ways={"hyde": OtherWords(found=[birthplace])}, attempts=1)
    result = agent.invoke(asked)
    assert result.trace.steps[0].verdict is not Verdict.ENOUGH
    assert result.trace.steps[-1].way == "hyde"
    assert result.answer.answer == "Львов"
    never = world.build(known, ways={"hyde": OtherWords(found=[birthplace])}, attempts=0).invoke(asked)
    assert len(never.trace.steps) == 1


def test_a_plan_that_comes_back_to_its_question_is_a_loop(world) -> None:
    known = {"Кто написал «Обломов»?": [("Иван Гончаров", 0.9)], "Что написал Иван Гончаров?": [("Обломов", 0.9)]}
    circle = (
        SubQuestion(id="a", question="Кто написал «Обломов»?", defines="автор"),
        SubQuestion(id="b", question="Что написал {автор}?", defines="ответ", depends_on=("a",)),
        SubQuestion(id="c", question="Кто написал {ответ}?", depends_on=("b",)),
    )
    result = world.build(known, fallback=False).invoke(world.QUESTION, plan=plan_of(world, *circle))
    assert result.trace.stop is StopReason.LOOP
    assert result.trace.steps[-1].verdict is Verdict.REPEATED
    assert result.trace.spent.steps == 2


def test_an_answer_that_repeats_the_question_is_not_followed(world) -> None:
    known = world.KNOWN | {AUTHOR.question: [("роман «Солярис»", 0.6), ("Станислав Лем", 0.3)]}
    result = world.build(known).invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert [step.query for step in result.trace.steps] == [AUTHOR.question, "Где родился Станислав Лем?"]


def test_independent_steps_share_a_search(world) -> None:
    steps = [SubQuestion(id=name, question="Где родился Станислав Лем?") for name in ("a", "b")]
    agent = world.build()
    result = agent.invoke(world.QUESTION, plan=plan_of(world, *steps))
    assert result.answer.answer == "Львов"
    assert result.trace.spent.steps == 1
    again = agent.invoke(world.QUESTION, plan=plan_of(world, *steps))
    assert (again.trace.spent.steps, again.trace.spent.cached) == (0, 1)


def test_the_budget_of_searches_stops_the_work(world) -> None:
    result = world.build(budget={"steps": 1}).invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert result.trace.stop is StopReason.STEPS
    assert result.answer.abstained
    assert result.answer.contexts  # what was found so far is shown


def test_what_a_step_has_found_when_the_budget_ends_is_kept(world) -> None:
    known = world.KNOWN | {"Кто написал роман «Солярис»?": [("Станислав Лем", 0.9), ("океан", 0.8)]}
    result = world.build(known, budget={"steps": 2}, attempts=0).invoke(
        world.QUESTION, plan=plan_of(world, ANYBODY, THEIR_BIRTHPLACE)
    )
    assert result.answer.answer == "Львов"
    unsure = {"О чём роман «Обломов»?": [("Роман", 0.01)]}
    ways = {"other": OtherWords(found=world.chunks())}
    kept = world.build(unsure, ways=ways, budget={"steps": 1}, min_confidence=0.0).invoke("О чём роман «Обломов»?")
    assert kept.answer.answer == "Роман"
    assert kept.answer.contexts


def test_a_long_question_is_asked_whole(world) -> None:
    asked = "Контекст. " * 45 + "Кто написал роман «Обломов»?"
    result = world.build({asked: [("Иван Гончаров", 0.9)]}).invoke(asked)
    assert result.answer.answer == "Иван Гончаров"


def test_closing_the_steps_ends_the_work(world) -> None:
    agent, cancel = world.build(), threading.Event()
    parts = agent.steps(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE), cancel=cancel)
    next(parts)
    parts.close()
    assert cancel.is_set()


def test_the_budget_of_seconds_stops_the_work(world) -> None:
    result = world.build(budget={"seconds": 1e-9}).invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert result.trace.stop is StopReason.SECONDS
    assert not result.trace.steps


def test_fan_out_is_bounded(world) -> None:
    authors = SubQuestion(id="a", question="Какие писатели родились?", action=Action.LIST, defines="писатель")
    each = SubQuestion(id="b", question="Где родился {писатель}?", action=Action.EACH, depends_on=("a",))
    result = world.build(budget={"fan_out": 1}).invoke(world.QUESTION, plan=plan_of(world, authors, each))
    assert sum(step.operation is Operation.MAP_RETRIEVE for step in result.trace.steps) == 1


def test_a_model_whose_server_fails_is_named(world) -> None:
    agent = world.build()

    def fails(_: object) -> Generation:
        raise ModelUnavailableError("nothing answers at http://127.0.0.1:9/v1")

    failing = world.build()
    failing.chain.generator = RunnableLambda(fails)
    result = failing.invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert result.trace.stop is StopReason.MODEL_FAILED
    assert "nothing answers" in result.trace.failure
    assert agent.invoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE)).trace.failure == ""


def test_cancelling_stops_before_the_next_operation(world) -> None:
    cancel = threading.Event()
    agent = world.build()
    seen = []
    for part in agent.steps(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE), cancel=cancel):
        seen.append(part)
        if isinstance(part, TraceStep):
            cancel.set()
    assert [type(part).__name__ for part in seen] == ["Plan", "TraceStep", "AgentResult"]
    assert seen[-1].trace.stop is StopReason.CANCELLED


async def test_cancelling_the_task_stops_the_thread(world) -> None:
    agent, began = world.build(), threading.Event()
    inner = agent.chain.generator

    def slow(task):
        began.set()
        time.sleep(0.05)
        return inner.invoke(task)

    agent.chain.generator = RunnableLambda(slow)
    task = asyncio.create_task(agent.ainvoke(world.QUESTION, plan=plan_of(world, AUTHOR, BIRTHPLACE)))
    await asyncio.to_thread(began.wait)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    asked = len(inner.asked)
    await asyncio.sleep(0.2)
    assert len(inner.asked) <= asked + 1  # the operation at work ends, none begins after it


async def test_async_twins_agree(world) -> None:
    agent, plan = world.build(), plan_of(world, AUTHOR, BIRTHPLACE)
    alone = await agent.ainvoke(world.QUESTION, plan=plan)
    parts = [part async for part in agent.asteps(world.QUESTION, plan=plan)]
    assert alone.answer.answer == parts[-1].answer.answer == "Львов"
    assert [type(part).__name__ for part in parts] == ["Plan", "TraceStep", "TraceStep", "AgentResult"]


def test_the_same_plan_gives_the_same_steps(world) -> None:
    def told(result: AgentResult) -> list[dict]:
        return [step.model_dump(exclude={"seconds"}) for step in result.trace.steps]

    plan = plan_of(world, AUTHOR, BIRTHPLACE)
    assert told(world.build().invoke(world.QUESTION, plan=plan)) == told(
        world.build().invoke(world.QUESTION, plan=plan)
    )


def test_a_filter_reaches_every_search(world) -> None:
    plan = plan_of(world, AUTHOR, BIRTHPLACE)
    result = world.build().invoke(world.QUESTION, plan=plan, filter={"title": "Солярис"})
    assert {hit.title for step in result.trace.steps for hit in step.hits} == {"Солярис"}


def test_a_question_without_words_is_refused(world) -> None:
    with pytest.raises(InputError, match="no word"):
        world.build().invoke("?!")


def test_a_misspelt_option_is_an_error(world) -> None:
    with pytest.raises(TypeError):
        world.build().invoke(world.QUESTION, plans=None)


def test_stages_are_traced_under_the_question(world) -> None:
    class Stages(BaseCallbackHandler):
        def __init__(self) -> None:
            self.names: list[str] = []

        def on_chain_start(self, serialized, inputs, *, name=None, **kwargs):
            self.names.append(name)

        def on_retriever_start(self, serialized, query, *, name=None, **kwargs):
            self.names.append(name)

    stages = Stages()
    world.build().invoke(world.QUESTION, {"callbacks": [stages]}, plan=plan_of(world, AUTHOR, BIRTHPLACE))
    assert {"QaAgent", "plan", "step", "synthesize", "retrieve"} <= set(stages.names)
