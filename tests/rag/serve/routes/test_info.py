"""GET /api/info: what a client may rely on."""

from __future__ import annotations

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")

from rag.index import open_index
from rag.question import MAX_QUESTION


def test_it_tells_of_the_index_and_the_limits(client, demo_copy):
    info = client.get("/api/info").json()
    with open_index(demo_copy) as index:
        manifest = index.manifest
    assert (info["generation"], info["documents"], info["chunks"]) == (
        manifest.generation,
        manifest.documents,
        manifest.chunks,
    )
    assert info["documents"] == 8
    assert (info["profile"], info["retriever"], info["rerank"]) == ("offline", "hybrid", True)
    assert info["retrievers"] == ["bm25", "tfidf", "dense", "hybrid", "coverage"]
    assert info["limits"]["question_characters"] == MAX_QUESTION
    assert {".txt", ".md", ".pdf", ".docx"} <= set(info["limits"]["upload_suffixes"])
    assert (info["writable"], info["token_required"]) == (True, False)


def test_it_says_what_the_options_changed(make_service, client_of):
    token = "достаточно-длинный".encode().hex()
    with client_of(make_service(read_only=True, token=token, chosen=7)) as client:
        info = client.get("/api/info", headers={"Authorization": f"Bearer {token}"}).json()
    assert (info["writable"], info["token_required"], info["limits"]["chosen"]) == (False, True, 7)
    assert token not in str(info)
