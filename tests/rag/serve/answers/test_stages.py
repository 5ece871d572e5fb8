"""Stages told from the runs of a chain."""

from __future__ import annotations

import pytest
from langchain_core.runnables import RunnableLambda

from rag.serve.answers.stages import StageTeller


@pytest.fixture
def told():
    return []


@pytest.fixture
def config(told):
    return {
        "callbacks": [StageTeller(lambda event: told.append((event.name, event.data["stage"], event.data["state"])))]
    }


def named(name, work):
    return RunnableLambda(work, name=name)


def test_only_stages_are_told(told, config):
    named("подготовка", lambda text: named("rerank", str).invoke(text)).invoke("вопрос", config)
    assert told == [("stage", "rerank", "start"), ("stage", "rerank", "done")]


def test_a_stage_inside_its_own_kind_is_a_part_of_it(told, config):
    named("plan", lambda text: named("plan", str).invoke(text)).invoke("вопрос", config)
    assert told == [("stage", "plan", "start"), ("stage", "plan", "done")]
    named("plan", str).invoke("вопрос", config)
    assert len(told) == 4


def test_a_stage_that_fails_has_ended(told, config):
    with pytest.raises(ZeroDivisionError):
        named("generate", lambda _: 1 / 0).invoke("вопрос", config)
    named("generate", str).invoke("вопрос", config)
    assert [state for _, _, state in told] == ["start", "done"] * 2
