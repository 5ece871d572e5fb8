from __future__ import annotations

import pytest

from evals.multistep.build import build
from retrievers.errors import InputError


@pytest.fixture
def drafts(world):
    return {draft.question.qid: draft for draft in build(world.folder).unread}


def test_two_facts_are_joined_over_the_entity_they_share(drafts) -> None:
    question = drafts["ts-dev-poem.author.birth-city"].question
    assert question.question == "В каком городе родился поэт, который написал поэму «Утро»?"
    assert question.answers == ("Тверь",)
    assert question.gold_doc_ids == ("1", "3")
    assert [(hop.question, hop.answer, hop.gold_doc_ids) for hop in question.hops] == [
        ("Кто написал поэму «Утро»?", "Иван Лесной", ("1",)),
        ("В каком городе родился Иван Лесной?", "Тверь", ("3",)),
    ]


def test_second_facts_are_spread_before_any_is_used_again(drafts) -> None:
    qids = [qid for qid in drafts if qid.startswith("ts-")]
    assert qids == [
        "ts-dev-poem.author.birth-city",
        "ts-dev-ode.author.birth-year",
        "ts-dev-poem.author.birth-year",
        "ts-dev-ode.author.birth-city",
    ]


def test_follow_ups(drafts) -> None:
    about_answer = drafts["fu-dev-poem.author.birth-city"].question
    assert about_answer.question == "А где он родился?"
    assert about_answer.standalone == "Где родился Иван Лесной?"
    assert (about_answer.history[0].question, about_answer.history[0].answer) == (
        "Кто написал поэму «Утро»?",
        "Иван Лесной",
    )
    about_subject = drafts["fu-dev-poet.birth-city+birth-year"].question
    assert (about_subject.history[0].answer, about_subject.question) == ("Тверь", "А когда он родился?")


def test_the_second_step_of_a_broken_question_has_no_answer(drafts) -> None:
    (qid,) = [qid for qid in drafts if qid.startswith("un-")]
    question = drafts[qid].question
    assert question.question.startswith("Какого роста был поэт, который написал")
    assert not question.answerable
    assert [hop.answer for hop in question.hops] == ["Иван Лесной", ""]
    assert question.hops[1].gold_doc_ids == ()


def test_the_first_step_of_a_broken_question_has_no_answer(world) -> None:
    gap = (
        'gaps.printer = { kind = "first", ask = "Кто напечатал {s|accs}?", '
        'describe = "[мастер], [напечатавший] {s|accs}", then = "birth-year", stems = ["печат"] }\n\n[ode]'
    )
    world.edit("facts.toml", "\n[ode]", gap)
    drafts = {draft.question.qid: draft.question for draft in build(world.folder).unread}
    question = drafts["un-test-poem.printer.birth-year"]
    assert question.question == "В каком году родился мастер, напечатавший поэму «Утро»?"
    assert [(hop.question, hop.answer) for hop in question.hops] == [("Кто напечатал поэму «Утро»?", "")]


def test_values_are_compared(world) -> None:
    world.edit(
        "facts.toml",
        "[poem]",
        '[rival]\nname = "[Пётр] [Полевой]"\nkind = "person"\ngender = "masc"\npage = "4"\nmentions = ["полев"]\n'
        'answers = ["Пётр Полевой"]\nsplit = "dev"\n'
        'facts.birth-year = { answers = ["1799"], evidence = "в 1799 году", value = 1799 }\n\n[poem]',
    )
    world.edit("templates.toml", "[birth-year]\n", '[birth-year]\nleast = ["Кто старше: {a} или {b}?"]\n')
    drafts = {draft.question.qid: draft.question for draft in build(world.folder).unread}
    question = drafts["ts-dev-rival.birth-year~poet.birth-year"]
    assert question.question == "Кто старше: Пётр Полевой или Иван Лесной?"
    assert question.answers == ("Пётр Полевой",)
    assert [hop.answer for hop in question.hops] == ["1799", "1801"]


def test_nothing_leads_back_to_where_it_began(world) -> None:
    world.edit(
        "facts.toml",
        'facts.birth-city = { answers = ["Тверь"]',
        'facts.birth-city = { object = "poem", answers = ["Тверь"]',
    )
    qids = [draft.question.qid for draft in build(world.folder).unread]
    assert "ts-dev-poem.author.birth-city" not in qids
    assert "ts-dev-ode.author.birth-city" in qids


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            'object = "poet", evidence = "написал',
            'object = "nobody", evidence = "написал',
            "object 'nobody' is no entity",
        ),
        ('answers = ["Тверь"], ', "", "poet.facts.birth-city: no answers"),
        ("facts.birth-city", "facts.birthplace", "no templates for the relation 'birthplace'"),
        ('evidence = "родился в 1801 году" }', 'evidence = "раз два три четыре пять шесть" }', "at most 5 words"),
        ('gender = "masc"', 'gender = "male"', "poet: field gender"),
        ('page = "1"', "", "poem.facts.author: no page"),
        ("[poem]", "[poem", "not TOML"),
    ],
)
def test_mistakes_in_the_facts_are_named(world, old, new, message) -> None:
    world.edit("facts.toml", old, new)
    with pytest.raises(InputError, match=message):
        build(world.folder)
