"""Bodies of requests to the whole application: whatever is sent, the service answers and does not fail."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.fuzzing.material import JSON
from benchmarks.fuzzing.target import Budget, Scratch, Target, bytes_of

_ADDRESSES = (
    "/api/search", "/api/answer", "/api/retrieve", "/v1/chat/completions", "/api/feedback", "/api/documents",
    "/nowhere",
)  # fmt: skip
_BODIES = (
    {
        "question": "Какова глубина Байкала?",
        "k": 3,
        "retriever": "bm25",
        "rerank": False,
        "filter": {"topic": "география"},
        "spans": True,
    },
    {"question": "Кто написал «Солярис»?", "agent": True, "stream": True},
    {"question": "Где?", "chunk_ids": ["baikal_0"]},
    {
        "model": "russian-rag",
        "messages": [{"role": "system", "content": "Да"}, {"role": "user", "content": "Где Байкал?"}],
        "stream": False,
    },
    {"question": "Где?", "answer": "там", "verdict": "good", "comment": "да"},
    {"documents": [{"doc_id": "а", "text": "Озеро."}]},
    {"query": "Байкал", "k": 2},
)
_FIELDS = (
    '"question":', '"k":', '"filter":{"$and":[', '"chunk_ids":[', '"messages":[', '"role":"user"',
    '"content":[{"type":"text","text":', '"stream":true', '"agent":true', '"retriever":"dense"', "\u0301" * 40,
)  # fmt: skip
_ARTICLES = ("baikal", "angara", "lem")


def open_target(name: str, scratch: Scratch) -> Target:  # noqa: ARG001 - there is one
    """The application over a small index that no request changes; the first byte of an input chooses the address."""
    from fastapi.testclient import TestClient

    from rag.demo import demo_corpus
    from rag.index import build_index, open_index
    from rag.profile import load_profile
    from rag.serve.app import create_app
    from rag.serve.options import ServeOptions
    from rag.serve.service import Service
    from rag.serve.snapshots import Snapshot, Snapshots

    index = scratch.folder / "index"
    found = sorted(path for path in demo_corpus().rglob("*.md") if path.stem in _ARTICLES)
    profile = load_profile("offline")
    build_index(found, index, profile.index, profile=profile.name)
    options = ServeOptions(workers=1, read_only=True, cached=0, feedback=Path(scratch.folder, "feedback.jsonl"))
    service = Service(Snapshots(Snapshot(open_index(index), profile), lambda: open_index(index)), options)
    client = scratch.stack.enter_context(TestClient(create_app(service), base_url="http://127.0.0.1"))

    def check(data: bytes) -> None:
        address = _ADDRESSES[data[0] % len(_ADDRESSES)] if data else "/"
        response = client.post(address, content=data[1:], headers={"content-type": "application/json"})
        assert response.status_code < 500, f"{address}: {response.status_code} {response.text[:200]}"
        if response.headers["content-type"].startswith("application/json"):
            response.json()

    seeds = [
        bytes([at % len(_ADDRESSES)]) + json.dumps(body, ensure_ascii=False).encode() for at, body in enumerate(_BODIES)
    ]
    # Search and reading of the whole pipeline, in another thread.
    budget = Budget(seconds=1.5, seconds_per_megabyte=30, memory=256 * 2**20, memory_per_byte=1_000)
    return Target(check, tuple(seeds), bytes_of(*JSON, *_FIELDS), budget, longest=50_000)
