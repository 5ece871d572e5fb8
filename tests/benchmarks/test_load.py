"""A short load of a real service: the figures add up, and a torn response would be seen."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("uvicorn", reason="uvicorn of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

import httpx

from benchmarks.load.__main__ import main
from benchmarks.load.clients import Client, Marked, Observed
from rag.demo import demo_corpus
from rag.index import build_index
from rag.profile import load_profile


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("load")
    articles = sorted(demo_corpus().rglob("*.md"))[:8]
    build_index(articles, folder / "index", load_profile("offline").index, profile="offline")
    return folder / "index"


def test_a_service_under_load_while_its_index_changes(index, tmp_path, capsys):
    questions = tmp_path / "questions.jsonl"
    questions.write_text('{"qid": "1", "question": "Кто написал картину?"}\n{"qid": "2", "question": "Где это?"}\n')
    flags = ["--clients", "4", "--seconds", "4", "--pause", "0.5"]
    assert main(["--index", str(index), "--questions", str(questions), *flags]) == 0
    printed = capsys.readouterr().out
    assert "torn responses: 0" in printed
    assert int(re.search(r"generations read: (\d+)", printed)[1]) >= 1
    assert int(re.search(r"updates: (\d+)", printed)[1]) >= 1
    assert int(re.search(r"│ +all │ +(\d+)", printed)[1]) > 10


def observed_of(replies) -> Observed:
    """What one client sees of a service that answers every search with the next of ``replies``, over and over."""
    waiting = iter(replies)

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/api/search" and json.loads(request.content)["question"] == Marked().question:
            return next(waiting, httpx.Response(429, headers={"Retry-After": "0"}))
        return httpx.Response(429, headers={"Retry-After": "0"})

    async def run() -> Observed:
        seen = Observed()
        async with httpx.AsyncClient(transport=httpx.MockTransport(answer), base_url="http://127.0.0.1") as http:
            client = Client(http, ["Где это?"], Marked(), seen, seed=1)
            await client.run(asyncio.get_running_loop().time() + 0.5)
        return seen

    return asyncio.run(run())


def reply(generation: str, *versions: int) -> httpx.Response:
    marked = Marked(paragraphs=1)
    candidates = [{"doc_id": marked.doc_id, "text": marked.written(version)["text"]} for version in versions]
    return httpx.Response(200, json={"generation": generation, "candidates": candidates})


def test_two_versions_in_one_response_are_torn():
    seen = observed_of([reply("a", 1, 1), reply("b", 1, 2)])
    assert seen.torn == ["b: versions [1, 2]"]
    assert seen.told_to_wait > 0
    assert len(seen.seconds["search_marked"]) == 2


def test_two_versions_of_one_generation_are_torn():
    assert observed_of([reply("a", 1), reply("a", 2)]).torn == ["a: versions [1, 2]"]


def test_failures_are_counted_by_what_they_were():
    seen = observed_of([httpx.Response(500, text="внутри")])
    assert list(seen.failures) == ["search_marked: 500 внутри"]
