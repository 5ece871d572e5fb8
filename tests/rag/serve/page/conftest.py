"""A browser, the page without a server, and the page of a real one."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from tests.rag.serve.page.serving import PageHandler, listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route


ROOT = Path(__file__).resolve().parents[4]
CORPUS = ROOT / "rag" / "demo" / "corpus"
ARTICLES = (
    "geography/baikal", "geography/angara", "geography/ladoga", "nature/baikal-seal", "literature/solaris-novel",
    "literature/solaris-film", "literature/lem", "literature/pushkin", "literature/captains-daughter",
    "sport/lev-yashin", "technology/sputnik-1", "handbook/vacation",
)  # fmt: skip
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
HOW_TO = "apt-get install chromium, or playwright install chromium, or RAG_CHROMIUM=/path/to/it"
# No word to any other host: a browser of its own accord asks for updates and for what it thinks the network is like.
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
)  # fmt: skip
DESKTOP, PHONE = (1280, 900), (390, 844)
WAIT = 20_000  # milliseconds; a busy machine needs some of them


@pytest.fixture(scope="session")
def chromium() -> str:
    """Path of the browser; whatever needs one is skipped before anything is built for it."""
    api = pytest.importorskip("playwright.sync_api", reason=f"playwright of the extra test is not installed; {HOW_TO}")
    named = os.environ.get("RAG_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if named is None:
        with api.sync_playwright() as playwright:
            named = playwright.chromium.executable_path
    if not Path(named).exists():
        pytest.skip(f"there is no Chromium ({named}): {HOW_TO}")
    return str(named)


# A browser of playwright's synchronous interface keeps an event loop running in this thread, which asynchronous tests
# of other modules cannot share: it is closed with its module.
@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield opened
        opened.close()


@dataclass
class Visit:
    """A page in a browser of its own, and what went on in it."""

    page: Page
    origin: str
    expected: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self) -> None:
        self.page.on("console", lambda said: self._heard(said.type, said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(f"uncaught: {error}"))
        self.page.on("dialog", lambda dialog: self._dialog(dialog))
        self.page.on("request", lambda request: self._asked(request.url))

    def expect_failures(self, *statuses: int) -> None:
        """The browser itself writes a failed request to the console: those of these statuses are meant to fail."""
        self.expected += [f"status of {status} " for status in statuses]

    def _heard(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"} and not any(one in text for one in self.expected):
            self.complaints.append(f"{kind}: {text}")

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin + "/", "data:")):
            self.foreign.append(url)


Visitor = Callable[..., Visit]


@pytest.fixture
def visitor(browser: Browser) -> Iterator[Visitor]:
    """Opens browsers of their own; in the end nothing was complained of, and nobody else was asked for anything."""
    visits: list[Visit] = []

    def visit(origin: str, size: tuple[int, int] = DESKTOP, **options: Any) -> Visit:
        context = browser.new_context(viewport={"width": size[0], "height": size[1]}, locale="ru-RU", **options)
        context.set_default_timeout(WAIT)
        opened = Visit(context.new_page(), origin)
        opened.watch()
        visits.append(opened)
        return opened

    yield visit
    for one in visits:
        one.page.context.close()
    assert [complaint for one in visits for complaint in one.complaints] == []
    assert [url for one in visits for url in one.foreign] == []


@pytest.fixture(scope="session")
def files() -> Iterator[str]:
    """Origin of the page's files alone."""
    with listening(PageHandler) as origin:
        yield origin


@pytest.fixture
def fake(visitor: Visitor, files: str) -> Callable[..., Visit]:
    """The page with no service behind it: the API's paths answer what a test says (data for JSON, or a function)."""

    def opened(api: dict[str, Any] | None = None, **options: Any) -> Visit:
        visit = visitor(files, **options)
        answers = {"/api/info": INFO} | (api or {})

        def answer(route: Route) -> None:
            found = answers[route.request.url.removeprefix(files).partition("?")[0]]
            if callable(found):
                found(route)
            else:
                route.fulfill(json=found)

        visit.page.route(f"{files}/api/**", answer)
        visit.page.goto(f"{files}/")
        return visit

    return opened


