"""Other words to search with: each way that is taken by itself can find something else behind the compressor."""

from __future__ import annotations

from pathlib import Path

import pytest

from rag.agent.building import build_agent
from rag.agent.options import AgentOptions, Way
from rag.agent.ways import build_ways
from rag.index import Index, build_index, open_index
from rag.profile import load_profile
from retrievers.documents import chunk_id_of
from retrievers.errors import InputError

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    directory = tmp_path_factory.mktemp("ways") / "index"
    build_index([ROOT / "rag" / "demo" / "corpus"], directory, load_profile().index, profile="offline")
    with open_index(directory) as opened:
        yield opened


def evidence(index: Index, way: str, question: str) -> list[str]:
    agent = build_agent(index, load_profile("offline", {"agent": {"planner": "none"}}))
    chain = agent.chain.model_copy(update={"retriever": agent._searcher._chains[way].retriever})
    return [chunk_id_of(one) for one in chain.search(question).documents]


@pytest.mark.parametrize("way", ["names", "feedback"])
def test_a_way_finds_other_passages(index, way) -> None:
    question = "Какой рост был у Льва Яшина?"
    assert set(evidence(index, way, question)) != set(evidence(index, "question", question))


def test_what_the_chain_does_already_is_no_other_way(index) -> None:
    searched = load_profile("offline", {"retrieval": {"expansion": {"kind": "feedback"}}}).retrieval
    assert list(build_ways(index, searched, AgentOptions(), None)) == ["names"]
    assert list(build_ways(index, load_profile().retrieval, AgentOptions(), None)) == ["names", "feedback"]


def test_ways_are_named_between_commas() -> None:
    profile = load_profile("offline", {"agent": {"ways": "names, synonyms"}})
    assert profile.agent.ways == (Way.NAMES, Way.SYNONYMS)
    with pytest.raises(InputError, match=r"agent\.ways"):
        load_profile("offline", {"agent": {"ways": "none"}})


def test_a_way_that_needs_a_model_says_so(index) -> None:
    with pytest.raises(InputError, match="needs a language model"):
        build_agent(index, load_profile("offline", {"agent": {"ways": "hyde"}}))


def test_a_name_without_words_is_no_error(index) -> None:
    agent = build_agent(index, load_profile("offline"))
    assert agent.invoke("Кто записал альбом «÷»?").answer.abstained
