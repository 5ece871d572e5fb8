"""An answer without end is stopped, and whoever sends it hears of that."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

pytest.importorskip("playwright.sync_api", reason="playwright of the extra test is not installed")

from playwright.sync_api import expect

from tests.rag.serve.page.serving import PageHandler, listening

CANDIDATE = {
    "chunk_id": "a", "doc_id": "a", "title": "", "text": "слово", "start": 0, "scores": {}, "matches": [], "span": None,
    "metadata": {},
}  # fmt: skip


class Endless(PageHandler):
    """Beside the page a search that finds one passage, and an answer that goes on until nobody listens."""

    left: threading.Event
    info: dict[str, Any]

    def do_GET(self) -> None:  # noqa: N802 - a name of http.server
        if self.path == "/api/info":
            self.send(json.dumps(self.info).encode(), "application/json")
        else:
            super().do_GET()

    def do_POST(self) -> None:  # noqa: N802
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.path == "/api/search":
            self.send(json.dumps({"candidates": [CANDIDATE], "timings": {}}).encode(), "application/json")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        try:
            while not self.left.wait(0.02):
                self.wfile.write('event: token\ndata: {"text": "слово "}\n\n'.encode())
        except OSError:
            self.left.set()


@pytest.fixture
def endless(api) -> Iterator[tuple[str, threading.Event]]:
    Endless.left, Endless.info = threading.Event(), api.info
    with listening(Endless) as origin:
        yield origin, Endless.left
        Endless.left.set()


@pytest.mark.parametrize("way", ["Escape", "button"])
def test_an_answer_is_stopped(endless, visitor, way):
    origin, left = endless
    page = visitor(origin).page
    page.goto(origin)
    page.locator("#question").fill("Что дальше?")
    page.locator("#question").press("Enter")
    expect(page.locator("#answer-text")).to_contain_text("слово слово")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "true")
    if way == "button":
        page.get_by_role("button", name="Остановить").click()
    else:
        page.keyboard.press("Escape")
    expect(page.locator("#stage")).to_have_text("Остановлено.")
    expect(page.locator("#answer-note")).to_have_text("Остановлено: ответ неполон.")
    expect(page.locator("#answer")).to_have_attribute("aria-busy", "false")
    expect(page.locator("#stop")).to_be_hidden()
    assert left.wait(10)
    expect(page.locator("#answer-text")).to_contain_text("слово слово")
    expect(page.locator("#ask-error")).to_be_hidden()
