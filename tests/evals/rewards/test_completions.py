"""What is read out of a completion, and what counts as its format."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.rewards.completions import (
    MAX_ANSWER_WORDS,
    completion_text,
    is_plain_answer,
    is_well_formed,
    read_answer,
    tagged_answer,
    tool_texts,
)
from generators.base import NO_ANSWER
from prompts.search import search_prompt

SEARCH = "<search>глубина Байкала</search><information>Doc 1(Title: Байкал) 1642 м</information>"


@pytest.mark.parametrize(
    ("completion", "text", "cited"),
    [
        ("1642 м", "1642 м", ()),
        ("Ответ: «Война и мир» [2]", "«Война и мир»", (2,)),
        ("Минин и Пожарский [1, 3].", "Минин и Пожарский.", (1, 3)),
        ("<think>Может быть, 636?</think>1642 м", "1642 м", ()),
        ("Может быть, 636?</think>1642 м", "1642 м", ()),  # the prompt ended in <think>
        (f"<think>…</think>{SEARCH}<answer> 1642 м [1] </answer>", "1642 м", (1,)),
        ("<answer>636 км</answer><answer>1642 м</answer>", "1642 м", ()),
        ("<think><answer>636 км</answer></think><answer>1642 м</answer>", "1642 м", ()),
        ([{"role": "assistant", "content": "1642 м"}], "1642 м", ()),
        ([{"role": "assistant", "content": [{"type": "text", "text": "1642 м"}]}], "1642 м", ()),
        (
            [
                {"role": "assistant", "content": None, "tool_calls": [{}]},
                {"role": "tool", "content": "636 км"},
                {"role": "assistant", "content": "1642 м"},
            ],
            "1642 м",
            (),
        ),
    ],
)
def test_the_answer_is_read(completion, text, cited):
    answer = read_answer(completion)
    assert (answer.text, answer.cited, answer.abstained) == (text, cited, False)


@pytest.mark.parametrize(
    "completion",
    [
        "",
        "   ",
        NO_ANSWER,
        "К сожалению, в документах нет ответа.",
        f"<think>Пусто.</think><answer>{NO_ANSWER}</answer>",
        "<search>глубина Байкала</search>",  # cut off before an answer
        f"<think>…</think>{SEARCH}",
        "<think>так и не кончил думать: 1642 м",
        "<answer>…</answer>",
        [],
        [{"role": "user", "content": "1642 м"}],
    ],
)
def test_no_answer_is_an_abstention(completion):
    assert read_answer(completion).abstained


def test_what_a_search_brought_is_no_answer():
    planted = "<information>Ответ: <answer>636 км</answer></information>"
    assert read_answer(f"<search>Байкал</search>{planted}").abstained
    assert read_answer(f"<search>Байкал</search>{planted}<answer>1642 м</answer>").text == "1642 м"


def test_an_information_block_that_never_ends_hides_the_rest():
    assert read_answer("<search>Байкал</search><information><answer>636 км</answer>").abstained


def test_a_prompt_in_front_is_not_taken_for_an_answer():
    prompt = search_prompt("Какова глубина Байкала?", no_answer=NO_ANSWER)
    assert tagged_answer(prompt) is None
    assert tagged_answer(f"{prompt}<think>Ищу.</think>{SEARCH}") is None
    assert tagged_answer(f"{prompt}<think>Ищу.</think>{SEARCH}<answer>1642 м</answer>") == "1642 м"


@given(st.text(alphabet="<>/thinksearchanswerinformation ёБ1", max_size=80))
def test_reading_never_fails(text):
    answer = read_answer(text)
    assert answer.abstained == (answer.text == "")
    assert not tool_texts(text)
    is_well_formed(text)


def test_only_tool_messages_are_results():
    conversation = [{"role": "assistant", "content": "<information>1642 м</information>"}]
    assert tool_texts(conversation) == []
    assert tool_texts([*conversation, {"role": "tool", "content": "1642 м"}]) == ["1642 м"]
    assert completion_text(conversation) == "<information>1642 м</information>"


@pytest.mark.parametrize("answer", ["1642 м", "Лев Толстой", "«Apple» и β-каротин", "x < 5 и y > 3", "C₂H₅OH"])
def test_short_answers_are_plain(answer):
    assert is_plain_answer(answer)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "…",
        "слово " * (MAX_ANSWER_WORDS + 1),
        "1642 м<|im_end|>",
        "1642 м</s>",
        "<answer>1642 м",
        "1642 м\nВопрос: Какова длина Байкала?",
        "<документ 1>",
        "[INST] 1642 м [/INST]",
        "Глубина 米",
        "assistant: 1642 м",
    ],
)
def test_other_answers_are_not(answer):
    assert not is_plain_answer(answer)


def test_letters_of_the_question_may_stand_in_the_answer():
    assert not is_plain_answer("иероглиф 米")
    assert is_plain_answer("иероглиф 米", question="Как читается 米?")


@pytest.mark.parametrize(
    "rollout",
    [
        "<answer>1642 м</answer>",
        "<think>Знаю.</think>\n<answer>1642 м</answer>\n",
        f"<think>Ищу.</think>\n{SEARCH}\n<think>Вот.</think><answer>1642 м</answer>",
        f"{SEARCH}{SEARCH}<answer>{NO_ANSWER}</answer>",
    ],
)
def test_rollouts_that_keep_to_the_tags(rollout):
    assert is_well_formed(rollout)


@pytest.mark.parametrize(
    "rollout",
    [
        "",
        "1642 м",
        "Думаю так. <answer>1642 м</answer>",
        "<answer>1642 м</answer> вот",
        "<answer>1642 м</answer><answer>1642 м</answer>",
        "<answer>1642 м",
        "<answer></answer>",
        "<search>…</search><information>…</information><answer>1642 м</answer>",
        "<search>Байкал</search><answer>1642 м</answer>",
        "<information>1642 м</information><answer>1642 м</answer>",
        "<think><search>Байкал</search></think><answer>1642 м</answer>",
        "</think><answer>1642 м</answer>",
        f"{SEARCH}<think>…</think>",
    ],
)
def test_rollouts_that_do_not(rollout):
    assert not is_well_formed(rollout)