INFO: dict[str, Any] = {
    "name": "russian-rag", "version": "1", "profile": "offline", "generation": "g1", "documents": 2, "chunks": 22,
    "retrievers": ["bm25", "hybrid"], "retriever": "hybrid", "rerank": True, "agent": True, "writable": True,
    "token_required": False,
    "limits": {
        "question_characters": 1000, "upload_bytes": 2**20, "upload_suffixes": [".txt", ".md"], "chosen": 3, "k": 100,
    },
}  # fmt: skip


@pytest.fixture
def api() -> SimpleNamespace:
    """Answers of the API: ``info`` as data, and ``refused`` and ``events`` to make others of."""
    return SimpleNamespace(info=INFO, refused=_refused, events=_events)


def _refused(code: str, status: int, **headers: str) -> Callable[[Route], None]:
    body = {"error": {"id": "0badf00d", "code": code, "type": "server_error", "message": "what to do", "param": None}}
    return lambda route: route.fulfill(status=status, json=body, headers=headers)


def _events(*parts: tuple[str, Any]) -> Callable[[Route], None]:
    text = "".join(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n" for name, data in parts)
    return lambda route: route.fulfill(body=text, content_type="text/event-stream; charset=utf-8")


@pytest.fixture(scope="module")
def modules(browser: Browser, files: str) -> Iterator[Callable[..., Any]]:
    """Runs an expression over a module's exports, ``m``, and ``given``, in the browser."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{files}/static/icon.svg")

    def run(module: str, expression: str, given: Any = None) -> Any:
        script = f"async (given) => {{ const m = await import('/static/{module}'); return ({expression}); }}"
        return page.evaluate(script, given)

    yield run
    context.close()


@pytest.fixture(scope="session")
def small_index(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of a dozen articles of the demo corpus."""
    from rag.index import build_index
    from rag.profile import load_profile

    directory = tmp_path_factory.mktemp("page-index") / "index"
    profile = load_profile()
    build_index([CORPUS / f"{name}.md" for name in ARTICLES], directory, profile.index, profile=profile.name)
    return directory


@dataclass(frozen=True)
class Served:
    """A running service."""

    url: str
    feedback: Path


@pytest.fixture(scope="session")
def served(small_index: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """``python -m rag.serve`` over the small index; whoever adds documents removes them."""
    for package in ("fastapi", "uvicorn", "multipart", "prometheus_client"):
        pytest.importorskip(package, reason=f"{package} of the extra serve is not installed")
    folder = tmp_path_factory.mktemp("page-served")
    feedback, log = folder / "feedback.jsonl", folder / "serve.log"
    command = [sys.executable, "-m", "rag.serve", "--index", small_index, "--port", "0", "--feedback", feedback]
    environment = {name: value for name, value in os.environ.items() if name != "RAG_SERVE_TOKEN"}
    environment |= {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}
    with log.open("wb") as file, subprocess.Popen(command, stderr=file, env=environment) as process:
        try:
            yield Served(_address(process, log), feedback)
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def changeable(served: Served) -> Iterator[Served]:
    """The same for a test that adds documents: what it leaves there is removed."""
    yield served
    with urllib.request.urlopen(f"{served.url}/api/documents?limit=500") as response:
        left = {one["doc_id"] for one in json.load(response)["documents"]}
    for name in left - {article.rpartition("/")[2] for article in ARTICLES}:
        address = f"{served.url}/api/documents/{urllib.parse.quote(name, safe='')}"
        urllib.request.urlopen(urllib.request.Request(address, method="DELETE")).close()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    """Where the service said that it listens."""
    while process.poll() is None:
        if said := re.search(r"http://[\w.:\[\]]+", log.read_text(encoding="utf-8")):
            return said.group().rstrip("/")
        try:
            process.wait(0.1)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError(f"the service did not start:\n{log.read_text(encoding='utf-8')}")
