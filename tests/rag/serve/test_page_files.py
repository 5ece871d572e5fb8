"""The files of the page over HTTP."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("fastapi", reason="fastapi of the extra serve is not installed")
pytest.importorskip("httpx", reason="httpx of the extra test is not installed")

from fastapi import FastAPI
from fastapi.testclient import TestClient

from rag.serve.handlers import install_handlers
from rag.serve.page_files import is_current, read_page
from rag.serve.routes.page import page_router


@pytest.fixture(scope="module")
def client() -> TestClient:
    app = FastAPI()
    install_handlers(app)
    app.include_router(page_router())
    return TestClient(app)


def test_everything_that_the_page_names_is_there(client):
    html = client.get("/").text
    named = set(re.findall(r'(?:href|src)="(/static/[^"]+)"', html))
    modules = {name for name in read_page() if name.endswith(".js")}
    imported = {
        name
        for module in modules
        for name in re.findall(r'from "\./([\w-]+\.js)"', read_page()[module].content.decode())
    }
    assert {f"/static/{name}" for name in read_page()} == named | {f"/static/{name}" for name in imported} | {
        "/static/index.html"
    }
    assert {client.get(path).status_code for path in named} == {200}


def test_every_id_that_a_module_asks_for_is_in_the_page():
    files = {name: file.content.decode() for name, file in read_page().items()}
    ids = re.findall(r'\sid="([\w-]+)"', files["index.html"])
    assert len(ids) == len(set(ids))
    asked = {name: set(re.findall(r'byId\("([\w-]+)"\)', text)) for name, text in files.items()}
    assert {name: found - set(ids) for name, found in asked.items() if found - set(ids)} == {}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/", "text/html"),
        ("/static/main.js", "text/javascript"),
        ("/static/base.css", "text/css"),
        ("/static/icon.svg", "image/svg+xml"),
    ],
)
def test_files_come_with_their_type_and_are_asked_about_again(client, path, kind):
    first = client.get(path)
    assert first.headers["content-type"].split(";")[0] == kind
    assert first.headers["cache-control"] == "no-cache"
    again = client.get(path, headers={"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert client.head(path).headers["content-length"] == str(len(first.content))


@pytest.mark.parametrize(
    "name", ["../routes/page.py", "..%2froutes%2fpage.py", "%2e%2e/app.py", "nothing.js", "", "a/b.js"]
)
def test_no_name_leaves_the_folder(client, name):
    assert client.get(f"/static/{name}").status_code == 404


@pytest.mark.parametrize(
    ("header", "current"),
    [
        (None, False),
        ('"a"', True),
        ('W/"a"', True),
        ('"b", "a"', True),
        ("*", True),
        ('"b"', False),
        ("", False),
        ("a", False),
    ],
)
def test_what_a_browser_holds_is_recognised(header, current):
    assert is_current('"a"', header) is current
